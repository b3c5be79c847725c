import type { ListenerStatus } from '../voice/listener.ts'
import type { SpeakerStatus, SpokenWord } from '../voice/speaker.ts'
import type { Exchange } from './exchanges.ts'
import { withoutMarks } from './without-marks.ts'

/** How Maya looks. */
export type Mood = 'idle' | 'listening' | 'thinking' | 'speaking' | 'offline'

export interface PageFacts {
  readonly isEntering: boolean
  /** Whether the guest has a session. */
  readonly isIn: boolean
  readonly isOffline: boolean
  readonly speaker: SpeakerStatus
  readonly listener: ListenerStatus
  readonly isAnswering: boolean
  /** The exchange whose answer is being made, if there is one. */
  readonly current: Exchange | undefined
}

export interface PageState {
  readonly mood: Mood
  /** What goes on, in a word or two. */
  readonly line: string
}

/** How Maya looks and what is said of it. What keeps the guest from talking counts first. */
export function pageState(facts: PageFacts): PageState {
  const { isEntering, isIn, isOffline, speaker, listener, isAnswering, current } = facts
  if (isOffline) return { mood: 'offline', line: 'Offline' }
  if (isEntering) return { mood: 'idle', line: 'Connecting…' }
  if (!isIn) return { mood: 'offline', line: 'Not connected' }
  if (listener === 'starting') return { mood: 'listening', line: 'One moment…' }
  if (listener === 'hearing' || listener === 'finishing') return { mood: 'listening', line: 'Listening…' }
  if (speaker === 'speaking') return { mood: 'speaking', line: 'Speaking…' }
  if (isAnswering) return answering(current)
  if (speaker === 'blocked') return { mood: 'idle', line: 'Tap anywhere to hear Maya' }
  if (listener === 'listening') return { mood: 'listening', line: 'Listening…' }
  return { mood: 'idle', line: 'Ready when you are' }
}

function answering(current: Exchange | undefined): PageState {
  const answer = current?.answer ?? null
  if (answer !== null && answer.wait !== null) return { mood: 'thinking', line: 'Warming up…' }
  if (answer === null || answer.text === '') return { mood: 'thinking', line: 'Thinking…' }
  return { mood: 'speaking', line: 'Answering…' }
}

export interface Caption {
  readonly before: string
  readonly word: string
  readonly after: string
}

/** The sentence that is being spoken, split at the word. Null when nothing of this answer is being spoken. */
export function captionOf(exchange: Exchange | undefined, word: SpokenWord | null): Caption | null {
  const answer = exchange?.answer ?? null
  if (answer === null || word === null) return null
  const { text, sentenceEnds } = answer
  const from = sentenceEnds.findLast((end) => end <= word.from) ?? 0
  const to = sentenceEnds.find((end) => end > word.from) ?? text.length
  const [before, spoken, after] = [
    text.slice(from, word.from),
    text.slice(word.from, word.to),
    text.slice(word.to, to),
  ].map(withoutMarks)
  return { before: before?.trimStart() ?? '', word: spoken ?? '', after: after?.trimEnd() ?? '' }
}
