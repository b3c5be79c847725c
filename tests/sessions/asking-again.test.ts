import { describe, expect, it } from 'vitest'
import { settle } from '../fakes/fake-clock.ts'
import { calls, hangsAfter, hanging, says } from '../fakes/scripted-model.ts'
import { openSession, startContainer, guestOf, textOf, toldBy } from './container.ts'

const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const

describe('the same message under the same key', () => {
  it('attaches to the turn while it runs, and while it waits', async () => {
    const first = hanging('One')
    const { send, script } = await openSession({ replies: [first.reply, says('Two.')] })
    const one = await send('1', 'k1')
    const two = await send('2', 'k2')
    await first.heard
    expect(await send('1', 'k1')).toBe(one)
    expect(await send('2', 'k2')).toBe(two)
    expect(script.requests).toHaveLength(1)
  })

  it('gets the turn that was answered, with every event and number as it was', async () => {
    const { send, say, script } = await openSession({ replies: [calls(gin), says('One Gin.')] })
    const events = await send('Gin', 'k')
    await events.whenEnded
    expect(await send('Gin', 'k')).toBe(events)
    expect(await say('Gin', 'k')).toEqual(toldBy(events))
    expect(script.requests).toHaveLength(2)
  })

  it('gets it told again from the log when the events are gone, ending with the same words', async () => {
    const { send, say } = await openSession({
      replies: [calls(gin), says('One Gin.'), says('a'), says('b'), says('c')],
    })
    const events = await send('Gin', 'k')
    await events.whenEnded
    for (const text of ['1', '2', '3']) await say(text)
    const again = await send('Gin', 'k')
    expect(again).not.toBe(events)
    expect(again.isReadToEnd(events.lastNumber)).toBe(true)
    expect(again.isReadToEnd(events.lastNumber - 1)).toBe(false)
    const told = toldBy(again)
    expect(told.map(({ type }) => type)).toEqual([
      'session',
      'tool-call',
      'tool-result',
      'text-chunk',
      'state',
      'complete',
    ])
    expect(told.at(-1)).toEqual(events.last)
    expect(textOf(told)).toBe('One Gin.')
  })

  it('sends whoever reads a retold turn home when it is read, however often it is told', async () => {
    const { send, say } = await openSession({ replies: [calls(['get_bill', {}]), says('0.'), ...more(3)] })
    const events = await send('Bill', 'k')
    await events.whenEnded
    for (const text of ['1', '2', '3']) await say(text)
    const again = await send('Bill', 'k')
    const reader = again.attach(1, () => {})
    let last = 0
    for (let record = reader?.next(); record !== undefined; record = reader?.next()) last = record.number
    expect(reader?.isRestart).toBe(true)
    expect((await send('Bill', 'k')).isReadToEnd(last)).toBe(true)
  })

  it('is refused for another message', async () => {
    const { send, say } = await openSession({ replies: [hangsAfter('One'), says('Two.')] })
    await send('1', 'k')
    await expect(send('2', 'k')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
    await settle()
    await expect(say('2', 'k')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
  })

  it('is a new turn when it was refused before', async () => {
    const { send, use, say } = await openSession({
      turnsQueuedMax: 0,
      replies: [hangsAfter('One'), says('Two.')],
    })
    await send('1')
    await settle()
    await expect(send('2', 'k')).rejects.toMatchObject({ code: 'TURN_QUEUE_FULL' })
    await use((session) => session.stop(undefined, () => ({ status: 200, body: null })))
    expect((await say('2', 'k')).at(-1)).toMatchObject({ content: 'Two.' })
  })

  it('is known also when the session was hibernated in between', async () => {
    const { send, say, sessions, clock } = await openSession({ sessionsMax: 1, replies: [says('One.')] })
    const events = await send('1', 'k')
    await events.whenEnded
    clock.advance(60_001)
    await sessions.create({ agent: 'maya', workspace: 'default' })
    clock.advance(60_001)
    expect((await say('1', 'k')).at(-1)).toEqual(events.last)
  })

  it('is known for a thousand keys, also through snapshots', async () => {
    const { use, store, clock, id } = await openSession({ limits: { eventsPerSnapshot: 50 } })
    for (let count = 0; count < 1100; count++) {
      const request = { key: `k${count}`, fingerprint: 'tip' }
      await use(({ cashier }) => cashier.tip({ kind: 'amount', cents: count }, request))
    }
    const other = startContainer({ name: 'b', clock, store, limits: { eventsPerSnapshot: 50 } })
    const { requests } = await guestOf(other, id).state()
    expect(requests).toHaveLength(1000)
    expect([requests[0]?.key, requests.at(-1)?.key]).toEqual(['k100', 'k1099'])
    expect((await store.load(id))?.snapshot?.state.requests.length).toBeLessThanOrEqual(1000)
  })
})

describe('a turn by its id', () => {
  it('is found while it runs, when it ended, and when it is older than what is kept', async () => {
    const { send, use, say } = await openSession({
      limits: { turnsKeptMax: 2 },
      replies: [says('One.'), ...more(5)],
    })
    const events = await send('1')
    expect(await use((session) => session.findTurn(events.turnId))).toBe(events)
    await events.whenEnded
    for (const text of ['2', '3', '4', '5']) await say(text)
    const found = await use((session) => session.findTurn(events.turnId))
    expect(found.last).toMatchObject({ type: 'complete', content: 'One.' })
    expect(found.isReadToEnd(events.lastNumber)).toBe(true)
  })

  it('that was interrupted and is no longer kept cannot be taken up again, and says so', async () => {
    const { send, use, say } = await openSession({
      limits: { turnsKeptMax: 1 },
      replies: [[{ type: 'text-delta', text: 'broken off' }], ...more(3)],
    })
    const events = await send('1', 'k')
    await events.whenEnded
    expect(events.last).toMatchObject({ retryable: true })
    for (const text of ['2', '3', '4']) await say(text)
    const found = await use((session) => session.findTurn(events.turnId))
    expect(found.last).toMatchObject({ type: 'error', retryable: false })
    expect((await say('1', 'k')).at(-1)).toMatchObject({ type: 'error', retryable: false })
  })

  it('is not found where there is none', async () => {
    const { use } = await openSession()
    await expect(use((session) => session.findTurn('none'))).rejects.toMatchObject({ code: 'TURN_NOT_FOUND' })
  })
})

function more(count: number) {
  return Array.from({ length: count }, () => says('More.'))
}
