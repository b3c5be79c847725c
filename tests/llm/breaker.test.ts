import { describe, expect, it } from 'vitest'
import { createBreaker, withBreaker } from '../../src/llm/breaker.ts'
import { ModelError } from '../../src/llm/model.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import {
  done,
  Hearing,
  NotedModels,
  outage,
  PlayedModel,
  text,
  thinking,
  type Step,
} from '../fakes/played-model.ts'

const openMs = 15_000
const answer = [text('Hello.'), done]
const refused = { code: 'MODEL_UNAVAILABLE', retryable: true, retryAfterMs: openMs }

function setup() {
  const clock = new FakeClock()
  const observer = new NotedModels()
  const breaker = createBreaker({ provider: 'played', clock, failuresMax: 3, openMs, observer })
  const ask = (...steps: readonly Step[]) => {
    const inner = new PlayedModel(clock, [steps])
    return { inner, hearing: new Hearing(withBreaker(inner, { breaker })) }
  }
  /** One whole reply; whether the provider was asked, and how it ended. */
  const hear = async (...steps: readonly Step[]) => {
    const { inner, hearing } = ask(...steps)
    await hearing.whenOver
    return { asked: inner.asked === 1, events: hearing.events, error: hearing.error }
  }
  /** One event, and then nobody wants the rest. */
  const leave = async (...steps: readonly Step[]) => {
    const inner = new PlayedModel(clock, [steps])
    const hearing = new Hearing(withBreaker(inner, { breaker }), { leaveAfter: 1 })
    await hearing.whenOver
    return hearing
  }
  const open = async () => {
    for (let failure = 0; failure < 3; failure++) await hear(outage())
  }
  return { clock, breaker, ask, hear, leave, open, notes: observer.notes }
}

describe('a breaker', () => {
  it('lets replies and failures through, and refuses at once after too many in a row', async () => {
    const { hear, notes, clock } = setup()
    const failure = outage()
    expect(await hear(thinking, ...answer)).toEqual({
      asked: true,
      events: [thinking, ...answer],
      error: undefined,
    })
    for (let count = 0; count < 3; count++) {
      expect(notes).toEqual([])
      expect(await hear(failure)).toEqual({ asked: true, events: [], error: failure })
    }
    expect(notes).toEqual(['played opened'])
    expect(await hear(...answer)).toMatchObject({ asked: false, error: refused })
    clock.advance(5000)
    expect(await hear(...answer)).toMatchObject({ asked: false, error: { retryAfterMs: 10_000 } })
  })

  it('counts from the beginning after an answer', async () => {
    const { hear, notes } = setup()
    for (let round = 0; round < 3; round++) {
      await hear(outage())
      await hear(outage())
      await hear(...answer)
    }
    expect(notes).toEqual([])
  })

  it.each<readonly [string, readonly Step[]]>([
    ['time-outs', [new ModelError('MODEL_TIMEOUT', 'Slow.', { retryable: true, isDown: true })]],
    ['replies cut off before their first word', [thinking]],
    [
      'replies broken before their first word',
      [new ModelError('MODEL_TRUNCATED', 'Cut.', { retryable: true, isDown: true })],
    ],
  ])('opens for %s', async (_what, steps) => {
    const { hear, notes } = setup()
    for (let count = 0; count < 3; count++) await hear(...steps)
    expect(notes).toEqual(['played opened'])
  })

  it.each<readonly [string, readonly Step[]]>([
    ["a guest's bad key", [new ModelError('KEY_REJECTED', 'No.', { retryable: true })]],
    ["a guest's quota", [new ModelError('KEY_QUOTA', 'No.', { retryable: true })]],
    ['a rate limit', [new ModelError('MODEL_UNAVAILABLE', 'Busy.', { retryable: true, retryAfterMs: 100 })]],
    ['garbled replies', [new ModelError('MODEL_TRUNCATED', 'Garbled.', { retryable: true })]],
    ['what a model refuses', [new ModelError('MODEL_BLOCKED', 'No.', { retryable: true })]],
    [
      'what cannot be mended by asking again',
      [new ModelError('MODEL_UNAVAILABLE', 'No.', { retryable: false })],
    ],
    ['a defect', [new Error('a defect')]],
    ['replies broken after their first word', [text('Hel'), outage()]],
  ])('stays closed for %s', async (_what, steps) => {
    const { hear, notes } = setup()
    for (let count = 0; count < 5; count++) expect((await hear(...steps)).asked).toBe(true)
    expect(notes).toEqual([])
  })

  it('stays closed for aborts', async () => {
    const { ask, notes } = setup()
    for (let count = 0; count < 5; count++) {
      const { hearing } = ask('hang')
      await settle()
      hearing.stop.abort(outage())
      await hearing.whenOver
      expect(hearing.error).toBe(hearing.stop.signal.reason)
    }
    expect(notes).toEqual([])
  })

  it('does not count what began before it opened', async () => {
    const { ask, hear, open, clock, notes } = setup()
    const late = [ask({ waitMs: 60_000 }, outage()), ask({ waitMs: 60_000 }, ...answer)]
    await settle()
    await open()
    clock.advance(openMs)
    expect((await hear(...answer)).asked).toBe(true)
    await open()
    await clock.advanceAsync(60_000 - openMs - 1)
    await hear(outage())
    await clock.advanceAsync(1)
    expect(late.every(({ hearing }) => hearing.isOver)).toBe(true)
    expect((await hear(...answer)).asked).toBe(false)
    expect(notes).toEqual(['played opened', 'played closed', 'played opened'])
  })
})

