import { expect, it } from 'vitest'
import type { Clock } from '../../src/clock.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { observeStore } from '../../src/store/observed.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { said } from './samples.ts'
import { storeContract } from './store.contract.ts'

function setup() {
  const clock = new FakeClock()
  /** Every look at this one takes half a second. */
  const slowClock: Clock = {
    now: () => {
      clock.advance(500)
      return clock.now()
    },
    date: () => clock.date(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
  }
  const seen: string[] = []
  const observer = {
    operation: (name: string, seconds: number) => seen.push(`${name} ${seconds}`),
    failed: (name: string) => seen.push(`${name} failed`),
    conflict: () => seen.push('conflict'),
  }
  return { clock, seen, store: observeStore(createMemoryStore({ clock }), observer, slowClock) }
}

storeContract('observed store', async () => {
  const clock = new FakeClock()
  const observer = { operation: () => {}, failed: () => {}, conflict: () => {} }
  const store = observeStore(createMemoryStore({ clock }), observer, clock)
  return { store, advance: async (durationMs) => clock.advance(durationMs), date: () => clock.date() }
})

it('reports every operation with its seconds', async () => {
  const { store, seen } = setup()
  await store.append({ id: 'a', expectedVersion: 0, events: [said('one')], expiresAt: 1 })
  await store.load('a')
  await store.acquireLease('a', 'left', 1)
  await store.remove('a')
  await store.count('a', 1, 1)
  expect(seen).toEqual(['append 0.5', 'load 0.5', 'acquireLease 0.5', 'remove 0.5', 'count 0.5'])
})

it('reports a conflict, but not a lost lease', async () => {
  const { store, seen } = setup()
  await store.append({ id: 'a', expectedVersion: 1, events: [said('one')], expiresAt: 1 })
  await store.append({ id: 'a', expectedVersion: 0, events: [said('one')], expiresAt: 1, owner: 'left' })
  expect(seen).toEqual(['append 0.5', 'conflict', 'append 0.5'])
})

it('reports operations that fail as such, with their seconds', async () => {
  const { store, seen } = setup()
  await store.close()
  await expect(store.load('a')).rejects.toThrow('closed')
  expect(seen).toEqual(['load failed', 'load 0.5'])
})

it('has the description of the store within', () => {
  expect(setup().store).toMatchObject({ description: 'memory', shared: false })
})
