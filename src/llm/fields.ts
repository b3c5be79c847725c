/** A JSON object of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>

/** What a provider sends is never believed: anything but an object has no fields. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {}
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text of a field, or none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** What a JSON text says; undefined where it is none, or nested so deep that whoever walks through it would fail. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return hasFewBrackets(text) || isShallow(value) ? value : undefined
  } catch {
    return undefined
  }
}

const depthMax = 100

/** Most texts have too few to be deep, and counting them is much quicker than walking through the value. */
function hasFewBrackets(text: string): boolean {
  return countOf('{', text) + countOf('[', text) <= depthMax
}

function countOf(bracket: string, text: string): number {
  let count = 0
  for (let at = text.indexOf(bracket); at !== -1 && count <= depthMax; at = text.indexOf(bracket, at + 1))
    count++
  return count
}

function isShallow(value: unknown): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) return false
    level = level.flatMap((part) => (typeof part === 'object' && part !== null ? Object.values(part) : []))
  }
  return true
}
