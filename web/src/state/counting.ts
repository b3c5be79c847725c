/** How long an amount counts to its new value. */
export const countingMs = 600

/** What an amount shows on its way from one value to another: fast first, slow at the end. */
export function countedCents(from: number, to: number, elapsedMs: number): number {
  const progress = Math.min(Math.max(elapsedMs / countingMs, 0), 1)
  const eased = 1 - (1 - progress) ** 3
  return Math.round(from + (to - from) * eased)
}
