import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/log/store.ts'
import { settle } from '../fakes/fake-clock.ts'
import { calls, hangsAfter, says } from '../fakes/scripted-model.ts'
import { once } from '../log/unreliable-store.ts'
import { dictated, gin, read, setup } from './relay-setup.ts'

describe('a line between containers that is not to be relied on', () => {
  it('loses a message: the rest is asked for anew, and nothing is missing or twice', async () => {
    const model = dictated()
    const { a, b, line } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm')
    await model.say('One ')
    const here = await b.use((session) => session.findTurn(there.turnId))
    line.pass = (channel, message) => (channel.startsWith('told:') ? undefined : message)
    await model.say('two ')
    line.pass = (_channel, message) => message
    await model.say('three ')
    await model.end()
    expect(read(here)).toEqual(read(there))
  })

  it('loses what stops a turn: it is said again until the turn has ended', async () => {
    const { a, b, line, clock } = await setup({ replies: [hangsAfter('Well')] })
    const there = await a.send('Hm')
    await settle()
    line.pass = (_channel, message) => (message.includes('stop') ? undefined : message)
    const stopping = b.use((session) =>
      session.stop(undefined, (stopped) => ({ status: 200, body: stopped })),
    )
    await settle()
    line.pass = (_channel, message) => message
    await clock.advanceAsync(3000)
    expect(there.last).toMatchObject({ finishReason: 'stopped' })
    expect([(await stopping).body, clock.pending]).toEqual([true, 0])
  })

  it('brings what cannot be read: the rest is asked for anew', async () => {
    const model = dictated()
    const { a, b, line } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm')
    await model.say('One ')
    const here = await b.use((session) => session.findTurn(there.turnId))
    line.pass = (channel, message) => {
      if (!channel.startsWith('told:')) return message
      line.pass = (_channel, next) => next
      return message.slice(1)
    }
    await model.say('two ')
    await model.say('three ')
    await model.end()
    expect(read(here)).toEqual(read(there))
  })

  it('is silent for as long as a lease lasts: readers are told to ask again, under no number of the turn', async () => {
    const model = dictated()
    const { a, b, line, clock } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm', 'k')
    await model.say('One ')
    const here = await b.use((session) => session.findTurn(there.turnId))
    line.pass = (channel, message) => (channel.startsWith('told:') ? undefined : message)
    await clock.advanceAsync(11_000)
    expect(here.isEnded).toBe(true)
    expect(here.last).toMatchObject({ type: 'error', code: 'INTERRUPTED', retryable: true })
    const seen = here.lastNumber
    line.pass = (_channel, message) => message
    await model.say('two ')
    const again = await b.send('Hm', 'k')
    expect(again.attach(seen, () => {})?.isRestart).toBe(true)
    await model.end()
    expect(read(again)).toEqual(read(there))
    expect(there.last).toMatchObject({ type: 'complete', content: 'One two ' })
  })

  it('is down: a running turn cannot be followed, but waits for nobody', async () => {
    const { a, b, line, clock } = await setup({ replies: [hangsAfter('Well')] })
    const there = await a.send('Hm')
    await settle()
    line.fails = true
    const here = await b.use((session) => session.findTurn(there.turnId))
    expect(here.last).toMatchObject({ type: 'error', code: 'INTERRUPTED', retryable: true })
    line.fails = false
    await clock.advanceAsync(100)
    expect((await b.use((session) => session.findTurn(there.turnId))).isEnded).toBe(false)
  })

  it('was down when the turn began: it is offered as soon as the line is there', async () => {
    const model = dictated()
    const { a, b, line, clock } = await setup({ replies: [model.reply] })
    line.fails = true
    const there = await a.send('Hm')
    await model.say('One')
    line.fails = false
    await clock.advanceAsync(4000)
    const here = await b.use((session) => session.findTurn(there.turnId))
    await model.end()
    expect(read(here)).toEqual(read(there))
  })

  it('is down for a moment: what could not be told then is told after it', async () => {
    const model = dictated()
    const { a, b, line } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm')
    await model.say('One ')
    const here = await b.use((session) => session.findTurn(there.turnId))
    line.fails = true
    await model.say('two ')
    line.fails = false
    await model.say('three ')
    await model.end()
    expect(read(here)).toEqual(read(there))
  })

  it('is down for good: the turn ends, and nothing is held for those who followed', async () => {
    const model = dictated()
    const { a, b, line, clock } = await setup({ replies: [model.reply], limits: { relayEventsMax: 2 } })
    const there = await a.send('Hm')
    await model.say('One ')
    await b.use((session) => session.findTurn(there.turnId))
    line.fails = true
    await model.say(...'two three four five six seven'.split(' '))
    await model.end()
    await clock.advanceAsync(30_000)
    expect([there.last, there.readerCount, clock.pending]).toMatchObject([{ type: 'complete' }, 0, 0])
  })

  it('says so little that a quiet turn is followed for as long as it takes', async () => {
    const model = dictated()
    const { a, b, clock } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm')
    await model.say('Wait ')
    const here = await b.use((session) => session.findTurn(there.turnId))
    await clock.advanceAsync(60_000)
    await model.say('... done.')
    await model.end()
    expect(read(here)).toEqual(read(there))
  })
})

