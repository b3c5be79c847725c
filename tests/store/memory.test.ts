import { expect, it } from 'vitest'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { said } from './samples.ts'
import { storeContract } from './store.contract.ts'

storeContract('memory store', async () => {
  const clock = new FakeClock()
  const store = createMemoryStore({ clock })
  return { store, advance: async (durationMs) => clock.advance(durationMs), date: () => clock.date() }
})

it('says what it is', () => {
  const clock = new FakeClock()
  expect(createMemoryStore({ clock })).toMatchObject({ description: 'memory', shared: false })
  expect(createMemoryStore({ clock, shared: true }).shared).toBe(true)
})

it('keeps the very objects it was given', async () => {
  const store = createMemoryStore({ clock: new FakeClock() })
  const event = said('one')
  await store.append({ id: 'a', expectedVersion: 0, events: [event], expiresAt: 1 })
  expect((await store.events('a'))[0]).toBe(event)
})
