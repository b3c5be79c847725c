import type { HistoryEntryWire, TurnEventWire } from '../api/wire.ts'

/** What a note under an answer offers to the guest. */
export type Help = 'retry' | 'keys' | null

export interface Answer {
  /** All that came of it. What is shown of it is `shownText`. */
  readonly text: string
  readonly isMaking: boolean
  /** Where each sentence ends, in characters of the text. */
  readonly sentenceEnds: readonly number[]
  /** As many characters were heard when the guest interrupted; null for an answer that nobody interrupted. */
  readonly heard: number | null
  /** Why there is no text yet. */
  readonly wait: string | null
  readonly note: string | null
  readonly help: Help
}

/** One message of the guest and what Maya answers. Either may be missing. */
export interface Exchange {
  readonly id: string
  readonly turnId: string | null
  readonly question: string | null
  readonly answer: Answer | null
}

const interrupted = 'Interrupted.'

const waits: Partial<Record<string, string>> = { warming_up: 'Maya’s model is warming up …' }
const notes: Partial<Record<string, string>> = {
  stopped: 'Stopped.',
  length: 'The answer was cut off here.',
}

export const emptyAnswer: Answer = {
  text: '',
  isMaking: true,
  sentenceEnds: [],
  heard: null,
  wait: null,
  note: null,
  help: null,
}

/** An exchange after one more event of its turn. */
export function afterEvent(exchange: Exchange, event: TurnEventWire): Exchange {
  const answer = exchange.answer ?? emptyAnswer
  const change = (changes: Partial<Answer>): Exchange => ({ ...exchange, answer: { ...answer, ...changes } })
  switch (event.type) {
    case 'session': {
      // Another turn than before answers the message when the one before was lost: it comes whole.
      const isAnew = event.restart === true || event.turn_id !== exchange.turnId
      return { ...exchange, turnId: event.turn_id, answer: isAnew ? emptyAnswer : answer }
    }
    case 'text_chunk':
      return change({ text: answer.text + event.content, wait: null })
    case 'sentence': {
      const end = (answer.sentenceEnds.at(-1) ?? 0) + event.content.length
      return change({ sentenceEnds: [...answer.sentenceEnds, end] })
    }
    case 'status':
      return answer.text === '' ? change({ wait: waits[event.status] ?? answer.wait }) : exchange
    case 'complete': {
      const note = answer.heard === null ? (notes[event.finish_reason] ?? null) : interrupted
      return change({ text: event.content, isMaking: false, wait: null, note })
    }
    default:
      return exchange
  }
}

/** The answer ends here, because of a problem. */
export function failed(exchange: Exchange, note: string, help: Help): Exchange {
  const answer = exchange.answer ?? emptyAnswer
  return { ...exchange, answer: { ...answer, isMaking: false, wait: null, note, help } }
}

/** Only so much of the answer was heard. */
export function cut(exchange: Exchange, heard: number): Exchange {
  const answer = exchange.answer ?? emptyAnswer
  return { ...exchange, answer: { ...answer, heard, note: interrupted } }
}

export function shownText({ text, heard }: Answer): string {
  return heard === null ? text : text.slice(0, heard)
}

/**
 * The conversation as the server has it, with what only the page knows: exchanges that are still going on
 * (`isLive`) stand as they are, after all that has ended, and what ended keeps its note.
 */
export function merged(
  shown: readonly Exchange[],
  history: readonly HistoryEntryWire[],
  isLive: (exchange: Exchange) => boolean,
): readonly Exchange[] {
  const live = shown.filter(isLive)
  const liveTurns = new Set(live.map(({ turnId }) => turnId))
  const known = new Map(shown.map((exchange) => [exchange.turnId, exchange]))
  const ended = exchangesOf(history)
    .filter(({ turnId }) => !liveTurns.has(turnId))
    .map((told) => reconciled(known.get(told.turnId), told))
  return [...ended, ...live]
}

/** Keeps the exchange that is shown where nothing has changed, so that nothing is drawn again. */
function reconciled(known: Exchange | undefined, told: Exchange): Exchange {
  if (known === undefined) return told
  const { id } = known
  if (told.answer === null) {
    const hasNote = known.answer !== null && known.answer.note !== null
    return hasNote ? { ...known, question: told.question } : { ...told, id }
  }
  const note = known.answer?.note ?? null
  const help = known.answer?.help ?? null
  const isSame =
    known.question === told.question &&
    known.answer !== null &&
    !known.answer.isMaking &&
    shownText(known.answer) === told.answer.text
  return isSame ? known : { ...told, id, answer: { ...told.answer, note, help } }
}

/** Two entries of one turn are one exchange. */
export function exchangesOf(history: readonly HistoryEntryWire[]): readonly Exchange[] {
  const byTurn = Map.groupBy(history, ({ turn_id: turnId }) => turnId)
  return [...byTurn].map(([turnId, entries]) => {
    const question = entries.find(({ role }) => role === 'user')?.content ?? null
    const text = entries.find(({ role }) => role === 'assistant')?.content
    const answer = text === undefined ? null : { ...emptyAnswer, text, isMaking: false }
    return { id: turnId, turnId, question, answer }
  })
}
