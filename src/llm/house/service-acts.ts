import type { Act } from './acts.ts'
import { pattern, type Cursor } from './cursor.ts'
import { readDrinks } from './drinks.ts'
import type { Piece } from './pieces.ts'
import { endOfSentence, textOf } from './sentence.ts'
import { exclusion, tasteIn } from './unwanted.ts'
import type { Lexicon } from './vocabulary.ts'

const show =
  '(?:(?:can|could|may|might|would) (?:you|i|we) (?:please |just |also |kindly |maybe )*|please |let (?:me|us) |(?:i|we) (?:would like|would love|want|need)(?: to)? )?'
const see =
  '(?:show(?: me| us)?|see|view|check(?: on| out)?|tell(?: me| us)?(?: about)?|know|look at|have a look at|have|get|bring(?: me| us)?|give(?: me| us)?|hand(?: me| us)?|pass(?: me| us)?|review|hear|read(?: me| us)?(?: back| out)?|repeat|go over|go through|list|display|recap|summari[sz]e|remind me(?: of| about| what is (?:on|in))?|print|confirm|double check|verify|run through|share)'
const sofar =
  '(?: (?:so far|now|right now|already|yet|again|please|today|tonight|currently|at the moment|up to now|back|thus far|to me|for me|then|here|until now|in total|total|maya|still|anyway|at all))*'
const drinkWord =
  '(?:drinks?|cocktails?|beers?|spirits?|liquors?|ITEM|sodas?|soft drinks|non alcoholic drinks|beverages?|ALIEN|options|alcohol|booze|mocktails?|specials?|things|stuff|items)'

const orderFrames = [
  `(?:what|which)(?: drinks| all| exactly| items)? (?:is|are|was|were|do|did|have|has|does|else is|all is) (?:there |i |we |my order |my tab |my list )*(?:already )?(?:in|on|have|got|order|ordered|had|got down|include|contain|down|put|say|look like|so far|put in)(?: (?:for me|for us|in|on|my|our|the|current|whole|order|tab|bill|list|like|i|me|to))*`,
  `where (?:is|are) (?:my|our|the) (?:order|orders|drinks?|ITEM)`,
  `(?:what is|how is|where is) (?:my|the|our) (?:current |whole |full )?order(?: (?:looking|status|at))?`,
  `(?:what is|what are)(?: (?:all|currently|already))? (?:in|on) (?:my|the|our) (?:current )?(?:order|tab|bill|list)`,
  `(?:did|do|have) you (?:already )?(?:get|got|take|taken|have|remember|add|added|put|write|note)(?: (?:down))? (?:my|our|the) (?:order|drinks?|ITEM)(?: down)?`,
  `${show}${see} (?:(?:all|me|back|us|about) )*(?:(?:the|my|our) (?:current |whole |full |open )*(?:order|orders)|(?:my|our) (?:drinks|list|items))(?: (?:back|to me|for me|so far|list|summary))*`,
  `(?:my|the|our|current|my current|order) (?:order|summary|drinks)`,
  `how many (?:drinks|ITEM|cocktails|beers|of (?:those|them)|do|are|items) ?(?:have|did|do|are|is|i|we|had|there)?(?: (?:i|we|have|had|ordered|order|on|in|my|the|tab|bill|got|down|for|me|us|get|drunk|add|added|are|there))*`,
  `(?:did|do|have) (?:i|we) (?:already )?(?:order|ordered|add|added|get|got|have|put|remember)(?: (?:down|my|order|the|a|an|any|NUM|ITEM|on|in|that|it|anything|me|for|to|tab|already|MOD|already))*`,
  `is (?:there )?(?:the |a |an |my |NUM )?ITEM (?:already )?(?:on|in|added to|still on|still in) (?:my|the|our) (?:order|tab|bill|list)`,
  `(?:is|was) (?:that|it|my order|everything|the order) (?:all )?(?:added|ordered|on the tab|in|placed|in there|on my tab|ready|correct|right|in my order)`,
  `what have (?:i|we) (?:got|had|ordered|drunk)`,
  `what did (?:i|we) (?:order|have|get)`,
  `order (?:status|summary|list)`,
].map((source) => pattern(`${source}${sofar}`))

