import { describe, expect, it } from 'vitest'
import type { ReadEvent, TurnEvents } from '../../src/conversation/turn-events.ts'
import type { Bus } from '../../src/log/bus.ts'
import { StoreError } from '../../src/log/store.ts'
import { createMemoryBus } from '../../src/store/memory-bus.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { calls, hangsAfter, says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { once, unreliable } from '../log/unreliable-store.ts'
import { guestOf, startContainer, textOf, toldBy, type ContainerOptions } from './container.ts'

const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const
const stopAnswer = (stopped: boolean) => ({ status: 200, body: stopped })

interface Line {
  /** What becomes of a message: it comes as what this returns, or not at all. */
  pass: (channel: string, message: string) => string | undefined
  fails: boolean
}

/** A session, the container that runs its turns, and another one; all that they say to one another goes over `line`. */
async function setup(a: ContainerOptions, b: ContainerOptions = {}) {
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
function dictated() {
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

function read(events: TurnEvents, after: number | null = null): readonly ReadEvent[] {
  const reader = events.attach(after, () => {})
  const records: ReadEvent[] = []
  for (let record = reader?.next(); record !== undefined; record = reader?.next()) records.push(record)
  reader?.close()
  return records.map(({ number, event }) => ({ number, event }))
}

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
