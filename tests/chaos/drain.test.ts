import assert from 'node:assert/strict'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sleep, systemClock } from '../../src/clock.ts'
import { limits } from '../../src/config/limits.ts'
import type { Store } from '../../src/log/store.ts'
import { openRedisStore } from '../../src/store/redis.ts'
import { checkStore, idOf } from './checks.ts'
import { ask, NoAnswerError, openStream, type Asked } from './connection.ts'
import { Fleet, type Server } from './fleet.ts'
import { Hearing } from './hearing.ts'

const short = 'Two martinis please.'
/** Its answer names the whole menu. */
const long = 'Two martinis please, and what do you have?'
const paceMs = 100
const shutdownSeconds = 1
/** As the stream says it to EventSource. */
const retryMs = 1000
const patienceMs = 10_000
const key = 'order'

interface Guest {
  readonly token: string
  readonly hearing: Hearing
  /** Resolves when its first stream is over. */
  readonly whenOver: Promise<void>
}

async function setup(): Promise<{ fleet: Fleet; first: Server; second: Server; store: Store }> {
  const fleet = await Fleet.open({
    places: 2,
    environment: {
      MAYA_HOUSE_PACE_MS: String(paceMs),
      MAYA_SHUTDOWN_SECONDS: String(shutdownSeconds),
      MAYA_SESSIONS_PER_CONTAINER: '1000',
      MAYA_DEFAULT_SESSION_MEMORY_MB: '1',
    },
  })
  onTestFinished(() => fleet.destroy())
  const { address } = fleet.redis
  const store = await openRedisStore({ address, clock: systemClock, random: Math.random })
  onTestFinished(() => store.close())
  const [first, second] = fleet.servers
  assert(first !== undefined && second !== undefined)
  return { fleet, first, second, store }
}

/** Guests whose drinks are on the tab, and whose answers are being said. */
function seat(server: Server, messages: readonly string[]): Promise<readonly Guest[]> {
  return Promise.all(
    messages.map(async (message) => {
      const { body } = await ask(server.url, { method: 'POST', path: '/sessions', body: {} }, patienceMs)
      const token: string = body.session_id
      const hearing = new Hearing(key, message)
      const begun = Promise.withResolvers<void>()
      const whenOver = listen(server, { token, hearing }, () => {
        if (hearing.text !== '') begun.resolve()
      })
      whenOver.catch(begun.reject)
      await begun.promise
      return { token, hearing, whenOver }
    }),
  )
}

/** Asks with the key and from where it was left, and hears what there is to hear. */
async function listen(
  { url }: Server,
  { token, hearing }: Pick<Guest, 'token' | 'hearing'>,
  onEvent: () => void = () => {},
): Promise<void> {
  const { lastEventId, message } = hearing
  const body = { user_input: message }
  const asked: Asked = { method: 'POST', path: '/chat/stream', token, key, lastEventId, body }
  try {
    const { answer, events } = await openStream(url, asked, 2 * limits.leaseMs)
    assert.equal(answer, undefined, JSON.stringify(answer))
    for await (const event of events) {
      hearing.hear(event, lastEventId)
      onEvent()
    }
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error
  }
}

const times = (count: number, message: string) => Array.from({ length: count }, () => message)

function see(server: Server, { token }: Guest, path: string) {
  return ask(server.url, { method: 'GET', path, token }, patienceMs).then(({ body }) => body)
}

function send(server: Server, { token }: Guest, message: string) {
  const asked: Asked = { method: 'POST', path: '/chat', token, key: 'next', body: { user_input: message } }
  return ask(server.url, asked, 3 * limits.leaseMs)
}

describe('a server that is told to end', () => {
  it('in the midst of 200 turns: each is completed there, or elsewhere with the next retry of its reader', async () => {
    const { first, second, store } = await setup()
    const guests = await seat(first, [...times(100, short), ...times(100, long)])
    first.end('SIGTERM')
    const resumed: Guest[] = []
    const waits = await Promise.all(
      guests.map(async (guest) => {
        await guest.whenOver
        if (guest.hearing.isOver) return 0
        resumed.push(guest)
        await sleep(systemClock, retryMs, AbortSignal.timeout(2 * retryMs))
        const askedAt = systemClock.now()
        const heard = Promise.withResolvers<number>()
        await listen(second, guest, () => heard.resolve(systemClock.now() - askedAt))
        return heard.promise
      }),
    )
    expect(guests.filter(({ hearing }) => hearing.complete === undefined)).toEqual([])
    expect(await first.exited).toBe(0)
    expect(resumed.length).toBeGreaterThan(0)
    expect(resumed.length).toBeLessThan(guests.length)
    // Nobody had to wait for a lease to run out.
    expect(Math.max(...waits)).toBeLessThan(limits.leaseMs / 2)
    const counts = await checkStore(
      store,
      guests.map(({ token, hearing }) => ({ token, hearings: [hearing], receipts: [] })),
    )
    expect(counts).toMatchObject({
      turns: 200,
      turnsTakenUp: resumed.length,
      turnsInterrupted: resumed.length,
    })
  })
})

describe('a server that is killed in the midst of its turns', () => {
  it('leaves them to whoever touches their sessions next, with their effects standing once', async () => {
    const { first, second, store } = await setup()
    const guests = await seat(first, times(60, long))
    const [retrying, looking, talking] = [guests.slice(0, 20), guests.slice(20, 40), guests.slice(40)]
    first.end('SIGKILL')
    await Promise.all(guests.map(({ whenOver }) => whenOver))
    await Promise.all([
      ...retrying.map(async (guest) => {
        const { turnId } = guest.hearing
        await listen(second, guest)
        expect(guest.hearing).toMatchObject({ turnId, complete: guest.hearing.text })
      }),
      ...looking.map(async (guest) => {
        const { hearing } = guest
        await expect
          .poll(async () => (await see(second, guest, '/chat/history')).running_turn_id, { timeout: 20_000 })
          .toBeNull()
        const { history } = await see(second, guest, '/chat/history')
        expect(history).toMatchObject([{ role: 'user', content: long, turn_id: hearing.turnId }])
      }),
      ...talking.map(async (guest) => {
        const { status, body } = await send(second, guest, 'An IPA.')
        expect(status).toBe(200)
        expect(body.current_order).toMatchObject([{ quantity: 2 }, { item_name: 'IPA', quantity: 1 }])
      }),
    ])
    for (const guest of looking)
      expect(await see(second, guest, '/payments/tab')).toMatchObject({ tab_amount: 26 })
    for (const { token } of [...looking, ...talking]) {
      const events = await store.events(idOf(token))
      expect(events.filter(({ type }) => type === 'turn-ended')[0]).toMatchObject({ outcome: 'interrupted' })
    }
    const said = (guest: Guest) => (talking.includes(guest) ? [new Hearing('next', 'An IPA.')] : [])
    const counts = await checkStore(
      store,
      guests.map((guest) => ({
        token: guest.token,
        hearings: [guest.hearing, ...said(guest)],
        receipts: [],
      })),
    )
    expect(counts).toMatchObject({ turnsInterrupted: 60, turnsTakenUp: 20 })
  })
})