const menuFrames = [
  `${show}(?:${see} )?(?:the |a |your |me the |us the )?(?:drinks? |cocktail |beer |full |whole |bar |wine )*(?:menu|menus|drinks list|drink list|list of (?:drinks|cocktails|beers)|selection|price list|prices|card|carte|choices)`,
  `${show}${see} (?:(?:all|me|us) )*(?:the|your|all) (?:drinks|cocktails|beers|spirits|options|choices|prices|drink options)`,
  `(?:what|which)(?: (?:kinds?|sorts?|types?|all) of)?(?: (?:other|else|all|different|more))?(?: ${drinkWord})*(?: (?:and ${drinkWord}))? (?:do|can|are|is|would|have|does) (?:you (?:guys )?|i |we |the bar |one |there |this (?:bar|place) )?(?:have|serve|got|offer|sell|make|stock|carry|pour|do|get|order|choose from|available|on offer|on the menu|on tap|drink here|mix|prepare|recommend from)(?: (?:on|here|to|for|tap|the|menu|drink|offer|available|drinks|today|tonight|from|me|us|in|stock|sale|behind|bar|you|do|with|alcohol|house|specials?))*`,
  `(?:what|which) (?:is|are)(?: (?:on|in))? (?:the |your |on |available |there |all )*(?:menu|tap|offer|available|drinks|options|choices|cocktails|beers|selection|specials?|special|for drinks|to drink|prices|modifiers|spirits|special today|on tap|modifications)`,
  `what (?:have|do) you (?:got|have)(?: .{0,30})?`,
  `what (?:can|could) (?:i|we) (?:get|order|have|drink|choose)(?: .{0,30})?`,
  `(?:do|have) you (?:have|got) (?:a|any|the) (?:menu|drinks list|drink menu|cocktails?|cocktail menu|drinks|specials?|soft drinks|non alcoholic (?:drinks|options)|happy hour)`,
  `what (?:is|are) (?:the |your )?prices?`,
  `how much (?:are|do) (?:the |your )?(?:drinks|cocktails|beers|spirits|things)(?: cost| here)?`,
  `what else(?: (?:do you have|is there|have you got|can i get))?`,
  `options`,
].map((source) => pattern(`${source}${sofar}`))

/** A question about the order or the menu. */
export function readServiceQuestion(cursor: Cursor): Act | undefined {
  if (cursor.peek(pattern('what (?:else )?can you (?:do|help)')) !== undefined) return undefined
  const start = cursor.at
  for (const [frames, tool] of [
    [orderFrames, 'get_order'],
    [menuFrames, 'get_menu'],
  ] as const) {
    for (const frame of frames) {
      if (cursor.take(frame) !== undefined && cursor.isAtSeparator) return { type: 'ask', tool }
      cursor.at = start
    }
  }
  return undefined
}