describe('after a while', () => {
  it('exactly one request probes the provider, and its first word closes the breaker', async () => {
    const { ask, hear, open, clock, notes } = setup()
    await open()
    clock.advance(openMs)
    const probe = ask(thinking, { waitMs: 500 }, text('He'), { waitMs: 500 }, text('llo.'), done)
    await settle()
    expect(probe.inner.asked).toBe(1)
    expect(await hear(...answer)).toMatchObject({ asked: false, error: { retryAfterMs: 1000 } })
    await clock.advanceAsync(500)
    expect(notes.at(-1)).toBe('played closed')
    expect((await hear(...answer)).asked).toBe(true)
    await clock.advanceAsync(500)
    expect(probe.hearing.text).toBe('Hello.')
  })

  it('its failure opens it again, for as long', async () => {
    const { hear, open, clock, notes } = setup()
    await open()
    clock.advance(openMs)
    expect((await hear(outage())).asked).toBe(true)
    expect(await hear(...answer)).toMatchObject({ asked: false, error: refused })
    clock.advance(openMs)
    expect((await hear(...answer)).asked).toBe(true)
    expect(notes).toEqual(['played opened', 'played closed'])
  })

  it.each<Step>(['hang', new ModelError('KEY_QUOTA', 'No.', { retryable: true })])(
    'the next one probes when it says nothing about the provider (%s)',
    async (step) => {
      const { ask, hear, open, clock, notes } = setup()
      await open()
      clock.advance(openMs)
      const { hearing } = ask(step)
      await settle()
      hearing.stop.abort('stopped')
      await hearing.whenOver
      expect((await hear(...answer)).asked).toBe(true)
      expect(notes).toEqual(['played opened', 'played closed'])
    },
  )

  it('the next one probes when its reader leaves before it says anything', async () => {
    const { leave, hear, open, clock } = setup()
    await open()
    clock.advance(openMs)
    expect((await leave(thinking, 'hang')).events).toEqual([thinking])
    expect((await hear(...answer)).asked).toBe(true)
  })

  it('a probe that is told of twice counts once', async () => {
    const { breaker, open, clock } = setup()
    await open()
    clock.advance(openMs)
    const tell = breaker.admit()
    tell('unknown')
    breaker.admit()
    tell('unknown')
    expect(() => breaker.admit()).toThrow(expect.objectContaining({ code: 'MODEL_UNAVAILABLE' }))
  })
})
