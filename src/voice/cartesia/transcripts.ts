import { fieldsOf, textOf, type Fields } from '../../llm/fields.ts'
import type { ListenMode, TranscriptEvent } from '../speech-to-text.ts'

/** Makes of Cartesia's events what was said. */
export interface Transcript {
  /** Reads one event that is no error. */
  read(event: Fields): readonly TranscriptEvent[]
  /** What is still to be told when the sound has ended and Cartesia has said everything. */
  end(): readonly TranscriptEvent[]
}

export function transcriptFor(mode: ListenMode): Transcript {
  return mode === 'hands-free' ? new TurnTranscript() : new WholeTranscript()
}

/** Characters of one message that are listened to. */
const charactersMax = 16 * 1024

/** Of `/stt/turns/websocket`, which hears by itself when somebody begins and ends. Its texts are cumulative. */
class TurnTranscript implements Transcript {
  #isSpeaking = false
  #text = ''

  read(event: Fields): readonly TranscriptEvent[] {
    switch (event['type']) {
      case 'turn.start':
        return this.#begin()
      // An early end is only a guess that somebody has ended: it may be taken back, and what was said stays said.
      case 'turn.update':
      case 'turn.eager_end':
        return this.#hear(textOf(event['transcript']))
      case 'turn.end':
        return [...this.#hear(textOf(event['transcript'])), ...this.end()]
      default:
        return []
    }
  }

  end(): readonly TranscriptEvent[] {
    if (!this.#isSpeaking) return []
    const text = this.#text.trim()
    this.#isSpeaking = false
    this.#text = ''
    return [{ type: 'final', text }]
  }

  #begin(): readonly TranscriptEvent[] {
    if (this.#isSpeaking) return []
    this.#isSpeaking = true
    return [{ type: 'speech-start' }]
  }

  #hear(text: string): readonly TranscriptEvent[] {
    const heard = text.trim().slice(0, charactersMax)
    if (heard === '' || heard === this.#text) return []
    this.#text = heard
    return [...this.#begin(), { type: 'partial', text: heard }]
  }
}

/** Of `/stt/websocket`, which is told when all was said. Its texts are pieces that follow each other as they are. */
class WholeTranscript implements Transcript {
  /** What is sure, and what was said with the guess that goes on from there. */
  #sure = ''
  #said = ''
  #isSpeaking = false

  read(event: Fields): readonly TranscriptEvent[] {
    const { type, text, is_final: isFinal } = fieldsOf(event)
    if (type !== 'transcript' || typeof text !== 'string') return []
    this.#said = (this.#sure + text).slice(0, charactersMax)
    if (isFinal === true) this.#sure = this.#said
    const said = this.#said.trim()
    if (said === '') return []
    const start: readonly TranscriptEvent[] = this.#isSpeaking ? [] : [{ type: 'speech-start' }]
    this.#isSpeaking = true
    return [...start, { type: 'partial', text: said }]
  }

  /** A guess that nobody has made sure of is better than words that were shown and are lost. */
  end(): readonly TranscriptEvent[] {
    return [{ type: 'final', text: this.#said.trim() }]
  }
}
