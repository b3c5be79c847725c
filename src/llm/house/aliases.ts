/** Other names that guests use for what is on a menu. Those of drinks that a bar does not serve are ignored. */
export interface DrinkAlias {
  readonly phrase: string
  readonly item: string
  readonly modifiers: readonly string[]
  /** Long and odd enough to be met with typing errors. */
  readonly forgiving: boolean
}

const plain: Readonly<Record<string, readonly string[]>> = {
  'Tap Beer': [
    'beer',
    'pint',
    'pint of beer',
    'draft beer',
    'draught beer',
    'draft',
    'draught',
    'beer on tap',
    'house beer',
    'cold one',
    'tap beer pint',
    'beer from the tap',
    'brewski',
    'bier',
  ],
  'Classic Brew': ['brew', 'classic beer', 'classic brew beer'],
  IPA: ['india pale ale', 'indian pale ale', 'ipa beer', 'i p a', 'pint of ipa', 'i.p.a'],
  Whiskey: ['whisky', 'wiskey', 'whiskie'],
  Cosmopolitan: ['cosmo', 'cosmos'],
  'Old Fashioned': ['old fashion', 'old fashions', 'oldfashion'],
  'Long Island': [
    'long island iced tea',
    'long island ice tea',
    'long island tea',
    'long islands iced tea',
    'long island icetea',
    'longisland iced tea',
    'longisland ice tea',
    'longisland iced tea',
    'longisland ice tea',
    'long island iced teas',
    'long island ice teas',
    'liit',
  ],
  'Iced Tea': ['ice tea', 'icetea', 'cold tea', 'tea with ice'],
  Water: ['tap water', 'still water', 'ice water', 'iced water', 'h2o', 'plain water', 'agua'],
  Lemonade: ['lemon ade', 'limonade'],
  Soda: ['club soda', 'soda water', 'soda pop'],
  Martini: ['martinee', 'martini cocktail'],
  Daiquiri: ['dacquiri', 'daquiri', 'daiquiri cocktail'],
  Negroni: ['negroni cocktail'],
  Manhattan: ['manhattan cocktail'],
}

const forgivingAliases = new Set(['whisky', 'dacquiri', 'daquiri'])

const mixed: readonly (readonly [phrase: string, item: string, modifiers: readonly string[]])[] = [
  ['gin and tonic', 'Gin', ['With Tonic']],
  ['gin tonic', 'Gin', ['With Tonic']],
  ['g and t', 'Gin', ['With Tonic']],
  ['gnt', 'Gin', ['With Tonic']],
  ['vodka and tonic', 'Vodka', ['With Tonic']],
  ['vodka tonic', 'Vodka', ['With Tonic']],
  ['vodkatini', 'Martini', ['With Vodka']],
]

export const drinkAliases: readonly DrinkAlias[] = [
  ...Object.entries(plain).flatMap(([item, phrases]) =>
    phrases.map((phrase) => ({ phrase, item, modifiers: [], forgiving: forgivingAliases.has(phrase) })),
  ),
  ...mixed.map(([phrase, item, modifiers]) => ({ phrase, item, modifiers, forgiving: false })),
]

export const modifierAliases: readonly (readonly [phrase: string, modifier: string])[] = [
  ['rocks', 'On the Rocks'],
  ['on rocks', 'On the Rocks'],
  ['on the rock', 'On the Rocks'],
  ['on ice', 'On the Rocks'],
  ['over ice', 'On the Rocks'],
  ['over rocks', 'On the Rocks'],
  ['over the rocks', 'On the Rocks'],
  ['with ice', 'On the Rocks'],
  ['with some ice', 'On the Rocks'],
  ['with ice cubes', 'On the Rocks'],
  ['with rocks', 'On the Rocks'],
  ['without ice', 'No Ice'],
  ['without any ice', 'No Ice'],
  ['with no ice', 'No Ice'],
  ['with out ice', 'No Ice'],
  ['hold the ice', 'No Ice'],
  ['skip the ice', 'No Ice'],
  ['leave out the ice', 'No Ice'],
  ['leave the ice out', 'No Ice'],
  ['lose the ice', 'No Ice'],
  ['zero ice', 'No Ice'],
  ['not with ice', 'No Ice'],
  ['ice free', 'No Ice'],
  ['no rocks', 'No Ice'],
  ['not on the rocks', 'No Ice'],
  ['stired', 'Stirred'],
  ['shaked', 'Shaken'],
  ['shook', 'Shaken'],
  ['blended', 'Frozen'],
  ['with tonic water', 'With Tonic'],
  ['with soda water', 'With Soda'],
  ['with club soda', 'With Soda'],
  ...garnish('With a Twist', [
    'twist',
    'lemon twist',
    'orange twist',
    'lime twist',
    'twist of lemon',
    'twist of lime',
    'twist of orange',
  ]),
  ...garnish('With Olives', ['olive', 'olives', 'couple of olives', 'extra olives']),
  ...garnish('With Lime', [
    'lime',
    'limes',
    'lime wedge',
    'wedge of lime',
    'slice of lime',
    'lime slice',
    'lime juice',
    'squeeze of lime',
    'splash of lime',
    'dash of lime',
    'touch of lime',
  ]),
  ...garnish('With Lemon', [
    'lemon',
    'lemons',
    'lemon wedge',
    'slice of lemon',
    'wedge of lemon',
    'lemon slice',
    'lemon juice',
    'squeeze of lemon',
    'splash of lemon',
    'dash of lemon',
    'touch of lemon',
  ]),
  ...garnish('With Salt', ['salt', 'salt rim', 'salted rim', 'salty rim', 'rim of salt', 'pinch of salt']),
  ...garnish('With Tonic', ['splash of tonic', 'dash of tonic', 'bit of tonic', 'touch of tonic']),
  ...garnish('With Soda', ['splash of soda', 'dash of soda', 'bit of soda', 'touch of soda']),
]

function garnish(modifier: string, names: readonly string[]): readonly (readonly [string, string])[] {
  const ways = ['', 'with ', 'with a ', 'with an ', 'with some ', 'with extra ', 'with two ', 'with 2 ']
  return names.flatMap((name) => ways.map((way) => [way + name, modifier] as const))
}
