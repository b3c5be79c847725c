// Ten thousand sessions come and go in every way there is. Nothing of them may stay in this process.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import type { Model } from '../../src/llm/model.ts'
import type { Session } from '../../src/sessions/session.ts'
import { settle } from '../fakes/fake-clock.ts'
import { calls, hangsAfter, says } from '../fakes/scripted-model.ts'
import { guestOf, startContainer, toldBy, type Container } from '../sessions/container.ts'

const batch = 100
const idleMs = 60_000
const expiryMs = 600_000

/** Orders for whoever asks, but talks without end to whoever wants to hear a story. */
const model: Model = {
  name: 'endless',
  isGeneral: true,
  async *stream(request, signal) {
    const last = request.messages.at(-1)
    if (last?.role === 'user' && last.text === 'Tell me a story') yield* hangsAfter('Once')(request, signal)
    else
      yield* last?.role === 'tool'
        ? says('Your Gin.')
        : calls(['add_to_order', { item_name: 'gin', quantity: 1 }])
  },
}

/** The ways in which a session is used and ends; those that do not end by themselves are hibernated and expire. */
const ways: readonly ((container: Container, session: Session) => Promise<unknown>)[] = [
  async (container, session) => container.sessions.end(session),
  async (container, session) => {
    await session.send({ userInput: 'Tell me a story', request: undefined })
    await settle()
    return container.sessions.end(session)
  },
  async (_container, session) => {
    await session.send({ userInput: 'Tell me a story', request: undefined })
    await settle()
    return session.stop(undefined, () => ({ status: 200, body: null }))
  },
  async (_container, session) => session.reset(undefined, { status: 200, body: null }),
  async (_container, session) => session.cashier.pay({ request: { key: 'pay', fingerprint: 'pay' } }),
]

async function come(container: Container, count: number): Promise<WeakRef<Session>[]> {
  const seen: WeakRef<Session>[] = []
  for (let done = 0; done < count; done += batch) {
    const ids = await Promise.all(
      Array.from({ length: batch }, async (_, at) => {
        const session = await container.sessions.create({ agent: 'maya', workspace: 'default' })
        seen.push(new WeakRef(session))
        await visit(container, session.id, at)
        return session.id
      }),
    )
    // Those that stayed are idle now: the next batch takes their places, and some are woken once more.
    container.clock.advance(idleMs + 1)
    for (const id of ids.slice(0, 10))
      await guestOf(container, id)
        .use(() => {})
        .catch(() => {})
    container.clock.advance(idleMs + 1)
    container.happened.length = 0
    container.observer.turns.length = 0
  }
  return seen
}

async function visit(container: Container, id: string, at: number): Promise<void> {
  const guest = guestOf(container, id)
  const events = await guest.send('A gin', 'key')
  const reader = events.attach(null, () => {})
  await events.whenEnded
  reader?.close()
  expect(toldBy(events).at(-1)).toMatchObject({ type: 'complete' })
  await guest.use((session) => ways[at % ways.length]?.(container, session))
}

async function leave({ sessions, clock }: Container): Promise<void> {
  clock.advance(expiryMs)
  await sessions.sweep()
  await settle()
}

/** The heap when everything is gone that can go: the least of several readings. */
async function heapBytes(collect: () => void): Promise<number> {
  const readings: number[] = []
  for (let count = 0; count < 5; count++) {
    await settle()
    collect()
    readings.push(process.memoryUsage().heapUsed)
  }
  return Math.min(...readings)
}

it(
  'leaves nothing of 10,000 sessions behind: no heap, no timer, no handle, no entry',
  { timeout: 60_000 },
  async () => {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    const container = startContainer({ model, idleMs, expiryMs, sessionsMax: batch, turnMs: 1e9 })
    const { sessions, clock, store } = container
    const counts = async () => ({
      live: sessions.liveCount,
      bytes: sessions.liveBytes,
      running: sessions.turnsRunning,
      admissible: sessions.admissible,
      timers: clock.pending,
      stored: (await store.expired(Infinity, 1)).length,
      handles: process
        .getActiveResourcesInfo()
        .filter((name) => name !== 'Immediate')
        .toSorted(),
    })
    await come(container, 5000) // Until everything is compiled and every table has grown.
    await leave(container)
    const [before, bytesBefore] = [await counts(), await heapBytes(collect)]
    expect(before).toMatchObject({ live: 0, bytes: 0, running: 0, admissible: batch, timers: 0, stored: 0 })

    const seen = await come(container, 5000)
    expect(sessions.liveCount).toBeGreaterThan(0)
    await leave(container)

    await settle()
    collect()
    expect(await counts()).toEqual(before)
    expect(seen.filter((session) => session.deref() !== undefined)).toEqual([])
    seen.length = 0 // A weak reference takes memory too.
    // The engine itself grows by half a megabyte at most; an id and an array left by each session are more than one.
    expect((await heapBytes(collect)) - bytesBefore).toBeLessThan(1024 * 1024)
  },
)
