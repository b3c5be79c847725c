const bareAddress = /\b(?:https?:\/\/|www\.)[^\s)\]>]+/gi
const linkOrPicture = /!?\[([^\]]*)\]\([^)\s]*(?:\s+"[^"]*")?\)/g
const lineBreakTag = /<br\s*\/?>/gi
const tag = /<\/?[a-z][^<>]*>/gi
const fence = /^[ \t]*(?:```|~~~).*$/gm
/** Lines of dashes between parts, and those below the head of a table. */
const rule = /^[ \t]*(?:[-*_][ \t]*){3,}$|^(?=[ \t|:-]*--)[ \t|:-]+$/gm
/** What begins a line: quotes, titles, bullets, numbers and boxes of lists. */
const lineStart = /^[ \t]*(?:>[ \t]*)*(?:#{1,6}[ \t]+|(?:[-*+•‣·–]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?)?/gm
const emphasis = /[*`]+|~~|(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu
const escape = /\\(?=[\p{P}\p{S}])/gu
const emoji =
  /\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200D|\uFE0E|\uFE0F|\u20E3/gu

/** What is read aloud of a sentence: no marks of Markdown, no addresses, no emoji. Empty where there are no words. */
export function spokenText(sentence: string): string {
  const text = sentence
    .replaceAll(fence, '')
    .replaceAll(rule, '')
    .replaceAll(linkOrPicture, '$1')
    .replaceAll(bareAddress, '')
    .replaceAll(lineBreakTag, ' ')
    .replaceAll(tag, '')
    .replaceAll(lineStart, '')
    .replaceAll(escape, '')
    .replaceAll(emphasis, '')
    .replaceAll(emoji, '')
    .replaceAll(/[ \t]*\|[ \t]*/g, ', ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/^[\s,]+|[\s,]+$/g, '')
  return /[\p{L}\p{N}]/u.test(text) ? text : ''
}
