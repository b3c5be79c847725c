import { describe, expect, it } from 'vitest'
import { withFallback } from '../../src/llm/fallback.ts'
import { observed } from '../../src/llm/observed.ts'
import { withRetries } from '../../src/llm/retries.ts'
import { withWatchdog } from '../../src/llm/watchdog.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { done, Hearing, NotedModels, outage, PlayedModel, text, type Step } from '../fakes/played-model.ts'

const answer = [text('Good '), text('evening.'), done]
const ok = ['played ok', 'played 10 input', 'played 5 output']

function setup(...steps: readonly Step[]) {
  const clock = new FakeClock()
  const observer = new NotedModels()
  const inner = new PlayedModel(clock, [steps])
  const model = observed(inner, observer)
  return { clock, inner, model, notes: observer.notes }
}

describe('a request at a provider is counted once', () => {
  it('as answered, with its tokens', async () => {
    const { model, notes } = setup(...answer)
    const hearing = new Hearing(model)
    await hearing.whenOver
    expect(hearing.events).toEqual(answer)
    expect(notes).toEqual(ok)
  })

  it('as answered also when its reader leaves with the end of the reply', async () => {
    const { model, notes } = setup(...answer)
    await new Hearing(model, { leaveAfter: 3 }).whenOver
    expect(notes).toEqual(ok)
  })

  it.each<readonly [string, readonly Step[], readonly string[]]>([
    ['fails', [outage()], ['played MODEL_UNAVAILABLE']],
    ['breaks', [text('Good '), new Error('a defect')], []],
    ['is cut off', [text('Good ')], []],
  ])('as an error when it %s, with the reason where it is known', async (_how, steps, reason) => {
    const { model, notes } = setup(...steps)
    await new Hearing(model).whenOver
    expect(notes).toEqual(['played error', ...reason])
  })

  it('as aborted when it is stopped, or left', async () => {
    const { model, inner, notes } = setup(text('Good '), 'hang')
    const hearing = new Hearing(model)
    await settle()
    hearing.stop.abort('stopped')
    await hearing.whenOver
    expect(notes).toEqual(['played aborted'])
    await new Hearing(model, { leaveAfter: 1 }).whenOver
    expect(notes).toEqual(['played aborted', 'played aborted'])
    expect(inner.running).toBe(0)
  })

  it('under the name of the provider that was asked, every time it was', async () => {
    const clock = new FakeClock()
    const observer = new NotedModels()
    const first = observed(new PlayedModel(clock, [[outage()]], { name: 'first' }), observer)
    const second = observed(new PlayedModel(clock, [answer], { name: 'second' }), observer)
    const retried = withRetries(first, {
      clock,
      random: () => 0.5,
      attemptsMax: 2,
      deadlineMs: 10_000,
      warmUpMs: 0,
      observer,
    })
    const hearing = new Hearing(withFallback(retried, second, observer))
    await clock.advanceAsync(1000)
    expect(hearing.text).toBe('Good evening.')
    expect(observer.notes).toEqual([
      'first error',
      'first MODEL_UNAVAILABLE',
      'first retried',
      'first error',
      'first MODEL_UNAVAILABLE',
      'first fell back',
      'second ok',
      'second 10 input',
      'second 5 output',
    ])
  })

  it('as an error when a watchdog gives it up', async () => {
    const clock = new FakeClock()
    const observer = new NotedModels()
    const deaf = withWatchdog(new PlayedModel(clock, [['deaf']]), { clock, firstMs: 100, silenceMs: 100 })
    const hearing = new Hearing(observed(deaf, observer))
    await clock.advanceAsync(100)
    await hearing.whenOver
    expect(observer.notes).toEqual(['played error', 'played MODEL_TIMEOUT'])
  })

  it.each<readonly [string, readonly Step[]]>([
    ['an error when it takes longer than the retries may', ['hang']],
    ['one more error when the second try does', [outage(), 'hang']],
  ])('as %s', async (_how, steps) => {
    const clock = new FakeClock()
    const observer = new NotedModels()
    const inner = new PlayedModel(
      clock,
      steps.map((step) => [step]),
    )
    const watched = withWatchdog(inner, { clock, firstMs: 5000, silenceMs: 5000 })
    const retried = withRetries(observed(watched, observer), {
      clock,
      random: () => 0.5,
      attemptsMax: 3,
      deadlineMs: 3000,
      warmUpMs: 0,
      observer,
    })
    const hearing = new Hearing(retried)
    await clock.advanceAsync(3000)
    expect(hearing.error).toMatchObject({ code: 'MODEL_TIMEOUT', isDown: true })
    expect(observer.notes.slice(-2)).toEqual(['played error', 'played MODEL_TIMEOUT'])
    expect(observer.notes.filter((note) => note.endsWith('error'))).toHaveLength(steps.length)
    expect([inner.running, clock.pending]).toEqual([0, 0])
  })

  it('as aborted when it is stopped before the retries give it up', async () => {
    const clock = new FakeClock()
    const observer = new NotedModels()
    const model = observed(new PlayedModel(clock, [['hang']]), observer)
    const options = { clock, random: () => 0, attemptsMax: 3, deadlineMs: 3000, warmUpMs: 0, observer }
    const hearing = new Hearing(withRetries(model, options))
    await settle()
    hearing.stop.abort('stopped')
    await hearing.whenOver
    expect(observer.notes).toEqual(['played aborted'])
  })
})
