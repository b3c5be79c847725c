import { describe, expect, it } from 'vitest'
import { settle } from '../fakes/fake-clock.ts'
import { hanging, hangsAfter, says, type ScriptedReply } from '../fakes/scripted-model.ts'
import {
  FakePayments,
  openSession,
  startContainer,
  textOf,
  toldBy,
  type ContainerOptions,
} from './container.ts'

async function setup(options: ContainerOptions = {}) {
  const session = await openSession(options)
  const stop = () => session.use((live) => live.stop(undefined, () => ({ status: 200, body: null })))
  const asked = () =>
    session.script.requests.map(({ messages }) => {
      const last = messages.findLast(({ role }) => role === 'user')
      return last?.role === 'user' ? last.text : ''
    })
  return { ...session, stop, asked }
}

function hangs(count: number): readonly ScriptedReply[] {
  return Array.from({ length: count }, () => hangsAfter('Well'))
}

describe('a message while a turn runs', () => {
  it('waits by default, and is answered in its turn', async () => {
    const first = hanging('One')
    const { send, stop, asked } = await setup({ replies: [first.reply, says('Two.'), says('Three.')] })
    const events = await Promise.all(['1', '2', '3'].map((text) => send(text)))
    await first.heard
    expect(asked()).toEqual(['1'])
    await stop()
    await Promise.all(events.map(({ whenEnded }) => whenEnded))
    expect(asked()).toEqual(['1', '2', '3'])
    expect(events.map((turn) => textOf(toldBy(turn)))).toEqual(['One', 'Two.', 'Three.'])
  })

  it('is refused beyond the bound of those that wait, until one has begun', async () => {
    const { send, stop } = await setup({ turnsQueuedMax: 2, replies: hangs(9) })
    await send('1')
    await Promise.all([send('2'), send('3')])
    await expect(send('4')).rejects.toMatchObject({ code: 'TURN_QUEUE_FULL', retryAfterSeconds: 5 })
    await settle()
    await stop()
    await settle()
    await send('4')
    await expect(send('5')).rejects.toMatchObject({ code: 'TURN_QUEUE_FULL' })
  })

  it('is refused where overlap is rejected, and the running turn goes on', async () => {
    const { send, stop, say } = await setup({ overlap: 'reject', replies: [hangsAfter('One'), says('Two.')] })
    const first = await send('1')
    await settle()
    await expect(send('2')).rejects.toMatchObject({ code: 'TURN_RUNNING' })
    expect(first.isEnded).toBe(false)
    await stop()
    expect(textOf(await say('2'))).toBe('Two.')
  })

  it('ends it where overlap interrupts: what it said stays, and only the newest is answered', async () => {
    const { send, state, asked } = await setup({
      overlap: 'interrupt',
      replies: [hangsAfter('Once upon'), says('Sure.'), says('Never asked.')],
    })
    const first = await send('Tell me a story')
    await settle()
    const [second, third] = await Promise.all([send('No, a joke'), send('No, a beer')])
    await Promise.all([first, second, third].map(({ whenEnded }) => whenEnded))
    expect(first.last).toMatchObject({ type: 'complete', content: 'Once upon', finishReason: 'stopped' })
    expect(second.last).toMatchObject({ type: 'error', code: 'INTERRUPTED' })
    expect(third.last).toMatchObject({ type: 'complete', content: 'Sure.' })
    expect(asked()).toEqual(['Tell me a story', 'No, a beer'])
    expect((await state()).turns.map(({ outcome }) => outcome)).toEqual(['stopped', 'complete'])
  })

  it('never makes a crowd where overlap interrupts a turn that cannot end at once', async () => {
    const { send, use, clock, limits } = await setup({
      overlap: 'interrupt',
      payments: new FakePayments('never'),
      replies: [says('Done.')],
    })
    await use(async ({ log }) =>
      log.commit(({ bar }) => [
        {
          type: 'payment-started',
          paymentId: 'p',
          lines: bar.lines,
          tip: null,
          tabCents: 0,
          tipCents: 0,
          postings: [],
        },
      ]),
    )
    const first = await send('0')
    await settle()
    const all = []
    for (let count = 1; count <= 50; count++) all.push(await send(String(count)))
    await settle()
    expect(first.isEnded).toBe(false)
    expect(all.map(({ isEnded }) => isEnded)).toEqual([...Array<boolean>(49).fill(true), false])
    await clock.advanceAsync(limits.paymentMs * 2)
    expect(all.at(-1)?.last).toMatchObject({ type: 'complete', content: 'Done.' })
  })

  it('is not lost by a turn that fails: the next one begins', async () => {
    const { send } = await setup({ replies: [new Error('broken'), says('Two.')] })
    const [one, two] = await Promise.all([send('1'), send('2')])
    await two.whenEnded
    expect(one.last).toMatchObject({ type: 'error' })
    expect(two.last).toMatchObject({ type: 'complete' })
  })

  it('in another session does not wait', async () => {
    const container = startContainer({ replies: [hangsAfter('One'), says('Two.')] })
    const who = { agent: 'maya', workspace: 'default' }
    const [one, two] = [await container.sessions.create(who), await container.sessions.create(who)]
    await one.send({ userInput: '1', request: undefined })
    await settle()
    const events = await two.send({ userInput: '2', request: undefined })
    await events.whenEnded
    expect(events.last).toMatchObject({ type: 'complete', content: 'Two.' })
    expect(container.sessions.turnsRunning).toBe(1)
  })
})

