import type { ReadEvent, TurnEvents } from '../../src/conversation/turn-events.ts'
import type { Bus } from '../../src/log/bus.ts'
import { StoreError } from '../../src/log/store.ts'
import { createMemoryBus } from '../../src/store/memory-bus.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { unreliable } from '../log/unreliable-store.ts'
import { guestOf, startContainer, type ContainerOptions } from './container.ts'

export const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const

interface Line {
  /** What becomes of a message: it comes as what this returns, or not at all. */
  pass: (channel: string, message: string) => string | undefined
  fails: boolean
}

/** A session, the container that runs its turns, and another one; all that they say to one another goes over `line`. */
export async function setup(a: ContainerOptions, b: ContainerOptions = {}) {
  const clock = new FakeClock()
  const inner = createMemoryBus()
  const line: Line = { pass: (_channel, message) => message, fails: false }
  const bus: Bus = {
    publish: async (channel, message) => {
      if (line.fails) throw new StoreError('The line is down.')
      const passed = line.pass(channel, message)
      return passed === undefined ? 1 : inner.publish(channel, passed)
    },
    subscribe: async (channel, listener) => {
      if (line.fails) throw new StoreError('The line is down.')
      return inner.subscribe(channel, listener)
    },
    close: () => inner.close(),
  }
  const store = createMemoryStore({ clock, shared: true })
  const { store: storeOfOne, faults } = unreliable(store)
  const one = startContainer({ name: 'a', clock, store: storeOfOne, bus, ...a })
  const two = startContainer({ name: 'b', clock, store, bus, ...b })
  const { id } = await one.sessions.create({ agent: 'maya', workspace: 'default' })
  return {
    id,
    clock,
    line,
    faults,
    inner,
    store,
    a: { ...one, ...guestOf(one, id) },
    b: { ...two, ...guestOf(two, id) },
    /** Nothing of the first container reaches store or line any more. */
    kill: () => {
      const never = new Promise<void>(() => {})
      faults.before = () => never
      line.pass = () => undefined
    },
  }
}

/** A reply that says what the test gives it. */
export function dictated() {
  /** Null is the end. */
  const words: (string | null)[] = []
  let wake = Promise.withResolvers<void>()
  const reply: ScriptedReply = async function* speak() {
    for (;;) {
      const word = words.shift()
      if (word === null) break
      if (word === undefined) await wake.promise
      else yield { type: 'text-delta', text: word } as const
    }
    yield* says('')
  }
  const nudge = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  return {
    reply,
    say: async (...said: readonly string[]) => {
      words.push(...said)
      nudge()
      await settle()
    },
    end: async () => {
      words.push(null)
      nudge()
      await settle()
    },
  }
}

export function read(events: TurnEvents, after: number | null = null): readonly ReadEvent[] {
  const reader = events.attach(after, () => {})
  const records: ReadEvent[] = []
  for (let record = reader?.next(); record !== undefined; record = reader?.next()) records.push(record)
  reader?.close()
  return records.map(({ number, event }) => ({ number, event }))
}
