/** The shapes a mouth takes while it speaks. */
export type Mouth = 'rest' | 'closed' | 'open' | 'wide' | 'round' | 'teeth' | 'tongue'

/** What each shape is drawn for: ARPABET, as the embedded voice has it, and IPA, as Cartesia does. */
const phonemes: readonly (readonly [Mouth, string])[] = [
  ['rest', 'pau sil sp h# # brth _ , ; : ! ? - – —'],
  ['closed', 'p b m em'],
  ['open', 'aa ae ah ax aw ay hh hv h k g ng q a ɑ ɒ æ ɐ ʌ ə ɡ ŋ x ʔ'],
  ['wide', 'iy ih ix ey eh y i ɪ ɨ e ɛ j'],
  ['round', 'uw ux uh ow oy ao w wh r er axr sh zh ch jh u ʊ ʉ o ɔ ɹ ɻ ɝ ɚ ɜ ʍ ʃ ʒ tʃ dʒ ʧ ʤ'],
  ['teeth', 'f v s z ts'],
  ['tongue', 'th dh l el n en nx t d dx θ ð ɫ ɾ'],
]

const mouths = new Map(
  phonemes.flatMap(([mouth, names]) => names.split(' ').map((name) => [name, mouth] as const)),
)

/** The shape for a phoneme. A sequence, such as a diphthong, has the shape of its beginning; an unknown one is open. */
export function mouthOf(phoneme: string): Mouth {
  const name = plain(phoneme)
  if (name === '') return 'rest'
  return mouths.get(name) ?? mouths.get(name.charAt(0)) ?? 'open'
}

/** Without stress, length and other marks around the sound itself. */
function plain(phoneme: string): string {
  return phoneme
    .normalize('NFD')
    .toLowerCase()
    .replaceAll(/[\s\d\p{M}ˈˌːˑ'.]/gu, '')
}