/** Words of taste, each as the bar's own word for it. */
const tastes: readonly (readonly [taste: string, words: RegExp])[] = [
  [
    'without alcohol',
    /\b(?:without (?:any )?(?:alcohol|booze)|no (?:alcohol|booze)|non alcoholic|alcohol ?free|nonalcoholic|virgin|mocktails?|soft|sober|zero proof|not alcoholic|free of alcohol|(?:do not|not) drink(?:ing)?(?: alcohol)?|driving|designated driver|pregnant|teetotal|teetotall?er|for (?:the|a|my) (?:kid|kids|child|children|driver|minor))\b/,
  ],
  ['strongest', /\b(?:strongest|most potent|most alcohol|most alcoholic|hardest)\b/],
  ['strong', /\b(?:strong|stronger|stiff|potent|boozy|hard|knock me out|punch|kick)\b/],
  [
    'light',
    /\b(?:light|lighter|lightest|weak|weaker|mild|low alcohol|not (?:too|so|very) strong|gentle|easy)\b/,
  ],
  ['sweet', /\b(?:sweet|sweeter|sweetest|sugary|dessert|candy)\b/],
  ['sour', /\b(?:sour|tart|tangy|zesty|acidic|sourest)\b/],
  ['bitter', /\b(?:bitter|bitterest|bitters)\b/],
  ['dry', /\b(?:dry|driest)\b/],
  ['fruity', /\b(?:fruity|fruit|fruitiest|tropical)\b/],
  ['citrus', /\b(?:citrus|citrusy|lemony|limey|lemon|lime)\b/],
  [
    'refreshing',
    /\b(?:refreshing|fresh|refresh|refreshment|cooling|thirst|thirsty|thirstquenching|hot (?:day|out|today|outside)|summery|crisp|light and fresh)\b/,
  ],
  ['cheapest', /\b(?:cheapest|least expensive|lowest price)\b/],
  [
    'cheap',
    /\b(?:cheap|cheaper|inexpensive|affordable|budget|not (?:too|so|very) (?:expensive|pricey)|low price|good value|bargain)\b/,
  ],
  ['smoky', /\b(?:smoky|smokey|peaty)\b/],
  ['herbal', /\b(?:herbal|herby|botanical)\b/],
  ['smooth', /\b(?:smooth|mellow|silky|smoothest)\b/],
  ['warm', /\b(?:warm|warming|cozy|cosy|cold (?:day|night|outside|out)|winter|winter(?:y|ish))\b/],
  ['fizzy', /\b(?:fizzy|sparkling|bubbly|bubbles|carbonated)\b/],
  ['hoppy', /\b(?:hoppy|hops)\b/],
  ['malty', /\b(?:malty|malt)\b/],
  ['spicy', /\b(?:spicy|spice|hot and)\b/],
  ['classic', /\b(?:classic|classics|traditional|old school|timeless)\b/],
  ['elegant', /\b(?:elegant|fancy|classy|sophisticated)\b/],
  ['party', /\b(?:party|celebrate|celebrating|celebration|birthday|fun)\b/],
  ['big', /\b(?:big|large|huge)\b/],
  ['cold', /\b(?:cold|ice cold|chilled|icy)\b/],
  ['pink', /\b(?:pink|pretty|colou?rful)\b/],
  ['bold', /\b(?:bold)\b/],
  ['cocktail', /\b(?:cocktails?|mixed drink)\b/],
  ['beer', /\b(?:beers?|ales?|lagers?)\b/],
  ['spirit', /\b(?:spirits?|liquors?)\b/],
  ['whiskey', /\b(?:whiske?y|whiskies|bourbon|scotch)\b/],
  ['gin', /\bgin\b/],
  ['vodka', /\bvodka\b/],
  ['rum', /\brum\b/],
]

/** A taste that is not wanted: `not too sweet`. */
const unwanted =
  /\b(?:not|nothing|less|without being|without anything|but not|hate|do not like|do not want)(?: (?:anything|things|drinks|it|too|so|very|that|overly|really|particularly|a|as|super|all that))* (?:sweet|sugary|sour|bitter|strong|stiff|boozy|expensive|pricey|fruity|smoky|heavy|dry|fizzy|hoppy|spicy|light)\b/g

/** What a guest wants it to be like, in the bar's words; `anything` when nothing was said about it. */
function preferenceIn(said: string): string {
  const words = said.replaceAll(unwanted, (phrase) =>
    /sweet|sugary/.test(phrase)
      ? 'dry'
      : /strong|stiff|boozy/.test(phrase)
        ? 'light'
        : /expensive|pricey/.test(phrase)
          ? 'cheap'
          : ' ',
  )
  const found = tastes.filter(([, named]) => named.test(words)).map(([taste]) => taste)
  const wanted = found.includes('strongest') ? found.filter((taste) => taste !== 'strong') : found
  const weak = wanted.includes('light') ? wanted.filter((taste) => taste !== 'strong') : wanted
  return weak.length > 0 ? weak.join(', ') : 'anything'
}

const tasteWord =
  '(?:sweet|sour|bitter|dry|fruity|citrusy?|tropical|refreshing|fresh|cheap|cheaper|strong|stronger|light|lighter|smoky|smokey|herbal|smooth|warm|warming|fizzy|sparkling|bubbly|hoppy|malty|spicy|classic|elegant|fancy|cold|pink|MOD|non alcoholic|nonalcoholic|alcoholic|without|with|alcohol ?free|no|not|nice|good|special|different|interesting|new|tasty|delicious|fun|light|soft|stiff|boozy|mild|weak|tart|tangy|zesty|creamy|exotic|local|hard|wet|low|like|for|that|to|in|easy|affordable|inexpensive|floral|minty|unusual|virgin|potent|smaller|else|cool|cooling|hot|yummy|simple|big|summery|wintery|cozy|cosy|adventurous|crisp|salty|savou?ry|sharp|lemony|more|less|a bit|a little|really|very|super|quite|extra|quick|sophisticated|bold|rich|mellow)'

