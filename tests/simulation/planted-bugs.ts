import type { SessionEvent } from '../../src/log/events.ts'
import type { Bus } from '../../src/log/bus.ts'
import type { SessionState } from '../../src/log/state.ts'
import type { Store } from '../../src/log/store.ts'
import { Session } from '../../src/sessions/session.ts'

/** A mistake that somebody could make, put in on purpose to see that the simulation finds it. */
export interface PlantedBug {
  /** How a process with this bug uses the store. */
  readonly store?: (store: Store) => Store
  /** What a process with this bug says to the others. */
  readonly bus?: (bus: Bus) => Bus
  /** Changes the code itself; returns what undoes it. */
  readonly patch?: () => () => void
}

export const plantedBugs: Readonly<Record<string, PlantedBug>> = {
  'a skipped version check': {
    store: (store) => ({
      ...store,
      async append(append) {
        const result = await store.append(append)
        if (result.ok || result.reason !== 'conflict') return result
        return store.append({ ...append, expectedVersion: await store.version(append.id) })
      },
    }),
  },

  'an effect applied twice': {
    // After a crash the effects that are in the log are not known for what they are, and the tools run again.
    store: (store) => ({
      ...store,
      async load(id) {
        const stored = await store.load(id)
        if (stored === undefined) return undefined
        const { snapshot } = stored
        return {
          ...stored,
          snapshot: snapshot && { ...snapshot, state: withoutEffects(snapshot.state) },
          events: stored.events.map(withStrangeCallId),
        }
      },
    }),
  },

  'a lease ignored': {
    store: (store) => ({
      ...store,
      append: ({ owner: _owner, ...append }) => store.append(append),
      async acquireLease(id, owner, durationMs) {
        await store.acquireLease(id, owner, durationMs)
        return true
      },
      async renewLease(id, owner, durationMs) {
        await store.renewLease(id, owner, durationMs)
        return true
      },
    }),
  },

  'a gap in what another container told': {
    // Every third message is left out, and the others are counted as if there had been no more.
    bus(bus) {
      const lost = new Map<string, number>()
      return {
        ...bus,
        async publish(channel, message) {
          const told: unknown = JSON.parse(message)
          if (!isCounted(told)) return bus.publish(channel, message)
          const lostBefore = lost.get(channel) ?? 0
          if (told.count % 3 === 1) {
            lost.set(channel, lostBefore + 1)
            return 1
          }
          return bus.publish(channel, JSON.stringify({ ...told, count: told.count - lostBefore }))
        },
      }
    },
  },

  'a dispose forgotten': {
    patch() {
      const original = Object.getOwnPropertyDescriptor(Session.prototype, 'dispose')
      Session.prototype.dispose = async () => {}
      return () => {
        if (original !== undefined) Object.defineProperty(Session.prototype, 'dispose', original)
      }
    },
  },
}

function isCounted(value: unknown): value is { readonly count: number } {
  return typeof value === 'object' && value !== null && 'count' in value
}

function withStrangeCallId(event: SessionEvent): SessionEvent {
  return event.type === 'effect' ? { ...event, callId: `${event.callId}~` } : event
}

function withoutEffects(state: SessionState): SessionState {
  return { ...state, turns: state.turns.map((turn) => ({ ...turn, effects: [] })) }
}
