/** A run of marks on one letter: no script in use stacks more of them. */
const marksMax = 8
/** Empty lines one after the other. */
const blankLinesMax = 2

/** Scripts in which a joiner between letters changes what is read. */
const joining =
  'Arab Syrc Nkoo Mong Adlm Rohg Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Khmr Mymr Tibt Laoo Thai'
    .split(' ')
    .map((script) => `\\p{Script=${script}}`)
    .join('')
const afterEmoji = String.raw`(?<=\p{Extended_Pictographic}[\u{FE0F}\u{1F3FB}-\u{1F3FF}]?)`

/** The flags of England, Scotland and Wales: the only letters that tags may spell. */
const flags = ['gbeng', 'gbsct', 'gbwls'].map(
  (region) => `\u{1F3F4}${Array.from(region, tagOf).join('')}\u{E007F}`,
)
const tagged = new RegExp(`${flags.join('|')}|[\\u{E0000}-\\u{E007F}]`, 'gu')

/** In a group where they mean something, without one elsewhere. */
const joiner = new RegExp(
  `((?<=[${joining}])[\\u200C\\u200D]|[\\u200C\\u200D](?=[${joining}])|` +
    `${afterEmoji}\\u200D(?=\\p{Extended_Pictographic}))|[\\u200C\\u200D]`,
  'gu',
)
const joinersInRow = /([\u200C\u200D])[\u200C\u200D]+/gu
const selector = new RegExp(
  String.raw`((?<=[\p{Emoji}\p{Script=Mymr}\p{Sm}])[\uFE00\uFE0E\uFE0F]|` +
    String.raw`(?<=\p{Script=Han})[\uFE00-\uFE02\u{E0100}-\u{E01EF}]|` +
    String.raw`(?<=\p{Script=Mong})[\u180B-\u180D\u180F])|` +
    String.raw`[\u180B-\u180D\u180F\uFE00-\uFE0F\u{E0100}-\u{E01EF}]`,
  'gu',
)

/** Seen by nobody, read by a model: spaces of no width, overrides of direction, fillers, controls, no characters. */
const unseen = new RegExp(
  String.raw`[\u0000-\u0008\u000E-\u001F\u007F-\u009F\u00AD\u034F\u115F\u1160\u17B4\u17B5\u180E\u200B` +
    String.raw`\u202A-\u202E\u2060-\u206F\u3164\uFDD0-\uFDEF\uFEFF\uFFA0\uFFF0-\uFFFB\uFFFE\uFFFF` +
    String.raw`\u{1BCA0}-\u{1BCA3}\u{1D173}-\u{1D17A}\u{E0080}-\u{E00FF}\u{E01F0}-\u{E0FFF}]`,
  'gu',
)
const directionMark = /[\u061C\u200E\u200F]/gu
const rightToLeft = /[\p{Script=Hebr}\p{Script=Arab}\p{Script=Syrc}\p{Script=Thaa}\p{Script=Nkoo}]/u
const lineBreak = /\r\n|[\r\v\f\u0085\u2028\u2029]/gu
const crowdedMarks = new RegExp(String.raw`(\p{M}{${marksMax}})\p{M}+`, 'gu')
/** What leaves no ink alone. */
const ink = /[^\p{Z}\p{C}\p{M}\u2800]/u

/**
 * A guest's text without what only serves to hide something in it. What people write stays as it is, joined emoji and
 * the joiners of Persian or Hindi included. Takes time in proportion to the text.
 */
export function normaliseText(text: string): string {
  const seen = text
    .toWellFormed()
    .replace(lineBreak, '\n')
    .replace(unseen, '')
    .replace(tagged, (found) => (flags.includes(found) ? found : ''))
  const marked = rightToLeft.test(seen) ? seen : seen.replace(directionMark, '')
  const joined = marked.replace(joinersInRow, '$1').replace(joiner, '$1').replace(selector, '$1')
  return withFewBlankLines(joined.replace(crowdedMarks, '$1').normalize('NFC'))
}

/** Whether there is anything to read in a text. */
export function saysSomething(text: string): boolean {
  return ink.test(text)
}

function withFewBlankLines(text: string): string {
  let blank = 0
  const lines = text.split('\n').filter((line) => {
    blank = line.trim() === '' ? blank + 1 : 0
    return blank <= blankLinesMax
  })
  return lines.join('\n')
}

function tagOf(letter: string): string {
  return String.fromCodePoint(0xe0000 + letter.charCodeAt(0))
}
