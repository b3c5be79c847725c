/** A mark that has just begun, at the end: what it will be is not known yet. */
const begunMark = /(?:\n[ \t]*(?:[-*+•#>]+|\d{1,3}[.)]?|`{1,2})|[*_~`]+|!?\[)[ \t]*$/

/** A link whose address is still coming: its text is enough for now. */
const openLink = /!?\[([^\]\n]*)(?:\](?:\([^)\n]*)?)?$/

const closedCode = /`[^`\n]*`/g

/**
 * The text of an answer that is still coming, so that nothing of it changes its looks when the rest is there: marks
 * that are open are closed, and those that have only begun are left out.
 */
export function withClosedMarks(text: string): string {
  if (isInFence(text)) return text
  const paragraphAt = text.lastIndexOf('\n') + 1
  const before = text.slice(0, paragraphAt)
  const line = text.slice(paragraphAt)
  const told = line.replace(openLink, '$1')
  const trimmed = `\n${told}`.replace(begunMark, '').replace(/^\n/, '')
  const prose = trimmed.replaceAll(closedCode, '')
  if (prose.includes('`')) return `${before}${trimmed.trimEnd()}\``
  const isStrong = count(prose, '**') % 2 === 1
  const isEmphasis =
    (count(prose, '*') - 2 * count(prose, '**')) % 2 === 1 && /(^|[^\w*])\*(?=[^\s*])/.test(prose)
  const close = `${isEmphasis ? '*' : ''}${isStrong ? '**' : ''}`
  return close === '' ? before + trimmed : `${before}${trimmed.trimEnd()}${close}`
}

function isInFence(text: string): boolean {
  return (text.match(/^[ \t]*```/gm)?.length ?? 0) % 2 === 1
}

function count(text: string, mark: string): number {
  return text.split(mark).length - 1
}