const recommendFrames = [
  pattern(
    `(?:i am |we are )?(?:not (?:really )?sure|undecided|no idea|unsure)(?: (?:yet|what|which|i|we|want|to|should|have|drink|order|get|would|like|one|about|it|of|really))*`,
  ),
  pattern(
    `(?:(?:can|could|may) (?:i|we|you) |i would like |i want |i will (?:have|take) )?(?:(?:give|get|bring|pour|have|make|show|want|like|take|try|tell) ?(?:me |us )?)?(?:the |your )(?:strongest|cheapest|best|sweetest|bitterest|sourest|lightest|weakest|most (?:popular|refreshing|expensive|bitter|potent))(?: (?:thing|drink|drinks|cocktail|one|stuff|whatever|you|have|got|on|the|menu|please|that|there|is|can|make|possible|alcohol|of))*`,
  ),
  /^(?:.{0,60} )?(?:recommend|recommends|recommendations?|suggest|suggests|suggestions?|advise|advice)(?= |$)/,
  pattern(`(?:please )?(?:surprise|impress) (?:me|us)`),
  pattern(
    `(?:dealers?|bartenders?|mayas?|your|barkeeps?|chefs?|house) (?:choice|pick|call|favou?rites?|special|speciality|specialty|best|recommendation)`,
  ),
  pattern(
    `(?:what|which)(?: (?:kind of|sort of|one of))?(?: (?:drink|cocktail|beer|spirit|one|ITEM|of your drinks|of them|of these|of those))? (?:is|are|would|do|should|could|can|will|goes|suits|tastes|has|contains)(?: (?:the|your|you|i|we|be|a|an|there|any|really|here|of|my|this|one|for|me))* ?(?:good|nice|best|strongest|stronger|strong|cheapest|cheap|sweetest|sweet|sourest|sour|bitter|bitterest|popular|most|least|favou?rites?|favou?rite|like|drink|have|order|try|get|refreshing|tasty|better|special|specialty|speciality|lightest|light|healthiest|fruity|fruitiest|well|weakest|choose|pick|house|signature|hot|nicest|tastiest|driest|smoothest|MOD|famous|known|hardest|biggest)`,
  ),
  pattern(
    `(?:i|we) (?:am|are|feel)(?: (?:really|so|very|quite|a bit|pretty|kinda|kind of))* (?:thirsty|driving|pregnant|the designated driver|not drinking|sober|undecided|indecisive)`,
  ),
  pattern(
    `(?:i|we) (?:do not|can not|never|am not allowed to|should not) (?:drink|have|want|like)(?: (?:any|much))? ?(?:alcohol|booze)`,
  ),
  pattern(`(?:i|we) (?:do not|can not) drink(?= (?:,|\\.|!)|$)`),
  pattern(
    `(?:i|we) (?:do not know|have no idea|am not sure|can not decide|am undecided|am torn)(?: (?:what|which|yet))?(?: (?:to|i|want|should|have|drink|order|get|pick|choose|one|would|like|ITEM))*`,
  ),
  pattern(
    `(?:can|could|would|will)? ?(?:you )?(?:help me|pick|choose|decide|select)(?: (?:me|us|for|choose|pick|decide|one|something|a|drink|what|cocktail|to))*`,
  ),
  pattern(
    `(?:what|which)(?: drink| one)? (?:should|would|could|can|shall|do) (?:i|we|you)(?: (?:recommend|drink|have|order|try|get|pick|choose|go for|take|like|prefer|say))+`,
  ),
  pattern(`what (?:pairs|goes)(?: best| well)? with`),
  pattern(`what do (?:most people|people|others|the regulars) (?:drink|order|have|like)`),
  pattern(
    `(?:do|have) you (?:have|got|serve|make|do)? ?(?:any )?(?:recommendations|favou?rites?|specials?|ideas|tips on)`,
  ),
  pattern(`any (?:ideas|suggestions|recommendations|favou?rites|specials)`),
]

const something =
  '(?:something|anything|sth|(?:a|some|any|another) drinks?|a cocktail|a beverage|cocktails?|drinks|whatever|one)'
