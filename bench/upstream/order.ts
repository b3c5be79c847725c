/** What the guest says. The numbers tell the upstream how to answer, so that it keeps nothing between requests. */
export interface Order {
  readonly chunks: number
  /** Between two chunks; 0 sends the whole answer at once. */
  readonly paceMs: number
}

const opening = 'One IPA, please. ('
const charactersMax = 64

export function sayOrder({ chunks, paceMs }: Order): string {
  return `${opening}${chunks} ${paceMs})`
}

/** The guest's newest order in a request to the model, and whether its tool has been called already. */
export function readOrder(body: Buffer): (Order & { readonly isAfterTool: boolean }) | undefined {
  const at = body.lastIndexOf(opening)
  if (at === -1) return undefined
  const text = body.toString('latin1', at + opening.length, at + charactersMax)
  const [, chunks, paceMs] = /^(\d+) (\d+)\)/.exec(text) ?? []
  // An earlier turn's results stand before the guest's words.
  const isAfterTool = body.includes('"functionResponse"', at)
  return { chunks: Number(chunks), paceMs: Number(paceMs), isAfterTool }
}