describe('a reset', () => {
  const answer = { status: 200, body: 'reset' }

  it('ends what runs and what waits, and starts everything again', async () => {
    const { send, use, state } = await setup({ replies: hangs(9) })
    const turns = [await send('1'), await send('2')]
    await settle()
    expect(await use((session) => session.reset(undefined, answer))).toEqual(answer)
    expect(turns.map(({ isEnded }) => isEnded)).toEqual([true, true])
    expect(await state()).toMatchObject({ turns: [], turnCount: 0, openTurnId: null })
  })

  it('with the same key again resets nothing more', async () => {
    const { say, use, state } = await setup({ replies: [says('One.')] })
    const request = { key: 'k', fingerprint: 'reset' }
    await use((session) => session.reset(request, answer))
    await say('1')
    expect(await use((session) => session.reset(request, answer))).toEqual(answer)
    expect((await state()).turnCount).toBe(1)
  })

  it('lets a message that comes meanwhile wait, and answers it in the new conversation', async () => {
    const { send, use, state, script } = await setup({ replies: [hangsAfter('Old'), says('New.')] })
    await send('old')
    await settle()
    const session = await use((live) => live)
    const reset = session.reset(undefined, answer)
    const events = await session.send({ userInput: 'new', request: undefined })
    await reset
    await events.whenEnded
    expect(events.last).toMatchObject({ type: 'complete', content: 'New.' })
    expect((await state()).turns).toMatchObject([{ userInput: 'new', outcome: 'complete' }])
    expect(script.requests[1]?.messages).toHaveLength(1)
  })

  it('also ends a message that waits for another reset', async () => {
    const { use, state } = await setup({ replies: hangs(2) })
    const session = await use((live) => live)
    const first = session.reset(undefined, answer)
    const waiting = await session.send({ userInput: 'between', request: undefined })
    const second = session.reset(undefined, answer)
    await Promise.all([first, second, waiting.whenEnded])
    expect(waiting.last).toMatchObject({ type: 'error', code: 'INTERRUPTED' })
    expect((await state()).turns).toEqual([])
  })

  it('is refused while a payment is open, and then takes messages again', async () => {
    const { use, say } = await setup({
      payments: new FakePayments('unknown', 'settled'),
      replies: [says('Paid.')],
    })
    await use(({ log }) =>
      log.commit(() => [
        {
          type: 'payment-started',
          paymentId: 'p',
          lines: [],
          tip: null,
          tabCents: 0,
          tipCents: 0,
          postings: [],
        },
      ]),
    )
    await expect(use((session) => session.reset(undefined, answer))).rejects.toMatchObject({
      code: 'PAYMENT_FAILED',
    })
    expect((await say('Hello')).at(-1)).toMatchObject({ type: 'complete' })
  })
})
