import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { ModelError, type ModelEvent } from '../../src/llm/model.ts'
import { withRetries, type RetryOptions } from '../../src/llm/retries.ts'
import { withWatchdog } from '../../src/llm/watchdog.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import {
  done,
  Hearing,
  NotedModels,
  outage,
  PlayedModel,
  text,
  thinking,
  warmingUp,
  type Step,
} from '../fakes/played-model.ts'

const answer = [text('Good '), text('evening.'), done]

function setup(replies: readonly (readonly Step[])[], overrides: Partial<RetryOptions> = {}) {
  const clock = new FakeClock()
  const inner = new PlayedModel(clock, replies)
  const observer = new NotedModels()
  const watched = withWatchdog(inner, { clock, firstMs: 100_000, silenceMs: 100_000 })
  const model = withRetries(watched, {
    clock,
    random: () => 0.5,
    attemptsMax: 3,
    deadlineMs: 10_000,
    warmUpMs: 0,
    observer,
    ...overrides,
  })
  return { clock, inner, model, notes: observer.notes }
}

/** Reads one reply on a clock that runs for so long. */
async function hear({ clock, model }: ReturnType<typeof setup>, ms = 1_000_000): Promise<Hearing> {
  const hearing = new Hearing(model)
  await clock.advanceAsync(ms)
  return hearing
}

describe('a reply is asked for again', () => {
  it('after a failure that can pass, with growing pauses', async () => {
    const parts = setup([[outage()], [outage()], answer])
    const hearing = await hear(parts)
    expect(hearing.events).toEqual(answer)
    expect(parts.inner.askedAt).toEqual([0, 250, 750])
    expect(parts.notes).toEqual(['played retried', 'played retried'])
    expect(parts.clock.pending).toBe(0)
  })

  it('after any part of the pause, so that many guests do not come back at once', async () => {
    for (const [share, pause] of [
      [0, 0],
      [0.99, 495],
    ] as const) {
      const parts = setup([[outage()], answer], { random: () => share })
      await hear(parts)
      expect(parts.inner.askedAt).toEqual([0, pause])
    }
  })

  it('not before the provider wants it', async () => {
    const parts = setup([[outage({ retryAfterMs: 3000 })], answer])
    expect((await hear(parts)).events).toEqual(answer)
    expect(parts.inner.askedAt).toEqual([0, 3250])
  })

  it('after pauses that do not grow without end', async () => {
    const replies = [...Array.from({ length: 7 }, () => [outage()]), answer]
    const parts = setup(replies, { attemptsMax: 8, deadlineMs: 100_000 })
    await hear(parts)
    expect(parts.inner.askedAt).toEqual([0, 250, 750, 1750, 3750, 7750, 11_750, 15_750])
  })

  it('when it was cut off before its first word', async () => {
    const parts = setup([[], answer])
    expect((await hear(parts)).events).toEqual(answer)
  })

  it('with what it said about starting passed on', async () => {
    const parts = setup([[warmingUp, outage()], answer])
    expect((await hear(parts)).events).toEqual([warmingUp, ...answer])
  })
})

describe('a reply is not asked for again', () => {
  it.each([
    new ModelError('KEY_REJECTED', 'No.', { retryable: false }),
    new ModelError('MODEL_BLOCKED', 'No.', { retryable: false }),
    new Error('a defect'),
  ])('after %s', async (failure) => {
    const parts = setup([[failure], answer])
    const hearing = await hear(parts)
    expect(hearing.error).toBe(failure)
    expect(parts.inner.asked).toBe(1)
  })

  it.each<readonly [ModelEvent]>([
    [text('Good ')],
    [thinking],
    [{ type: 'tool-call', call: { callId: '1', name: 'x', arguments: {} } }],
  ])('once something was said: %j', async (event) => {
    const failure = outage()
    const parts = setup([[event, failure], answer])
    const hearing = await hear(parts)
    expect(hearing.events).toEqual([event])
    expect(hearing.error).toBe(failure)
    expect(parts.inner.asked).toBe(1)
  })

  it('more often than allowed', async () => {
    const last = outage()
    const parts = setup([[outage()], [outage()], [last], answer])
    expect((await hear(parts)).error).toBe(last)
    expect(parts.inner.asked).toBe(3)
  })

  it('when the provider wants to be left alone for longer than there is time', async () => {
    const failure = outage({ retryAfterMs: 10_000 })
    const parts = setup([[failure], answer])
    const hearing = new Hearing(parts.model)
    await hearing.whenOver
    expect(hearing.error).toBe(failure)
    expect(parts.clock.now()).toBe(0)
  })

  it('past the deadline, and the one that runs then is ended', async () => {
    const parts = setup([[{ waitMs: 9000 }, outage()], ['deaf'], answer])
    const hearing = await hear(parts, 9999)
    expect([hearing.isOver, parts.inner.asked]).toEqual([false, 2])
    await parts.clock.advanceAsync(1)
    expect(hearing.error).toMatchObject({ code: 'MODEL_TIMEOUT', retryable: true })
    expect(parts.inner.signals[1]?.aborted).toBe(true)
    expect(parts.clock.pending).toBe(0)
  })

  it('and never cut short once it has begun', async () => {
    const parts = setup([[text('Good '), { waitMs: 60_000 }, text('evening.'), done]])
    expect((await hear(parts)).text).toBe('Good evening.')
  })
})

