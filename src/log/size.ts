import type { SessionState, TurnRecord } from './state.ts'

/** What a session's state costs beside its turns: its own objects and the live copy around it. */
const baseBytes = 4096
const bytesPerRequest = 256
const bytesPerOrderLine = 200

/** Turn records never change, so each is measured once. */
const measured = new WeakMap<TurnRecord, number>()

/** About how many bytes of heap a session's state takes. `bench/memory.ts` compares it with the heap's own growth. */
export function bytesOfState(state: SessionState): number {
  const turns = state.turns.reduce((sum, turn) => sum + bytesOfTurn(turn), 0)
  return (
    baseBytes + turns + state.requests.length * bytesPerRequest + state.bar.lines.length * bytesPerOrderLine
  )
}

function bytesOfTurn(turn: TurnRecord): number {
  const known = measured.get(turn)
  if (known !== undefined) return known
  const bytes = bytesOf(turn)
  measured.set(turn, bytes)
  return bytes
}

/** Strings by their length, everything else by the size of its slots. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return 16 + value.length * 2
  if (typeof value !== 'object' || value === null) return 8
  const inner = Array.isArray(value) ? value : Object.values(value)
  return inner.reduce((sum: number, part: unknown) => sum + 8 + bytesOf(part), 40)
}