describe('the container of a turn', () => {
  it('dies: who follows it is told to ask again, and the turn goes on here when its lease is over', async () => {
    const { a, b, clock, kill } = await setup(
      { replies: [calls(gin), hangsAfter('Your')] },
      { replies: [says('Your gin.')] },
    )
    const there = await a.send('Gin', 'k')
    await settle()
    const here = await b.use((session) => session.findTurn(there.turnId))
    kill()
    await clock.advanceAsync(11_000)
    expect(here.last).toMatchObject({ type: 'error', code: 'INTERRUPTED' })
    const again = await b.send('Gin', 'k')
    await clock.advanceAsync(1000)
    expect(again.last).toMatchObject({ type: 'complete', content: 'Your gin.' })
    expect((await b.state()).bar.lines).toMatchObject([{ quantity: 1 }])
  })

  it('stands still and never answers: it is not waited for longer than a lease is renewed', async () => {
    const { a, b, clock, kill } = await setup({ replies: [hangsAfter('Well')] })
    const there = await a.send('Hm')
    await settle()
    kill()
    const finding = b.use((session) => session.findTurn(there.turnId))
    await clock.advanceAsync(3000)
    expect((await finding).last).toMatchObject({ type: 'error', code: 'INTERRUPTED', retryable: true })
  })

  it('closes: the turn that was followed ends here as it ends there', async () => {
    const { a, b } = await setup({ replies: [hangsAfter('Well')] })
    const there = await a.send('Hm')
    await settle()
    const here = await b.use((session) => session.findTurn(there.turnId))
    await a.sessions.drain(AbortSignal.abort())
    await settle()
    expect(read(here)).toEqual(read(there))
    expect(here.last).toMatchObject({ type: 'error', code: 'INTERRUPTED' })
  })

  it('sends nothing more when those who followed have closed, and holds nothing for them', async () => {
    const model = dictated()
    const { a, b, line, clock } = await setup({ replies: [model.reply] })
    const there = await a.send('Hm')
    await model.say('One')
    const here = await b.use((session) => session.findTurn(there.turnId))
    await b.sessions.drain(AbortSignal.abort())
    expect(here.last).toMatchObject({ type: 'error', code: 'INTERRUPTED' })
    await clock.advanceAsync(4000)
    expect(there.readerCount).toBe(0)
    const sent: string[] = []
    line.pass = (channel, message) => {
      sent.push(channel)
      return message
    }
    await model.say('two')
    expect(sent).toEqual([])
    await model.end()
    expect(clock.pending).toBe(0)
  })

  it('is asked what is no request, and takes no notice', async () => {
    const { a, id, inner } = await setup({ replies: [hangsAfter('Well')] })
    const there = await a.send('Hm')
    await settle()
    for (const message of ['', 'null', '7', '{}', '{"kind":"dance"}', '"stop"']) {
      await inner.publish(`turn:1:${id}:${there.turnId}`, message)
    }
    await settle()
    expect(there.isEnded).toBe(false)
    expect(a.defects).toEqual([])
  })

  it('loses its lease while it is followed: who follows is told as it is told there', async () => {
    const { a, b, clock, faults } = await setup({ replies: [hangsAfter('Well')] })
    const there = await a.send('Hm')
    await settle()
    const here = await b.use((session) => session.findTurn(there.turnId))
    faults.before = once('renewLease', () => Promise.reject(new StoreError('away')))
    await clock.advanceAsync(2000)
    await a.sessions.drain(AbortSignal.abort())
    await settle()
    expect(read(here).at(-1)).toEqual(read(there).at(-1))
  })
})