describe('an abort', () => {
  it.each<readonly [string, readonly (readonly Step[])[]]>([
    ['before the first word', [['hang']]],
    ['of a model that ignores it', [['deaf']]],
    ['in the pause', [[outage({ retryAfterMs: 5000 })], answer]],
    ['in the middle', [[text('Good '), 'hang']]],
  ])('%s ends the reply at once', async (_when, replies) => {
    const parts = setup(replies)
    const hearing = await hear(parts, 100)
    hearing.stop.abort('stopped')
    await hearing.whenOver
    expect(hearing.error).toBe('stopped')
    expect(parts.inner.asked).toBe(1)
    await settle()
    expect(parts.clock.pending).toBe(0)
    expect(getEventListeners(hearing.stop.signal, 'abort')).toEqual([])
  })
})

describe('a model that is still starting', () => {
  const starting: readonly Step[] = [outage({ isStarting: true })]

  it('is waited for, and the guest is told', async () => {
    const replies = [...Array.from({ length: 20 }, () => starting), answer]
    const parts = setup(replies, { warmUpMs: 90_000 })
    const hearing = await hear(parts)
    expect(hearing.events).toEqual([...Array<Step>(20).fill(warmingUp), ...answer])
    expect(parts.inner.askedAt.slice(0, 3)).toEqual([0, 3000, 6000])
    expect(parts.notes).toEqual([])
  })

  it('is waited for so long and no longer', async () => {
    const parts = setup([starting], { warmUpMs: 10_000 })
    const hearing = await hear(parts)
    expect(parts.inner.askedAt).toEqual([0, 3000, 6000, 9000, 10_000])
    expect(hearing.error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true, isStarting: true })
    expect(String(hearing.error)).toContain('still starting')
  })

  it('is asked again no sooner than it wants', async () => {
    const starting5 = [outage({ isStarting: true, retryAfterMs: 5000 })]
    const parts = setup([starting5, starting5, answer], { warmUpMs: 90_000 })
    await hear(parts)
    expect(parts.inner.askedAt).toEqual([0, 5000, 10_000])
  })

  it('is not waited for when it wants more time than there is', async () => {
    const parts = setup([[outage({ isStarting: true, retryAfterMs: 11_000 })]], { warmUpMs: 10_000 })
    await hear(parts)
    expect(parts.inner.asked).toBe(1)
  })

  it('has all attempts and a whole deadline once it is there', async () => {
    const replies = [
      ...Array.from({ length: 5 }, () => starting),
      [outage()],
      [{ waitMs: 9000 }, outage()],
      answer,
    ]
    const parts = setup(replies, { warmUpMs: 90_000 })
    const hearing = await hear(parts)
    expect(hearing.events.slice(5)).toEqual(answer)
    expect(parts.notes).toEqual(['played retried', 'played retried'])
  })

  it('may say so itself for as long', async () => {
    const says = Array.from({ length: 10 }, () => [warmingUp, { waitMs: 9000 }]).flat()
    const parts = setup([[...says, ...answer]], { warmUpMs: 90_000 })
    expect((await hear(parts)).events.slice(10)).toEqual(answer)
    const impatient = setup([[...says, ...answer]], { warmUpMs: 20_000 })
    expect((await hear(impatient)).error).toMatchObject({ code: 'MODEL_TIMEOUT' })
  })

  it('is a failure like any other where nobody waits', async () => {
    const parts = setup([starting])
    const hearing = await hear(parts)
    expect(hearing.error).toBe(starting[0])
    expect(hearing.events).toEqual([])
    expect(parts.inner.asked).toBe(3)
  })

  it('is given up with an abort', async () => {
    const parts = setup([starting], { warmUpMs: 90_000 })
    const hearing = await hear(parts, 100)
    hearing.stop.abort('stopped')
    await hearing.whenOver
    expect(hearing.error).toBe('stopped')
    expect(parts.clock.pending).toBe(0)
  })
})
