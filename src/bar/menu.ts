export interface MenuItem {
  readonly name: string
  readonly priceCents: number
}

export interface MenuCategory {
  readonly name: string
  readonly items: readonly MenuItem[]
}

export interface Menu {
  readonly categories: readonly MenuCategory[]
  /** Ways to have a drink. They are free. */
  readonly modifiers: readonly string[]
}

export const menu: Menu = {
  categories: [
    {
      name: 'Cocktails',
      items: [
        { name: 'Daiquiri', priceCents: 1000 },
        { name: 'Martini', priceCents: 1300 },
        { name: 'Long Island', priceCents: 1200 },
        { name: 'Old Fashioned', priceCents: 1200 },
        { name: 'Negroni', priceCents: 1100 },
        { name: 'Cosmopolitan', priceCents: 1200 },
        { name: 'Manhattan', priceCents: 1200 },
      ],
    },
    {
      name: 'Beer',
      items: [
        { name: 'Tap Beer', priceCents: 500 },
        { name: 'Classic Brew', priceCents: 500 },
        { name: 'IPA', priceCents: 600 },
      ],
    },
    {
      name: 'Spirits',
      items: [
        { name: 'Whiskey', priceCents: 800 },
        { name: 'Vodka', priceCents: 700 },
        { name: 'Rum', priceCents: 700 },
        { name: 'Gin', priceCents: 800 },
        { name: 'Tequila', priceCents: 800 },
        { name: 'Brandy', priceCents: 900 },
      ],
    },
    {
      name: 'Without alcohol',
      items: [
        { name: 'Water', priceCents: 100 },
        { name: 'Iced Tea', priceCents: 200 },
        { name: 'Lemonade', priceCents: 200 },
        { name: 'Soda', priceCents: 300 },
      ],
    },
  ],
  modifiers: [
    'Neat',
    'On the Rocks',
    'Straight Up',
    'Stirred',
    'Shaken',
    'Dry',
    'Dirty',
    'Frozen',
    'No Ice',
    'With Gin',
    'With Vodka',
    'With Soda',
    'With Tonic',
    'With a Twist',
    'With Olives',
    'With Lime',
    'With Lemon',
    'With Salt',
  ],
}

/** The item of that name in any letter case, or undefined. */
export function findItem(name: string): MenuItem | undefined {
  const wanted = canonical(name)
  return menu.categories.flatMap(({ items }) => items).find((item) => canonical(item.name) === wanted)
}

/** The modifier of that name in any letter case, or undefined. */
export function findModifier(name: string): string | undefined {
  const wanted = canonical(name)
  return menu.modifiers.find((modifier) => canonical(modifier) === wanted)
}

function canonical(name: string): string {
  return name.trim().toLowerCase().replaceAll(/\s+/g, ' ')
}
