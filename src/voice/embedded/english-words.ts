/** A word of a sentence: as it is written, and in the letters that Flite reads. */
export interface EnglishWord {
  readonly text: string
  readonly read: string
}

/** Longer words are no words, and Flite would spell them for minutes. */
const wordCharactersMax = 40

/**
 * The words of a sentence in plain ASCII, since Flite knows English only: it would take the bytes of anything else for
 * words of their own. What it cannot read at all is left out; marks that stand alone join the word before them.
 */
export function englishWords(sentence: string): readonly EnglishWord[] {
  const words: EnglishWord[] = []
  for (const text of sentence.split(/\s+/)) {
    const read = inAscii(text).slice(0, wordCharactersMax)
    const before = words.at(-1)
    if (/[a-z0-9]/i.test(read)) words.push({ text, read })
    else if (before !== undefined) words[words.length - 1] = { ...before, read: before.read + read }
  }
  return words
}

function inAscii(word: string): string {
  return word
    .replaceAll(/([€£])(\d[\d,]*(?:\.\d+)?)/g, (_, sign: string, sum: string) => `${sum} ${currencies[sign]}`)
    .replaceAll('&', ' and ')
    .replaceAll(/(?<!^)\+(?!$)|^\+$/g, ' plus ')
    .normalize('NFKD')
    .replaceAll(/[‘’‛′]/g, "'")
    .replaceAll(/[“”„«»″]/g, '"')
    .replaceAll(/[‐‑‒]|(?<=\d)–(?=\d)/g, '-')
    .replaceAll(/[–—―]/g, ',')
    .replaceAll('⁄', '/')
    .replaceAll('ß', 'ss')
    .replaceAll(/[øØ]/g, 'o')
    .replaceAll(/[æÆ]/g, 'ae')
    .replaceAll(/[œŒ]/g, 'oe')
    .replaceAll(/[^ -~]|[<>|\\^~{}*_`]/g, '')
    .trim()
}

const currencies: Readonly<Record<string, string>> = { '€': 'euros', '£': 'pounds' }
