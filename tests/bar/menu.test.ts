import { describe, expect, it } from 'vitest'
import { findItem, findModifier, menu } from '../../src/bar/menu.ts'

describe('the menu', () => {
  it('has exactly the drinks and prices that the product promises', () => {
    const dollars = menu.categories.map(({ name, items }) => [
      name,
      Object.fromEntries(items.map((item) => [item.name, item.priceCents / 100])),
    ])
    expect(Object.fromEntries(dollars)).toEqual({
      Cocktails: {
        Daiquiri: 10,
        Martini: 13,
        'Long Island': 12,
        'Old Fashioned': 12,
        Negroni: 11,
        Cosmopolitan: 12,
        Manhattan: 12,
      },
      Beer: { 'Tap Beer': 5, 'Classic Brew': 5, IPA: 6 },
      Spirits: { Whiskey: 8, Vodka: 7, Rum: 7, Gin: 8, Tequila: 8, Brandy: 9 },
      'Without alcohol': { Water: 1, 'Iced Tea': 2, Lemonade: 2, Soda: 3 },
    })
  })

  it.each(['old fashioned', 'OLD FASHIONED', '  Old   Fashioned '])('finds %j as Old Fashioned', (name) => {
    expect(findItem(name)).toEqual({ name: 'Old Fashioned', priceCents: 1200 })
  })

  it.each(['', 'Beer', 'Old Fashioned!', 'Martini Martini', '__proto__', 'constructor'])(
    'has no drink %j',
    (name) => {
      expect(findItem(name)).toBeUndefined()
    },
  )

  it('finds ways to have a drink in any letter case', () => {
    expect(findModifier('on THE rocks')).toBe('On the Rocks')
    expect(findModifier('in a bucket')).toBeUndefined()
  })
})
