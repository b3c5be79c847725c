import { drinkAliases, modifierAliases } from './aliases.ts'
import { strangers } from './strangers.ts'

/** What the bar serves, as the model has to know it to understand a guest. */
export interface HouseVocabulary {
  readonly items: readonly VocabularyItem[]
  readonly modifiers: readonly string[]
}

export interface VocabularyItem {
  readonly name: string
  readonly priceCents: number
  readonly category: string
}

/** What a phrase stands for. */
export type Meaning =
  | {
      readonly kind: 'item'
      readonly item: string
      readonly modifiers: readonly string[]
      readonly plural: boolean
    }
  | { readonly kind: 'modifier'; readonly modifier: string }
  | { readonly kind: 'stranger'; readonly name: string }

export interface Phrase {
  readonly words: readonly string[]
  readonly meaning: Meaning
  /** May be met with typing errors. */
  readonly forgiving: boolean
}

export interface Lexicon {
  readonly items: ReadonlyMap<string, VocabularyItem>
  readonly modifiers: ReadonlySet<string>
  /** By first word, the longest phrase first. */
  readonly byFirstWord: ReadonlyMap<string, readonly Phrase[]>
  /** The names that are worth a search with typing errors. */
  readonly forgiving: readonly Phrase[]
  /** Every word of every phrase. */
  readonly words: ReadonlySet<string>
}

export function createLexicon({ items, modifiers }: HouseVocabulary): Lexicon {
  const names = new Map(items.map((item) => [item.name, item]))
  const phrases = [
    ...items.flatMap(({ name }) => namePhrases(name, { item: name, modifiers: [] }, true)),
    ...drinkAliases
      .filter((alias) => names.has(alias.item) && alias.modifiers.every((name) => modifiers.includes(name)))
      .flatMap((alias) => namePhrases(alias.phrase, alias, alias.forgiving)),
    ...modifiers.map((modifier) => modifierPhrase(modifier, modifier, true)),
    ...modifierAliases
      .filter(([, modifier]) => modifiers.includes(modifier))
      .map(([phrase, modifier]) => modifierPhrase(phrase, modifier, false)),
    ...strangers.flatMap((name) => [strangerPhrase(name, name), strangerPhrase(pluralOf(name), name)]),
  ]
  const known = withoutDoubles(phrases)
  return {
    items: names,
    modifiers: new Set(modifiers),
    byFirstWord: Map.groupBy(
      known.toSorted((one, other) => other.words.length - one.words.length),
      ({ words }) => words[0] ?? '',
    ),
    forgiving: known.filter(({ forgiving }) => forgiving),
    words: new Set(known.flatMap(({ words }) => words)),
  }
}

interface Drink {
  readonly item: string
  readonly modifiers: readonly string[]
}

function namePhrases(name: string, { item, modifiers }: Drink, forgiving: boolean): readonly Phrase[] {
  const phrase = (text: string, plural: boolean): Phrase => ({
    words: wordsOfName(text),
    meaning: { kind: 'item', item, modifiers, plural },
    forgiving,
  })
  const joined = wordsOfName(name).join('')
  return [
    phrase(name, false),
    ...pluralsOf(name).map((plural) => phrase(plural, true)),
    ...(name.includes(' ') && forgiving ? [phrase(joined, false), phrase(pluralOf(joined), true)] : []),
  ]
}

function modifierPhrase(text: string, modifier: string, forgiving: boolean): Phrase {
  return { words: wordsOfName(text), meaning: { kind: 'modifier', modifier }, forgiving }
}

function strangerPhrase(text: string, name: string): Phrase {
  return { words: wordsOfName(text), meaning: { kind: 'stranger', name }, forgiving: false }
}

function wordsOfName(name: string): readonly string[] {
  return name.toLowerCase().replaceAll('-', ' ').split(' ')
}

/** `daiquiri` -> `daiquiris`; a whiskey or a brandy has two plurals in the wild. */
function pluralsOf(name: string): readonly string[] {
  const lower = name.toLowerCase()
  if (lower.endsWith('ey')) return [`${lower}s`, `${lower.slice(0, -2)}ies`]
  if (/[^aeiou]y$/.test(lower)) return [`${lower.slice(0, -1)}ies`, `${lower}s`]
  if (/(?:s|sh|ch|x)$/.test(lower)) return [`${lower}es`]
  return lower.endsWith('i') || lower.endsWith('o') ? [`${lower}s`, `${lower}es`] : [`${lower}s`]
}

export function pluralOf(name: string): string {
  const lower = name.toLowerCase()
  const plural = pluralsOf(lower)[0] ?? lower
  // Keep the menu's capitals: only the ending is new.
  let kept = 0
  while (kept < name.length && lower[kept] === plural[kept]) kept++
  return name.slice(0, kept) + plural.slice(kept)
}

function withoutDoubles(phrases: readonly Phrase[]): readonly Phrase[] {
  const seen = new Map<string, Phrase>()
  for (const phrase of phrases) {
    const key = phrase.words.join(' ')
    if (!seen.has(key)) seen.set(key, phrase)
  }
  return [...seen.values()]
}
