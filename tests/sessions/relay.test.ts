import { describe, expect, it } from 'vitest'
import { settle } from '../fakes/fake-clock.ts'
import { FakeVoice } from '../fakes/fake-voice.ts'
import { calls, hangsAfter, says } from '../fakes/scripted-model.ts'
import { textOf, toldBy } from './container.ts'
import { dictated, gin, read, setup } from './relay-setup.ts'

const stopAnswer = (stopped: boolean) => ({ status: 200, body: stopped })

describe('a turn that runs in another container', () => {
  it('is read here from its beginning as it is made, under the same numbers', async () => {
    const model = dictated()
    const { a, b } = await setup({ replies: [calls(gin), model.reply] })
    const there = await a.send('Gin')
    await model.say('Your ')
    const here = await b.use((session) => session.findTurn(there.turnId))
    expect(read(here)).toEqual(read(there))
    await model.say('gin, ', 'sir.')
    expect(textOf(toldBy(here))).toBe('Your gin, sir.')
    expect(here.isEnded).toBe(false)
    await model.end()
    expect(here.isEnded).toBe(true)
    expect(read(here)).toEqual(read(there))
    expect(here.last).toMatchObject({ type: 'complete', content: 'Your gin, sir.' })
  })

  it('is gone on with here after the event that a reader had there', async () => {
    const model = dictated()
    const { a, b } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm')
    await model.say('One ', 'two ', 'three ')
    const last = read(there).at(-2)?.number ?? 0
    const here = await b.use((session) => session.findTurn(there.turnId))
    await model.end()
    expect(read(here, last)).toEqual(read(there, last))
    expect(here.attach(last, () => {})?.isRestart).toBe(false)
  })

  it('is what is asked for by the same message under the same key', async () => {
    const model = dictated()
    const { a, b } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm', 'k')
    await model.say('Well.')
    const here = await b.send('Hm', 'k')
    await model.end()
    expect(read(here)).toEqual(read(there))
    expect(b.script.requests).toEqual([])
  })

  it('can be followed by many at once, who share one copy', async () => {
    const model = dictated()
    const { a, b } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm', 'k')
    await settle()
    const [one, two, three] = await Promise.all([
      b.use((session) => session.findTurn(there.turnId)),
      b.use((session) => session.findTurn(there.turnId)),
      b.send('Hm', 'k'),
    ])
    expect([two === one, three === one]).toEqual([true, true])
    await model.end()
  })

  it('is found here also while it waits for another one there', async () => {
    const model = dictated()
    const { a, b } = await setup({ replies: [model.reply, says('Two.')] })
    await a.send('1')
    const waiting = await a.send('2')
    await settle()
    const here = await b.use((session) => session.findTurn(waiting.turnId))
    await model.end()
    expect(here.last).toMatchObject({ type: 'complete', content: 'Two.' })
  })

  it('is in the log of the container that followed it, with its answer, when its readers hear of the end', async () => {
    const model = dictated()
    const { a, b } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm')
    await settle()
    const outcome = await b.use(async (session) => {
      const here = await session.findTurn(there.turnId)
      void model.say('Yes.').then(model.end)
      await here.whenEnded
      return session.log.state.turns
    })
    expect(outcome).toMatchObject([{ outcome: 'complete', replies: [{ text: 'Yes.' }] }])
  })

  it('keeps its numbers for readers who come late to where it was followed', async () => {
    const model = dictated()
    const { a, b } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm')
    await model.say('One ', 'two')
    const here = await b.use((session) => session.findTurn(there.turnId))
    await model.end()
    expect(await b.use((session) => session.findTurn(there.turnId))).toBe(here)
    expect(here.isReadToEnd(there.lastNumber)).toBe(true)
  })

  it('is followed here also while only its voice goes on there', async () => {
    const door = Promise.withResolvers<void>()
    const voice = new FakeVoice({ before: () => door.promise })
    const { a, b } = await setup({ replies: [says('One. Two.')], chooseVoice: () => voice.lend() })
    const there = await a.ask('Hm', { key: 'k' })
    await settle()
    expect((await b.state()).turns).toMatchObject([{ outcome: 'complete' }])
    const here = await b.use((session) => session.findTurn(there.turnId))
    expect([here.isEnded, await b.send('Hm', 'k')]).toEqual([false, here])
    door.resolve()
    await settle()
    expect(here.isEnded).toBe(true)
    expect(read(here)).toEqual(read(there))
    expect(toldBy(here).map(({ type }) => type)).toContain('audio-chunk')
    expect(await b.use((session) => session.findTurn(there.turnId))).toBe(here)
  })

  it('is not found where there is none, and nobody listens for it any more', async () => {
    const { b, clock, inner } = await setup({})
    await b.use(() => {})
    await expect(b.use((session) => session.findTurn('none'))).rejects.toMatchObject({
      code: 'TURN_NOT_FOUND',
    })
    expect(clock.pending).toBe(0)
    expect(await inner.publish('turn:1:none', '')).toBe(0)
  })

  it('is stopped from here, and what was heard of it is logged', async () => {
    const model = dictated()
    const { a, b } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm')
    await model.say('One two three')
    const answer = await b.use((session) =>
      session.stop(undefined, stopAnswer, { turnId: there.turnId, heardCharacters: 3 }),
    )
    expect(answer.body).toBe(true)
    expect(there.last).toMatchObject({ type: 'complete', finishReason: 'stopped' })
    expect((await b.state()).turns).toMatchObject([{ outcome: 'stopped', heardCharacters: 3 }])
  })

  it('is stopped from here also when nobody names it', async () => {
    const { a, b } = await setup({ replies: [hangsAfter('Well')] })
    const there = await a.send('Hm')
    await settle()
    expect(await b.use((session) => session.openTurnId)).toBe(there.turnId)
    expect((await b.use((session) => session.stop(undefined, stopAnswer))).body).toBe(true)
    expect(there.last).toMatchObject({ finishReason: 'stopped' })
    expect((await b.use((session) => session.stop(undefined, stopAnswer))).body).toBe(false)
  })

  it('is what is stopped from here, not the message that waits here for its end', async () => {
    const { a, b, clock } = await setup({ replies: [hangsAfter('Well')] }, { replies: [says('Two.')] })
    const there = await a.send('1')
    await settle()
    const here = await b.send('2')
    expect((await b.use((session) => session.stop(undefined, stopAnswer))).body).toBe(true)
    expect(there.last).toMatchObject({ finishReason: 'stopped' })
    await clock.advanceAsync(1000)
    expect(here.last).toMatchObject({ type: 'complete', content: 'Two.' })
  })

  it('counts as memory of the session here while it is followed', async () => {
    const model = dictated()
    const { a, b } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm')
    await settle()
    await b.use((session) => session.findTurn(there.turnId))
    const before = await b.use(({ bytes }) => bytes)
    await model.say('x'.repeat(10_000))
    expect(await b.use(({ bytes }) => bytes)).toBeGreaterThan(before + 20_000)
  })

  it('is stopped by a reset from here', async () => {
    const { a, b } = await setup({ replies: [calls(gin), hangsAfter('Well')] })
    const there = await a.send('Gin')
    await settle()
    await b.use((session) => session.reset(undefined, { status: 200, body: null }))
    expect(there.last).toMatchObject({ finishReason: 'stopped' })
    expect(await b.state()).toMatchObject({ turns: [], bar: { lines: [] } })
  })

  it('is interrupted by a message here, where messages interrupt', async () => {
    const { a, b, clock } = await setup(
      { replies: [hangsAfter('Well')] },
      { overlap: 'interrupt', replies: [says('Two.')] },
    )
    const there = await a.send('1')
    await settle()
    const here = await b.send('2')
    await clock.advanceAsync(1000)
    expect(there.last).toMatchObject({ finishReason: 'stopped' })
    expect(here.last).toMatchObject({ type: 'complete', content: 'Two.' })
  })
})
