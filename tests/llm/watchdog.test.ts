import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { Model, ModelEvent } from '../../src/llm/model.ts'
import { withWatchdog } from '../../src/llm/watchdog.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { done, Hearing, plainRequest, PlayedModel, text, thinking, type Step } from '../fakes/played-model.ts'

const firstMs = 1000
const silenceMs = 300

function setup(...steps: readonly Step[]) {
  const clock = new FakeClock()
  const inner = new PlayedModel(clock, [steps])
  const model = withWatchdog(inner, { clock, firstMs, silenceMs })
  return { clock, inner, model }
}

/** Neither timers, nor listeners, nor a request that goes on. */
function expectNothingLeft({ clock, inner }: ReturnType<typeof setup>, hearing: Hearing): void {
  expect(clock.pending).toBe(0)
  expect(getEventListeners(hearing.stop.signal, 'abort')).toEqual([])
  expect(inner.signals.every(({ aborted }) => aborted)).toBe(true)
}

const timeout = { code: 'MODEL_TIMEOUT', retryable: true }

describe('a watchdog', () => {
  it('passes a reply on and leaves nothing behind', async () => {
    const parts = setup(thinking, text('Good '), { waitMs: 200 }, text('evening.'), done)
    const hearing = new Hearing(parts.model)
    await parts.clock.advanceAsync(200)
    await hearing.whenOver
    expect(hearing.events).toEqual([thinking, text('Good '), text('evening.'), done])
    expect(hearing.error).toBeUndefined()
    expectNothingLeft(parts, hearing)
    expect(parts.inner.running).toBe(0)
  })

  it('asks nobody before the reply is read', async () => {
    const parts = setup(text('Hello'), done)
    const events = parts.model.stream(plainRequest, new AbortController().signal)[Symbol.asyncIterator]()
    await settle()
    expect([parts.inner.asked, parts.clock.pending]).toEqual([0, 0])
    await events.return?.()
    expect(await events.next()).toEqual({ done: true, value: undefined })
    expect(parts.inner.asked).toBe(0)
  })

  it.each<Step>(['hang', 'deaf'])('gives up a model that says nothing at all (%s)', async (step) => {
    const parts = setup(step)
    const hearing = new Hearing(parts.model)
    await parts.clock.advanceAsync(firstMs - 1)
    expect(hearing.isOver).toBe(false)
    await parts.clock.advanceAsync(1)
    expect(hearing.error).toMatchObject(timeout)
    expectNothingLeft(parts, hearing)
  })

  it.each<[string, boolean, readonly Step[]]>([
    ['starting, where its server holds requests back meanwhile', true, ['hang']],
    ['slow, where it had begun', false, [thinking, 'hang']],
  ])('takes a silent model for %s', async (_what, isStarting, steps) => {
    const clock = new FakeClock()
    const inner = new PlayedModel(clock, [steps])
    const hearing = new Hearing(withWatchdog(inner, { clock, firstMs, silenceMs, startsCold: true }))
    await clock.advanceAsync(firstMs)
    expect(hearing.error).toMatchObject({ ...timeout, isStarting })
  })

  it.each<Step>(['hang', 'deaf'])('gives up a model that falls silent (%s)', async (step) => {
    const parts = setup({ waitMs: firstMs - 1 }, text('Good '), step)
    const hearing = new Hearing(parts.model)
    await parts.clock.advanceAsync(firstMs - 1)
    await parts.clock.advanceAsync(silenceMs - 1)
    expect(hearing.isOver).toBe(false)
    await parts.clock.advanceAsync(1)
    expect(hearing.text).toBe('Good ')
    expect(hearing.error).toMatchObject(timeout)
    expectNothingLeft(parts, hearing)
  })

  it('takes any event for a sign of life', async () => {
    const slowly = [thinking, { waitMs: silenceMs - 1 }, text('a'), { waitMs: silenceMs - 1 }] as const
    const parts = setup(...slowly, ...slowly, ...slowly, done)
    const hearing = new Hearing(parts.model)
    await parts.clock.advanceAsync(10 * silenceMs)
    expect(hearing.error).toBeUndefined()
    expect(hearing.events.at(-1)).toEqual(done)
  })

  it('does not blame the model for a slow reader', async () => {
    const parts = setup(text('a'), text('b'), done)
    const { signal } = new AbortController()
    const events = parts.model.stream(plainRequest, signal)[Symbol.asyncIterator]()
    await events.next()
    await parts.clock.advanceAsync(10 * silenceMs)
    expect(await events.next()).toMatchObject({ value: text('b') })
    await events.return?.()
    expect(parts.clock.pending).toBe(0)
  })

  it.each<Step>(['hang', 'deaf'])('ends with the reason of an abort while it waits (%s)', async (step) => {
    for (const steps of [[step], [text('Good '), step]]) {
      const parts = setup(...steps)
      const hearing = new Hearing(parts.model)
      await settle()
      const reason = new Error('stopped')
      hearing.stop.abort(reason)
      await hearing.whenOver
      expect(hearing.error).toBe(reason)
      expect(parts.inner.signals[0]?.reason).toBe(reason)
      expectNothingLeft(parts, hearing)
    }
  })

  it('ends with the reason of an abort between two events', async () => {
    const parts = setup(text('a'), text('b'), done)
    const stop = new AbortController()
    const events = parts.model.stream(plainRequest, stop.signal)[Symbol.asyncIterator]()
    await events.next()
    stop.abort('stopped')
    expect(parts.clock.pending).toBe(0)
    await expect(events.next()).rejects.toBe('stopped')
  })

  it('asks nobody when it is aborted already', async () => {
    const parts = setup(text('a'), done)
    const events = parts.model.stream(plainRequest, AbortSignal.abort('gone'))[Symbol.asyncIterator]()
    await expect(events.next()).rejects.toBe('gone')
    expect(parts.inner.asked).toBe(0)
  })

  it('ends the request of a reader that leaves', async () => {
    const parts = setup(text('a'), text('b'), done)
    const hearing = new Hearing(parts.model, { leaveAfter: 1 })
    await hearing.whenOver
    await settle()
    expectNothingLeft(parts, hearing)
    expect(parts.inner.running).toBe(0)
  })

  it('lets a reader go that does not wait any longer', async () => {
    const parts = setup('deaf')
    const { signal } = new AbortController()
    const events = parts.model.stream(plainRequest, signal)[Symbol.asyncIterator]()
    const waiting = events.next()
    await events.return?.()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect([parts.clock.pending, parts.inner.signals[0]?.aborted]).toEqual([0, true])
  })

  it('passes on how the model fails, also at once, and that it was cut off', async () => {
    const failure = new Error('broken')
    const parts = setup(text('a'), failure)
    const hearing = new Hearing(parts.model)
    await hearing.whenOver
    expect(hearing.error).toBe(failure)
    expectNothingLeft(parts, hearing)

    const cut = setup(text('a'))
    const cutHearing = new Hearing(cut.model)
    await cutHearing.whenOver
    expect([cutHearing.text, cutHearing.error]).toEqual(['a', undefined])
    expectNothingLeft(cut, cutHearing)

    const throwing: Model = {
      name: 'throwing',
      isGeneral: true,
      stream(): AsyncIterable<ModelEvent> {
        throw failure
      },
    }
    const at = new Hearing(withWatchdog(throwing, { clock: parts.clock, firstMs, silenceMs }))
    await at.whenOver
    expect(at.error).toBe(failure)
    expectNothingLeft(parts, at)
  })
})
