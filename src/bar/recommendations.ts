import { menu, type MenuItem } from './menu.ts'

export interface Recommendation extends MenuItem {
  readonly reason: string
}

/** What each drink is like, in words that guests use. The first taste is the one that it is recommended for. */
const tastes: Readonly<Record<string, readonly string[]>> = {
  Daiquiri: ['sour', 'citrus', 'fresh', 'refreshing', 'light', 'rum', 'summer', 'cocktail'],
  Martini: ['dry', 'strong', 'classic', 'elegant', 'gin', 'crisp', 'cocktail'],
  'Long Island': ['strong', 'party', 'strongest', 'big', 'cocktail'],
  'Old Fashioned': ['smooth', 'whiskey', 'strong', 'classic', 'warm', 'smoky', 'winter', 'cocktail'],
  Negroni: ['bitter', 'herbal', 'gin', 'aperitif', 'classic', 'cocktail'],
  Cosmopolitan: ['fruity', 'sweet', 'vodka', 'pink', 'light', 'cocktail'],
  Manhattan: ['rich', 'whiskey', 'sweet', 'classic', 'warm', 'cocktail'],
  'Tap Beer': ['easy', 'beer', 'cold', 'cheap', 'light', 'refreshing'],
  'Classic Brew': ['malty', 'beer', 'cheap', 'classic'],
  IPA: ['hoppy', 'beer', 'bitter', 'fruity'],
  Whiskey: ['smoky', 'warm', 'strong', 'neat', 'spirit'],
  Vodka: ['clean', 'strong', 'spirit'],
  Rum: ['sweet', 'warm', 'spirit'],
  Gin: ['herbal', 'dry', 'spirit'],
  Tequila: ['bold', 'spicy', 'party', 'spirit'],
  Brandy: ['mellow', 'warm', 'smooth', 'winter', 'spirit'],
  Water: [
    'plain',
    'cheap',
    'cheapest',
    'free of alcohol',
    'alcohol free',
    'non-alcoholic',
    'without alcohol',
    'driving',
  ],
  'Iced Tea': ['refreshing', 'cold', 'non-alcoholic', 'without alcohol', 'alcohol free', 'driving'],
  Lemonade: [
    'sour',
    'sweet',
    'citrus',
    'refreshing',
    'non-alcoholic',
    'without alcohol',
    'alcohol free',
    'driving',
  ],
  Soda: ['fizzy', 'sparkling', 'non-alcoholic', 'without alcohol', 'alcohol free', 'driving'],
}

const houseFavourites = ['Old Fashioned', 'Negroni', 'Daiquiri']
const recommendedMax = 3

/** Up to three drinks for a taste that the guest named in free words; the house favourites where none fits. */
export function recommend(preference: string): readonly Recommendation[] {
  const wanted = preference.toLowerCase()
  const items = menu.categories.flatMap((category) => category.items)
  const scored = items
    .map((item) => ({ item, fitting: (tastes[item.name] ?? []).filter((taste) => mentions(wanted, taste)) }))
    .filter(
      ({ item, fitting }) => fitting.length > 0 && !(mentionsNoAlcohol(wanted) && isAlcoholic(item.name)),
    )
    .toSorted((one, other) => other.fitting.length - one.fitting.length)
    .slice(0, recommendedMax)
  if (scored.length > 0) return scored.map(({ item, fitting }) => ({ ...item, reason: fitting.join(', ') }))
  return items
    .filter((item) => houseFavourites.includes(item.name))
    .map((item) => ({ ...item, reason: 'a favourite of the house' }))
}

function mentions(wanted: string, taste: string): boolean {
  return ` ${wanted.replaceAll(/[^a-z-]+/g, ' ')} `.includes(` ${taste} `)
}

function mentionsNoAlcohol(wanted: string): boolean {
  return ['non-alcoholic', 'without alcohol', 'alcohol free', 'driving'].some((taste) =>
    mentions(wanted, taste),
  )
}

function isAlcoholic(name: string): boolean {
  return !menu.categories.some(
    (category) => category.name === 'Without alcohol' && category.items.some((item) => item.name === name),
  )
}
