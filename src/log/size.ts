import type { SessionState } from './state.ts'

/** What a session costs beside its turns and requests: its own objects and the live copy around it. */
const baseBytes = 4096
const bytesPerOrderLine = 200

/** States and their records never change, so each is measured once. */
const measured = new WeakMap<object, number>()

/** About how many bytes of heap a session's state takes. `bench/memory.ts` compares it with the heap's own growth. */
export function bytesOfState(state: SessionState): number {
  return once(state, () => {
    const summaries = state.summary === null ? [] : [state.summary]
    const keys = state.keys === undefined ? [] : [state.keys]
    const records = [...state.turns, ...state.requests, ...summaries, ...keys]
    const bytes = records.reduce((sum, record) => sum + once(record, () => bytesOf(record)), 0)
    return baseBytes + bytes + state.bar.lines.length * bytesPerOrderLine
  })
}

function once(subject: object, measure: () => number): number {
  const known = measured.get(subject)
  if (known !== undefined) return known
  const bytes = measure()
  measured.set(subject, bytes)
  return bytes
}

/** Strings by their length, everything else by the size of its slots. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return 16 + value.length * 2
  if (typeof value !== 'object' || value === null) return 8
  const inner = Array.isArray(value) ? value : Object.values(value)
  return inner.reduce((sum: number, part: unknown) => sum + 8 + bytesOf(part), 40)
}
