import { getEventListeners } from 'node:events'
import { array, assert, asyncProperty, constantFrom, integer, record, type Arbitrary } from 'fast-check'
import { expect, it } from 'vitest'
import { ModelError, type ModelEvent } from '../../src/llm/model.ts'
import { isOutage } from '../../src/llm/outage.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import {
  done,
  fellBack,
  Hearing,
  outage,
  PlayedModel,
  text,
  thinking,
  warmingUp,
  type Step,
} from '../fakes/played-model.ts'
import { wrapped } from '../fakes/wrapped-model.ts'

/** How a reply is played, before its texts are made unlike those of any other. */
type Rough = 'text' | 'call' | 'thinking' | 'warming-up' | 'wait'

const failures = {
  outage: outage(),
  hopeless: new ModelError('MODEL_UNAVAILABLE', 'No.', { retryable: false }),
  blocked: new ModelError('MODEL_BLOCKED', 'No.', { retryable: false }),
  quota: new ModelError('KEY_QUOTA', 'No.', { retryable: false }),
  defect: new Error('a defect'),
}

const replies = array(
  record({
    steps: array(constantFrom<Rough>('text', 'call', 'thinking', 'warming-up', 'wait'), {
      maxLength: 4,
    }),
    end: constantFrom('done', 'done', 'outage', 'outage', 'cut', 'hopeless', 'blocked', 'quota', 'defect'),
  }),
  { minLength: 3, maxLength: 3 },
)

type Reply = typeof replies extends Arbitrary<readonly (infer One)[]> ? One : never

function stepsOf(provider: string, played: readonly Reply[]): readonly (readonly Step[])[] {
  return played.map(({ steps, end }, attempt) => [
    ...steps.map((step, at): Step => {
      const name = `${provider}:${attempt}:${at} `
      if (step === 'text') return text(name)
      if (step === 'call') return { type: 'tool-call', call: { callId: name, name, arguments: {} } }
      if (step === 'wait') return { waitMs: 10 }
      return step === 'thinking' ? thinking : warmingUp
    }),
    ...endOf(end),
  ])
}

function endOf(end: Reply['end']): readonly Step[] {
  if (end === 'cut') return []
  return end === 'done' ? [done] : [failures[end]]
}

interface Expected {
  readonly events: readonly ModelEvent[]
  readonly error: unknown
}

const cutOff = 'cut off'

/** What one reply is heard as. */
function heardOf(steps: readonly Step[]): Expected {
  const events: ModelEvent[] = []
  for (const step of steps) {
    if (step instanceof Error) return { events, error: step }
    if (typeof step === 'object' && 'type' in step) events.push(step)
  }
  const isDone = events.at(-1) === done
  return { events, error: isDone ? undefined : cutOff }
}

const isProgress = (event: ModelEvent): boolean => event.type === 'progress'

/** What is heard of a model that is asked up to three times: the plainest way to say it. */
function heardOfAll(attempts: readonly (readonly Step[])[]): Expected {
  const before: ModelEvent[] = []
  for (const [at, steps] of attempts.entries()) {
    const { events, error } = heardOf(steps)
    before.push(...events)
    const hasBegun = events.some((event) => event !== warmingUp)
    const canPass = error === cutOff || (error instanceof ModelError && error.retryable)
    if (hasBegun || !canPass || at === attempts.length - 1) return { events: before, error }
  }
  return { events: before, error: undefined }
}

function expectedOf(first: readonly (readonly Step[])[], second: readonly (readonly Step[])[]): Expected {
  const one = heardOfAll(first)
  const hasSpoken = !one.events.every(isProgress)
  const isOver = one.error === undefined || hasSpoken || !(one.error === cutOff || isOutage(one.error))
  if (isOver) return one
  const two = heardOfAll(second)
  return { events: [...one.events, fellBack, ...two.events], error: two.error }
}

/** A stream that is cut off after its first word ends without an error: that is for its reader to notice. */
function expectedErrorOf({ events, error }: Expected): unknown {
  return error === cutOff && !events.every(isProgress) ? undefined : error
}

function errorOf({ error }: Hearing): unknown {
  return error instanceof ModelError && error.code === 'MODEL_TRUNCATED' ? cutOff : error
}

function setup(firstReplies: readonly Reply[], secondReplies: readonly Reply[]) {
  const clock = new FakeClock()
  const [firstSteps, secondSteps] = [stepsOf('first', firstReplies), stepsOf('second', secondReplies)]
  const first = new PlayedModel(clock, firstSteps, { name: 'first' })
  const second = new PlayedModel(clock, secondSteps, { name: 'second' })
  const model = wrapped(first, second, { clock })
  const expectNothingLeft = async (hearing: Hearing): Promise<void> => {
    await settle()
    expect([clock.pending, first.running, second.running]).toEqual([0, 0, 0])
    expect(getEventListeners(hearing.stop.signal, 'abort')).toEqual([])
  }
  return { clock, model, expected: expectedOf(firstSteps, secondSteps), expectNothingLeft }
}

it('gives exactly the reply of the one who answers, or fails as that one does', async () => {
  await assert(
    asyncProperty(replies, replies, async (firstReplies, secondReplies) => {
      const { clock, model, expected, expectNothingLeft } = setup(firstReplies, secondReplies)
      const hearing = new Hearing(model)
      await clock.advanceAsync(1000)
      expect(hearing.isOver).toBe(true)
      expect(hearing.events).toEqual(expected.events)
      expect(hearing.events.filter(({ type }) => type === 'finish').length).toBeLessThanOrEqual(1)
      expect(errorOf(hearing)).toBe(expectedErrorOf(expected))
      await expectNothingLeft(hearing)
    }),
    { numRuns: 300 },
  )
})

it('gives a beginning of it to whoever stops or leaves, and leaves nothing behind', async () => {
  const moment = record({
    afterMs: integer({ min: 0, max: 100 }),
    leaveAfter: integer({ min: 1, max: 9 }),
  })
  await assert(
    asyncProperty(replies, replies, moment, async (firstReplies, secondReplies, { afterMs, leaveAfter }) => {
      const { clock, model, expected, expectNothingLeft } = setup(firstReplies, secondReplies)
      const hearing = new Hearing(model, { leaveAfter })
      await clock.advanceAsync(afterMs)
      const wasOver = hearing.isOver
      hearing.stop.abort('stopped')
      await hearing.whenOver
      expect(hearing.events).toEqual(expected.events.slice(0, hearing.events.length))
      expect(wasOver ? 'stopped' : hearing.error).toBe('stopped')
      await expectNothingLeft(hearing)
    }),
    { numRuns: 300 },
  )
})
