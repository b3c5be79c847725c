// Any interleaving of emits, reads and reconnects against the plain list of everything that was emitted.
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  TurnEvents,
  type ReadEvent,
  type TurnEvent,
  type TurnReader,
} from '../../src/conversation/turn-events.ts'

/** One guest's connection: what it has got of the turn, and up to where. */
interface Guest {
  reader: TurnReader
  heard: string
  last: number | null
}

type Step =
  | { readonly do: 'say'; readonly times: number; readonly length: number }
  | { readonly do: 'act' }
  | { readonly do: 'speak'; readonly times: number }
  | { readonly do: 'read'; readonly guest: number; readonly times: number }
  | { readonly do: 'reconnect'; readonly guest: number }
  | { readonly do: 'join' }

const guest = fc.nat(4)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('say' as const),
      times: fc.integer({ min: 1, max: 12 }),
      length: fc.nat(60),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'act' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('speak' as const), times: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('read' as const), guest, times: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reconnect' as const), guest }) },
  { weight: 1, arbitrary: fc.constant({ do: 'join' as const }) },
)

class World {
  readonly events: TurnEvents
  readonly guests: Guest[] = []
  /** Everything up to each number, as one text. */
  readonly #upTo = new Map<number, string>()
  #all = ''

  constructor(base: number) {
    this.events = new TurnEvents({
      turnId: 't',
      base,
      bufferBytesMax: 3000,
      lagBytesMax: 1200,
      soundBytesMax: 1000,
      readersMax: 100,
    })
    this.emit({ type: 'session' })
    this.join()
  }

  emit(event: TurnEvent): void {
    this.#all += textOf(event)
    this.#upTo.set(this.events.lastNumber + 1, this.#all)
    this.events.emit(event)
  }

  join(): void {
    this.guests.push({ reader: this.#attach(null), heard: '', last: null })
  }

  reconnect(guestOf: Guest): void {
    guestOf.reader.close()
    guestOf.reader = this.#attach(guestOf.last)
    if (guestOf.reader.isRestart) Object.assign(guestOf, { heard: '', last: null })
  }

  /** True when it got one event. What it has must be exactly what was said up to there. */
  read(guestOf: Guest): boolean {
    const record: ReadEvent | undefined = guestOf.reader.next()
    if (record === undefined) return false
    assert.ok(record.number > (guestOf.last ?? 0))
    guestOf.heard += textOf(record.event)
    guestOf.last = record.number
    assert.equal(guestOf.heard, this.#upTo.get(record.number))
    return true
  }

  /** Reads on, coming back whenever it has to, until there is nothing more. True when it has everything. */
  hasAllInTheEnd(guestOf: Guest): boolean {
    for (let tries = 0; tries < 3 && !guestOf.reader.isAtEnd; tries++) {
      if (tries > 0) this.reconnect(guestOf)
      this.readAll(guestOf)
    }
    const { reader, heard, last } = guestOf
    return reader.isAtEnd && heard === this.#all && this.events.isReadToEnd(last ?? 0)
  }

  readAll(guestOf: Guest): void {
    for (let isRead = true; isRead;) isRead = this.read(guestOf)
  }

  #attach(after: number | null): TurnReader {
    const reader = this.events.attach(after, () => {})
    if (reader === undefined) throw new Error('There is no place.')
    return reader
  }
}

/** Text as it is; every other event as a mark that is different each time. What is spoken may be missed. */
function textOf(event: TurnEvent): string {
  if (event.type === 'text-chunk') return event.content
  if (event.type === 'audio-chunk' || event.type === 'sentence') return ''
  return event.type === 'tool-result' ? `<${event.callId}>` : `<${event.type}>`
}

function play(world: World, move: Step, at: number): void {
  const guestOf = 'guest' in move ? world.guests[move.guest % world.guests.length] : undefined
  switch (move.do) {
    case 'say':
      for (let time = 0; time < move.times; time++) {
        world.emit({ type: 'text-chunk', content: `${at}.${time}${'x'.repeat(move.length)} ` })
      }
      return
    case 'act':
      return world.emit({ type: 'tool-result', callId: String(at), name: 'n', result: at })
    case 'speak':
      for (let time = 0; time < move.times; time++) {
        const sound = { index: at, audio: Buffer.alloc(100), sampleRate: 8000, startMs: time }
        world.emit({ type: 'sentence', index: at, content: 'some' })
        world.emit({ type: 'audio-chunk', ...sound })
      }
      return
    case 'read':
      for (let time = 0; time < move.times; time++) if (guestOf !== undefined) world.read(guestOf)
      return
    case 'reconnect':
      if (guestOf !== undefined) world.reconnect(guestOf)
      return
    case 'join':
      return world.join()
  }
}

it('every reader gets every event once and in order, or the whole turn anew, however it comes and goes', () => {
  fc.assert(
    fc.property(fc.constantFrom(0, 1_000_000), fc.array(step, { maxLength: 60 }), (base, steps) => {
      const world = new World(base)
      for (const [at, move] of steps.entries()) play(world, move, at)
      world.events.end()
      expect(world.guests.filter((guestOf) => !world.hasAllInTheEnd(guestOf))).toEqual([])
    }),
    { numRuns: 500 },
  )
})
