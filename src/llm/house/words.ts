/** Longer messages are cut: nobody orders drinks in more than this many words. */
const wordsMax = 250

const token =
  /-?\$?\d+(?:[.,]\d+)*x?%?(?![\p{L}\d])|\p{L}[\p{L}\p{N}]*(?:'\p{L}+)*|\p{N}[\p{L}\p{N}]*|'em\b|[&+%,.!?;:/-]|\n/gu

/** Words written together or without their apostrophe, as what was meant. */
const spelledOut: Readonly<Record<string, string>> = {
  gimme: 'give me',
  cn: 'can',
  gt: 'get',
  lk: 'like',
  hv: 'have',
  hav: 'have',
  giv: 'give',
  gime: 'give me',
  lemme: 'let me',
  wanna: 'want to',
  gonna: 'going to',
  gotta: 'have to',
  dunno: 'do not know',
  whatcha: 'what do you',
  cuppa: 'cup of',
  pls: 'please',
  plz: 'please',
  plox: 'please',
  thx: 'thanks',
  tnx: 'thanks',
  ty: 'thanks',
  cheerz: 'cheers',
  u: 'you',
  ur: 'your',
  ya: 'you',
  r: 'are',
  n: 'and',
  nd: 'and',
  "'em": 'them',
  em: 'them',
  cuz: 'because',
  coz: 'because',
  bc: 'because',
  w: 'with',
  wo: 'without',
  yall: 'you all',
  "y'all": 'you all',
  "d'you": 'do you',
  im: 'i am',
  ive: 'i have',
  youre: 'you are',
  hes: 'he is',
  shes: 'she is',
  thats: 'that is',
  whats: 'what is',
  wats: 'what is',
  wheres: 'where is',
  hows: 'how is',
  whos: 'who is',
  lets: 'let us',
  itll: 'it will',
  thatll: 'that will',
  nothin: 'nothing',
  somethin: 'something',
  bout: 'about',
  tho: 'though',
  k: 'ok',
  kk: 'ok',
  okey: 'ok',
  okay: 'ok',
  yea: 'yeah',
  nope: 'no',
  nah: 'no',
  naw: 'no',
  cannot: 'can not',
  shan: 'shall',
  whiskys: 'whiskies',
  tmrw: 'tomorrow',
  '&': 'and',
  '+': 'and',
  alright: 'ok',
  afaik: 'i think',
}

const wordsWithNot = 'do does did can could would should is are was were have has had wo ai must need'.split(
  ' ',
)
const notSpelledOut: ReadonlyMap<string, string> = new Map([
  ['wo', 'will not'],
  ['ca', 'can not'],
  ['ai', 'is not'],
  ['sha', 'shall not'],
])

/** After these words `'s` stands for `is`; after any other it is a possessive or a greengrocer's plural. */
const wordsWithIs = new Set(
  'what that it he she who where how there here when why name mine everything everyone this one which today'.split(
    ' ',
  ),
)

/** `id` and `ill` are words of their own, so they need what follows to be read as `I'd` and `I'll`. */
const afterId = /^(?:really|like|love|prefer|fancy|rather|just|also|appreciate|kill|go)$/
const afterIll =
  /^(?:have|take|get|do|try|just|also|go|order|grab|start|need|pay|tip|stick|drink|leave|be|give|add)$/

/** A message as lower-case words and marks: `["can", "i", "get", "2", "martinis", "?"]`. */
export function wordsOf(message: string): readonly string[] {
  const plain = message
    .slice(0, wordsMax * 16)
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[’‘ʼ`´]/g, "'")
    .replaceAll(/[–—]|\s--?\s/g, ' , ')
    .replaceAll(/\bw\/\s*o\b/g, 'without')
    .replaceAll(/\bw\//g, 'with ')
    .replaceAll('⁄', '/')
    .replaceAll(/,?\s*(?<![\p{L}'])(?:u+m+|u+h+m*|e+r+m*|h+m+)(?![\p{L}'])[\s.,]*/gu, ' ')
  const found = (plain.match(token) ?? []).slice(0, wordsMax)
  return found.flatMap((word, at) => split(word, found[at + 1] ?? '', found[at - 1] ?? ''))
}

function split(word: string, next: string, previous: string): readonly string[] {
  if (word === ':')
    return /^(?:order|tip|gratuity|please|maya|me|us|is|said|says|be)$/.test(previous) ? [] : [',']
  if (word === '-') return []
  if (word === '/') return /\d/.test(previous) ? ['/'] : ['or']
  if (word === '\n' || word === ';') return ['.']
  if (word === 'id' && afterId.test(next)) return ['i', 'would']
  if (word === 'ill' && afterIll.test(next)) return ['i', 'will']
  const meant = Object.hasOwn(spelledOut, word) ? spelledOut[word] : undefined
  if (meant !== undefined) return meant.split(' ')
  if (word.includes("'")) return splitContraction(word)
  if (/^\d+x$/.test(word)) return [word.slice(0, -1), 'x']
  if (/^x\d+$/.test(word)) return ['x', word.slice(1)]
  if (/^\d+\p{L}{3,}$/u.test(word)) return [word.match(/^\d+/)?.[0] ?? '', word.replace(/^\d+/, '')]
  return splitBareNot(word)
}

/** `dont`, `couldnt`: the apostrophe was forgotten. */
function splitBareNot(word: string): readonly string[] {
  const stem = word.slice(0, -2)
  if (word === 'cant') return ['can', 'not']
  if (word === 'dnt') return ['do', 'not']
  if (word.endsWith('nt') && wordsWithNot.includes(stem)) {
    return (notSpelledOut.get(stem) ?? `${stem} not`).split(' ')
  }
  return [word]
}

function splitContraction(word: string): readonly string[] {
  const [, stem = '', ending = ''] = /^(.*)'([^']*)$/.exec(word) ?? []
  const plainStem = stem.replaceAll("'", '')
  switch (ending) {
    case 't':
      if (!plainStem.endsWith('n')) return [plainStem]
      return (notSpelledOut.get(plainStem.slice(0, -1)) ?? `${plainStem.slice(0, -1)} not`).split(' ')
    case 'm':
      return [plainStem, 'am']
    case 're':
      return [plainStem, 'are']
    case 've':
      return [plainStem, 'have']
    case 'll':
      return [plainStem, 'will']
    case 'd':
      return [plainStem, 'would']
    case 's':
      if (plainStem === 'let') return ['let', 'us']
      return wordsWithIs.has(plainStem) ? [plainStem, 'is'] : [`${plainStem}s`]
    default:
      return [plainStem + ending]
  }
}
