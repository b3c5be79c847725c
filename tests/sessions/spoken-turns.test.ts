import { describe, expect, it } from 'vitest'
import { endOfRange, numbersPerAttempt, type TurnEvents } from '../../src/conversation/turn-events.ts'
import { ModelError } from '../../src/llm/model.ts'
import { StoreError } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { FakeVoice, untilAborted, type FakeVoiceOptions } from '../fakes/fake-voice.ts'
import { hanging, says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { once, unreliable } from '../log/unreliable-store.ts'
import { guestOf, openSession, startContainer, textOf, toldBy, type ContainerOptions } from './container.ts'

const answer = () => ({ status: 200, body: null })
const lastOfAll = endOfRange(0)
const endless: FakeVoiceOptions = { before: (_text, signal) => untilAborted(signal) }

async function setup(options: FakeVoiceOptions, ...replies: readonly ScriptedReply[]) {
  const clock = new FakeClock()
  const { store, faults } = unreliable(createMemoryStore({ clock, shared: true }))
  const voice = new FakeVoice(options)
  const guest = await openSession({ clock, store, replies, chooseVoice: () => voice.lend() })
  const turnInLog = async () => (await guest.state()).turns.at(-1)
  const find = (events: TurnEvents) => guest.use((session) => session.findTurn(events.turnId))
  /** The same session in another process. */
  const elsewhere = (other: ContainerOptions = {}) =>
    guestOf(startContainer({ name: 'b', clock, store, ...other }), guest.id)
  return { ...guest, voice, faults, turnInLog, find, elsewhere }
}

function soundOf(events: TurnEvents): number {
  return toldBy(events).filter(({ type }) => type === 'audio-chunk').length
}

describe('the numbers of a spoken turn', () => {
  it('end with the last one there is, in the log and for its readers', async () => {
    const { ask, turnInLog, find } = await setup({}, says('One. Two.'))
    const events = await ask('Hello')
    await events.whenEnded
    expect(events.lastNumber).toBe(lastOfAll)
    expect(await turnInLog()).toMatchObject({ outcome: 'complete', lastNumber: lastOfAll })
    expect(await find(events)).toBe(events)
    expect([lastOfAll - 1, lastOfAll].map((number) => events.isReadToEnd(number))).toEqual([false, true])
  })

  it('are as those of any other turn when it ends before its text', async () => {
    const { heard, reply } = hanging('One. Two')
    const { ask, turnInLog, find, use } = await setup({}, reply)
    const events = await ask('Hello')
    await heard
    await settle()
    await use((session) => session.stop(undefined, answer))
    expect(events.lastNumber).toBeLessThan(20)
    expect(await turnInLog()).toMatchObject({ outcome: 'stopped', lastNumber: events.lastNumber })
    expect(await find(events)).toBe(events)
  })

  it('are not given to what a voice says when it was stopped', async () => {
    const { heard, reply } = hanging('One. Two')
    const door = Promise.withResolvers<void>()
    const { ask, turnInLog, use, faults } = await setup({ before: () => door.promise }, reply)
    const events = await ask('Hello')
    await heard
    await settle()
    faults.before = once('append', async () => {
      door.resolve()
      await settle()
    })
    await use((session) => session.stop(undefined, answer))
    expect(soundOf(events)).toBe(0)
    expect(await turnInLog()).toMatchObject({ outcome: 'stopped', lastNumber: events.lastNumber })
  })

  it('are the same when the store does not answer to its last append', async () => {
    const { ask, turnInLog, faults, find, clock } = await setup({}, async function* last() {
      faults.after = once('append', () => {
        throw new StoreError('No answer.')
      })
      yield* says('One. Two.')
    })
    const events = await ask('Hello')
    await clock.advanceAsync(1000)
    expect(events.last).toMatchObject({ type: 'complete', content: 'One. Two.' })
    expect(events.lastNumber).toBe(lastOfAll)
    expect(await turnInLog()).toMatchObject({ lastNumber: lastOfAll })
    expect(await find(events)).toBe(events)
  })

  it('are those of its attempt when it was taken up again', async () => {
    const late = new ModelError('MODEL_TIMEOUT', 'Too late.', { retryable: true })
    const { ask, turnInLog } = await setup({}, late, says('One. Two.'))
    await (
      await ask('Hello', { key: 'k' })
    ).whenEnded
    const events = await ask('Hello', { key: 'k' })
    await events.whenEnded
    expect(events.lastNumber).toBe(endOfRange(numbersPerAttempt))
    expect(await turnInLog()).toMatchObject({ attempt: 1, lastNumber: events.lastNumber })
  })

  it('mean in another process that all was read, or that it is told anew', async () => {
    const { ask, elsewhere } = await setup({}, says('One. Two.'))
    const events = await ask('Hello')
    await events.whenEnded
    const retold = await elsewhere().use((session) => session.findTurn(events.turnId))
    expect(retold.isReadToEnd(lastOfAll)).toBe(true)
    const reader = retold.attach(5, () => {})
    expect([reader?.isRestart, textOf(toldBy(retold)), soundOf(retold)]).toEqual([true, 'One. Two.', 0])
  })
})

describe('a spoken turn whose text has ended', () => {
  it('is heard at once, also while a slow store still writes it down', async () => {
    const written = Promise.withResolvers<void>()
    const { ask, faults } = await setup({}, async function* last() {
      faults.before = (operation) => (operation === 'append' ? written.promise : undefined)
      yield* says('One.')
    })
    const events = await ask('Hello')
    await settle()
    expect(soundOf(events)).toBe(1)
    written.resolve()
    await events.whenEnded
    expect(events.last?.type).toBe('complete')
  })

  it('is whole for whoever comes to another process, should this one die', async () => {
    const { ask, elsewhere } = await setup(endless, says('One. Two.'))
    const events = await ask('Hello')
    await settle()
    expect(events.isEnded).toBe(false)
    const retold = await elsewhere().use((session) => session.findTurn(events.turnId))
    expect(toldBy(retold).at(-1)).toMatchObject({ type: 'complete', content: 'One. Two.' })
  })

  it('is ended by the process that ends', async () => {
    const { ask, use, voice, turnInLog } = await setup(endless, says('One. Two.'))
    const events = await ask('Hello')
    await settle()
    await use((session) => session.drain(AbortSignal.abort()))
    expect(events.last).toMatchObject({ type: 'complete' })
    expect([voice.lentCount, (await turnInLog())?.outcome]).toEqual([0, 'complete'])
  })

  it('lets the next message wait until it was spoken, or stopped', async () => {
    const { ask, send, use, script } = await setup(endless, says('One.'))
    await ask('Hello')
    script.add(says('Two.'))
    const next = await send('And?')
    await settle()
    expect(next.last).toMatchObject({ type: 'session' })
    await use((session) => session.stop(undefined, answer))
    await next.whenEnded
    expect(next.last).toMatchObject({ type: 'complete', content: 'Two.' })
  })

  it('holds up nobody who asks another process', async () => {
    const { ask, elsewhere, use, clock, happened } = await setup(endless, says('One.'))
    const events = await ask('Hello')
    await settle()
    const next = await elsewhere({ replies: [says('Two.')] }).send('And?')
    await next.whenEnded
    expect(next.last).toMatchObject({ type: 'complete', content: 'Two.' })
    expect(events.isEnded).toBe(false)
    await use((session) => session.stop(undefined, answer))
    expect(events.last).toMatchObject({ type: 'complete', content: 'One.' })
    expect([clock.pending, happened.includes('turn complete')]).toEqual([0, true])
  })

  it('is complete for its readers even if the session is reset elsewhere meanwhile', async () => {
    const { ask, elsewhere, use } = await setup(endless, says('One. Two.'))
    const events = await ask('Hello')
    await settle()
    await elsewhere().use((session) => session.reset(undefined, answer()))
    await use((session) => session.stop(undefined, answer))
    expect(events.last).toMatchObject({ type: 'complete', content: 'One. Two.' })
  })

  it('is cut to what was heard when the guest breaks in', async () => {
    const { ask, use, turnInLog, clock } = await setup(endless, says('One. Two.'))
    const { turnId } = await ask('Hello')
    await settle()
    await use((session) => session.stop(undefined, answer, { turnId, heardCharacters: 4 }))
    expect(await turnInLog()).toMatchObject({ outcome: 'complete', heardCharacters: 4 })
    await clock.advanceAsync(60_000)
    expect(clock.pending).toBe(0)
  })
})

describe('the sound of turns that are over', () => {
  it('is kept of the newest only', async () => {
    const { ask, say, use, script } = await setup({}, says('One. Two.'))
    const first = await ask('Hello')
    await first.whenEnded
    const withSound = await use((session) => session.bytes)
    expect(soundOf(first)).toBe(2)
    script.add(says('Three.'))
    await say('And?')
    expect(soundOf(first)).toBe(0)
    expect(textOf(toldBy(first))).toBe('One. Two.')
    expect(await use((session) => session.bytes)).toBeLessThan(withSound)
  })

  it('is gone with the session', async () => {
    const { ask, sessions, use } = await setup({}, says('One. Two.'))
    await (
      await ask('Hello')
    ).whenEnded
    await use((session) => sessions.end(session))
    expect(sessions.liveCount).toBe(0)
  })
})
