import { describe, expect, it } from 'vitest'
import type { HistoryEntryWire, TurnEventWire } from '../../web/src/api/wire.ts'
import {
  afterEvent,
  cut,
  emptyAnswer,
  exchangesOf,
  failed,
  merged,
  shownText,
  type Exchange,
} from '../../web/src/state/exchanges.ts'
import { captionOf, pageState, type PageFacts } from '../../web/src/state/page-state.ts'

const asked: Exchange = { id: 'key', turnId: null, question: 'Hello', answer: emptyAnswer }

function after(...events: readonly TurnEventWire[]): Exchange {
  return events.reduce(afterEvent, asked)
}

const session = { type: 'session', turn_id: 'turn-1', restart: true } as const
const chunk = (content: string) => ({ type: 'text_chunk', content }) as const
const complete = (content: string, reason = 'stop') =>
  ({ type: 'complete', content, finish_reason: reason }) as const

const sentence = (content: string, index: number) => ({ type: 'sentence', content, index }) as const

function entry(turnId: string, role: HistoryEntryWire['role'], content: string): HistoryEntryWire {
  return { turn_id: turnId, role, content }
}

describe('an exchange', () => {
  it('grows with the text and ends as the server has it', () => {
    expect(after(session, chunk('Good '), chunk('eve')).answer).toMatchObject({
      text: 'Good eve',
      isMaking: true,
    })
    expect(after(session, chunk('Good '), complete('Good evening.'))).toMatchObject({
      turnId: 'turn-1',
      answer: { text: 'Good evening.', isMaking: false, note: null },
    })
  })

  it('forgets what came of it when it is told anew, also by another turn', () => {
    expect(after(session, chunk('Good '), session, chunk('Hi')).answer?.text).toBe('Hi')
    const other = { type: 'session', turn_id: 'turn-2' } as const
    expect(after(session, chunk('Good '), other, chunk('Hi'))).toMatchObject({
      turnId: 'turn-2',
      answer: { text: 'Hi' },
    })
  })

  it('goes on when the same turn is resumed', () => {
    const resumed = { type: 'session', turn_id: 'turn-1' } as const
    expect(after(session, chunk('Good '), resumed, chunk('day')).answer?.text).toBe('Good day')
  })

  it('says why there is no text yet, until there is', () => {
    const warming = { type: 'status', status: 'warming_up' } as const
    expect(after(session, warming).answer?.wait).toContain('warming up')
    expect(after(session, warming, chunk('Hi')).answer?.wait).toBeNull()
    expect(after(session, chunk('Hi'), warming).answer?.wait).toBeNull()
  })

  it.each([
    ['stop', null],
    ['stopped', 'Stopped.'],
    ['length', 'The answer was cut off here.'],
  ])('that ended by %s has the note %s', (reason, note) => {
    expect(after(session, complete('Hi', reason)).answer?.note).toBe(note)
  })

  it('that was interrupted shows what was heard, whatever comes of it', () => {
    const heard = cut(after(session, chunk('Good evening')), 4)
    const later = [chunk(' to you'), complete('Good evening to you', 'stopped')].reduce(afterEvent, heard)
    expect(later.answer && shownText(later.answer)).toBe('Good')
    expect(later.answer?.note).toBe('Interrupted.')
  })

  it('is not touched by events that are not about its text', () => {
    const exchange = after(session, chunk('Hi'))
    expect(afterEvent(exchange, { type: 'tool_call' })).toBe(exchange)
    const voiceFailed = afterEvent(exchange, { type: 'status', status: 'voice_failed', message: 'Hoarse.' })
    expect(voiceFailed).toEqual(exchange)
  })
})

describe('the history and what is shown', () => {
  const history = [entry('turn-1', 'user', 'Hello'), entry('turn-1', 'assistant', 'Good evening.')]

  it('are one: the same exchange stays the same', () => {
    const shown = [after(session, complete('Good evening.'))]
    expect(merged(shown, history, () => false)[0]).toBe(shown[0])
  })

  it('keep the note of an answer that only the page knows of', () => {
    const shown = [failed(after(session, chunk('Good evening.')), 'It broke off.', null)]
    expect(merged(shown, history, () => false)[0]?.answer?.note).toBe('It broke off.')
    const silent = [failed(after(session), 'It broke off.', null)]
    const [kept] = merged(silent, [entry('turn-1', 'user', 'Hello')], () => false)
    expect(kept?.answer?.note).toBe('It broke off.')
  })

  it('leave what goes on where it is, after all that has ended', () => {
    const shown = [after(session, chunk('Good ')), { ...asked, id: 'next' }]
    const both = merged(shown, [...history, entry('turn-2', 'user', 'Ho')], () => true)
    expect(both.map(({ id }) => id)).toEqual(['turn-2', 'key', 'next'])
    expect(both[1]).toBe(shown[0])
  })

  it('drop what the server has no more', () => {
    expect(merged(exchangesOf(history), [], () => false)).toEqual([])
  })

  it('take what another tab has shortened', () => {
    const shown = [after(session, complete('Good evening, my friend.'))]
    const [exchange] = merged(shown, history, () => false)
    expect(exchange).toMatchObject({ id: 'key', answer: { text: 'Good evening.' } })
  })
})

describe('the caption', () => {
  const exchange = after(
    session,
    chunk('Hi. Try the **Negroni** now. Bye.'),
    sentence('Hi. ', 0),
    sentence('Try the **Negroni** now. ', 1),
  )

  it('is the sentence that is being spoken, split at the word and without marks', () => {
    const word = { turnId: 'turn-1', from: 14, to: 21 }
    expect(captionOf(exchange, word)).toEqual({ before: 'Try the ', word: 'Negroni', after: ' now.' })
    expect(captionOf(exchange, { turnId: 'turn-1', from: 29, to: 32 })).toEqual({
      before: '',
      word: 'Bye',
      after: '.',
    })
  })

  it('is none when nothing is being spoken', () => {
    expect(captionOf(exchange, null)).toBeNull()
    expect(captionOf(undefined, { turnId: 'gone', from: 0, to: 1 })).toBeNull()
  })
})

describe('the state line', () => {
  const idle: PageFacts = {
    isEntering: false,
    isIn: true,
    isOffline: false,
    speaker: 'silent',
    listener: 'off',
    isAnswering: false,
    current: undefined,
  }
  const warming = after(session, { type: 'status', status: 'warming_up' })

  it.each<[string, string, Partial<PageFacts>]>([
    ['Ready when you are', 'idle', {}],
    ['Connecting…', 'idle', { isEntering: true }],
    ['Not connected', 'offline', { isIn: false }],
    ['Connecting…', 'idle', { isEntering: true, isIn: false }],
    ['Offline', 'offline', { isEntering: true, isOffline: true, speaker: 'speaking' }],
    ['Thinking…', 'thinking', { isAnswering: true, current: asked }],
    ['Warming up…', 'thinking', { isAnswering: true, current: warming }],
    ['Answering…', 'speaking', { isAnswering: true, current: after(session, chunk('Hi')) }],
    ['Speaking…', 'speaking', { isAnswering: true, speaker: 'speaking' }],
    ['Listening…', 'listening', { listener: 'listening' }],
    ['Speaking…', 'speaking', { listener: 'listening', speaker: 'speaking' }],
    ['Listening…', 'listening', { listener: 'hearing', speaker: 'speaking' }],
    ['Tap anywhere to hear Maya', 'idle', { speaker: 'blocked' }],
  ])('%s (%s)', (line, mood, facts) => {
    expect(pageState({ ...idle, ...facts })).toEqual({ line, mood })
  })
})
