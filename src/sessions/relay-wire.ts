import type { ReadEvent, TurnEvent } from '../conversation/turn-events.ts'

/** What containers say to one another about a turn. Another format gets another number, so they miss one another. */
const format = 1

/** Where the container that runs a turn listens. */
export function channelOf(sessionId: string, turnId: string): string {
  return `turn:${format}:${sessionId}:${turnId}`
}

/** What another container asks of the one that runs the turn. */
export type TurnRequest =
  | { readonly kind: 'stop' }
  /** To be told all events after that number, null is from the first one on, over a channel of the asker's. */
  | { readonly kind: 'follow'; readonly channel: string; readonly after: number | null }

/** What the one that runs the turn tells a follower, in the order of `count`: 0, 1, 2 ... */
export interface Told {
  readonly count: number
  readonly events: readonly ReadEvent[]
  /** The events do not go on after the number that was asked for. */
  readonly isRestart?: boolean
  /** The last: after it the turn has no more events, or the follower has to ask anew. */
  readonly end?: 'ended' | 'lost'
}

export function writeRequest(request: TurnRequest): string {
  return JSON.stringify(request)
}

/** Undefined for what is no request. */
export function readRequest(text: string): TurnRequest | undefined {
  return parse(text)
}

export function writeTold({ events, ...told }: Told): string {
  return JSON.stringify({ ...told, events: events.map(({ number, event }) => [number, packed(event)]) })
}

/** Undefined for what cannot be read. */
export function readTold(text: string): Told | undefined {
  const told: WrittenTold | undefined = parse(text)
  if (told === undefined) return undefined
  return { ...told, events: told.events.map(([number, event]) => ({ number, event: unpacked(event) })) }
}

type AudioChunk = Extract<TurnEvent, { type: 'audio-chunk' }>
/** An event as JSON has it. */
type Packed = Exclude<TurnEvent, AudioChunk> | (Omit<AudioChunk, 'audio'> & { readonly audio: string })
type WrittenTold = Omit<Told, 'events'> & { readonly events: readonly (readonly [number, Packed])[] }

function packed(event: TurnEvent): Packed {
  return event.type === 'audio-chunk' ? { ...event, audio: event.audio.toString('base64') } : event
}

function unpacked(event: Packed): TurnEvent {
  return event.type === 'audio-chunk' ? { ...event, audio: Buffer.from(event.audio, 'base64') } : event
}

/** Containers trust what comes over their own store; what is no JSON was cut off. */
function parse(text: string) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
