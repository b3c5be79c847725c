import { pluralOf } from './vocabulary.ts'

/** Cents as a guest reads them: `$15.60`. */
export function dollars(cents: number): string {
  return `$${(cents / 100).toFixed(2)}`
}

const small = 'no one two three four five six seven eight nine ten eleven twelve'.split(' ')

/** `a Martini`, `two Iced Teas, with lemon`. */
export function drinkPhrase(item: string, quantity: number, modifiers: readonly string[] = []): string {
  const name =
    quantity === 1 ? `${articleOf(item)} ${item}` : `${small[quantity] ?? quantity} ${pluralOf(item)}`
  return modifiers.length > 0
    ? `${name} (${modifiers.map((modifier) => modifier.toLowerCase()).join(', ')})`
    : name
}

export function articleOf(name: string): string {
  return /^[aeio]/i.test(name) ? 'an' : 'a'
}

/** `a, b and c`. */
export function joined(parts: readonly string[], word = 'and'): string {
  const last = parts.at(-1) ?? ''
  return parts.length > 1 ? `${parts.slice(0, -1).join(', ')} ${word} ${last}` : last
}

export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
