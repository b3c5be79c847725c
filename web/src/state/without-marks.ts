/** The words of Markdown, without the marks that are for the eye only. */
export function withoutMarks(text: string): string {
  return text.replaceAll(/[*_`#~]|\]\([^)]*\)|\[|^\s*[-•]\s/gm, '').replaceAll(/\s+/g, ' ')
}