const wishes =
  '(?:(?:can|could|may|might|would|do|will|have|is|are)? ?(?:you|i|we|there)? ?(?:please |just |also |maybe )*(?:want|like|love|get|have|give|make|need|fancy|bring|mix|pour|take|try|drink|prefer|crave|serve|got|do|recommend|see|fix|whip up|wants|would like|would love|be in the mood for|am in the mood for|are in the mood for|feel like|am feeling like|will have|will take|am looking for|looking for|in the mood for|am craving|could use|could go for|could do with|would prefer|am after|want to have|want to drink|want to try|would like to have|would like to try|would like to drink|rather have)?(?: (?:me|us|him|her|my [a-z]+|to|a|for|up|now|have|try|drink))*)'
const somethingFrame = pattern(
  `(?:${wishes} )?(?:some|any|a )?(?:thing )?${something}(?: (?:${exclusion}|${tasteWord}|and|or|but|,|too|so|alcohol|booze|ice|(?:with|like|containing|based on|made with|from|of) (?:some |a |an )?(?:ITEM|ALIEN)|me|us|you|ones?|taste|is|the|of|a|an|my|mood|summer|winter|today|tonight|day|hot|evening|night|please|side|driver|driver|sugar|tastes?|here|then|start|begin|expensive|pricey|maya|have|do|general|price|fruit|kick|punch|refreshment|bite|around|under|CASH|dollars|on|kids?|child|children|wife|friend|date|recommend|would|bubbles|heavy|lots?|bit|little|much|gift))*`,
)
const exceptFrame = pattern(
  `(?:${wishes} )?(?:anything|something|everything|whatever|any drink)(?: else)? (?:but|except|other than|besides|apart from|instead of)(?: (?:a|an|the))? (?:ITEM|ALIEN)`,
)
const moodFrame = pattern(
  `(?:i|we) (?:am|are|feel|would like|like|want|prefer|love)(?: (?:in the mood|feeling|like|in|a|bit|for|it|my|drinks?|things|something|rather|more|quite|really|pretty|to|be|have))* (?:sweet|sour|bitter|fruity|refreshing|cheap|strong|adventurous|fancy|fizzy|spicy|smoky|tropical)(?: (?:drinks?|things?|one|stuff|tastes?|cocktails?|and|or|sour|bitter|sweet|strong))*`,
)
const bareTaste = pattern(
  `(?:(?:and|something|very|really|super|quite|but|not|too|more|a|bit|little|how about|preferably|maybe|the) )*(?:sweet|sour|bitter|fruity|refreshing|cheap|strong|sparkling|fizzy|smoky|spicy|non alcoholic|alcohol free|cheapest|strongest|sweetest)(?: (?:one|ones|and|or|,|please|drinks?|cocktails?|sour|bitter|sweet|strong|fruity|refreshing|thing|stuff|then))*`,
)

/** A wish for advice. What is recommended is not ordered. */
export function readRecommend(cursor: Cursor, lexicon: Lexicon): Act | undefined {
  const start = cursor.at
  const end = endOfSentence(cursor)
  const isAsked = [exceptFrame, ...recommendFrames, moodFrame].some(
    (frame) => cursor.take(frame) !== undefined,
  )
  if (isAsked) {
    cursor.at = end
    return recommendation(cursor.slice(start, end), lexicon)
  }
  if ([somethingFrame, bareTaste].some((frame) => cursor.take(frame) !== undefined)) {
    const isWhole = cursor.isAtSeparator && !hasOrder(cursor, start, lexicon)
    if (isWhole) return recommendation(cursor.slice(start, cursor.at), lexicon)
  }
  cursor.at = start
  return undefined
}

function recommendation(pieces: readonly Piece[], lexicon: Lexicon): Act {
  const taste = tasteIn(pieces, lexicon)
  return { type: 'recommend', preference: preferenceIn(textOf(taste.wanted)), unwanted: taste.unwanted }
}

/** A drink by name at the very beginning is an order, not a taste. */
function hasOrder(cursor: Cursor, start: number, lexicon: Lexicon): boolean {
  const end = cursor.at
  cursor.at = start
  const list = readDrinks(cursor, lexicon)
  cursor.at = end
  return list !== undefined
}
