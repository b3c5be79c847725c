import type { Clock } from '../../clock.ts'
import type { Fields } from '../../llm/fields.ts'
import { listeningSampleRate, type ListenRequest, type TranscriptEvent } from '../speech-to-text.ts'
import type { VoiceError } from '../text-to-speech.ts'
import { socketUrl } from './address.ts'
import { EventQueue } from './event-queue.ts'
import { refusalOf, silent } from './failures.ts'
import { dial, type CartesiaSocket } from './socket.ts'
import { transcriptFor, type Transcript } from './transcripts.ts'
import { untilAborted } from '../until-aborted.ts'

export interface ListeningOptions {
  readonly key: string
  readonly baseUrl: string
  readonly model: string
  readonly clock: Clock
  readonly limits: { readonly voiceConnectMs: number; readonly speechSilenceMs: number }
}

/** A second of sound has 32 KB: no frame is longer than that, and none is cut within a sample. */
const frameBytesMax = 32_000
/** Events that may wait for a slow reader before Cartesia has to wait too. */
const waitingMax = 64

/** One guest that is listened to, over a connection of its own. */
export class Listening {
  readonly #request: ListenRequest
  readonly #options: ListeningOptions
  readonly #transcript: Transcript
  readonly #events = new EventQueue<TranscriptEvent>()
  readonly #ending = new AbortController()
  #waiting = 0
  #socket: CartesiaSocket | null = null
  #hasEnded = false
  #cancelTimer = (): void => {}

  constructor(request: ListenRequest, options: ListeningOptions) {
    this.#request = request
    this.#options = options
    this.#transcript = transcriptFor(request.mode)
  }

  async *listen(signal: AbortSignal): AsyncGenerator<TranscriptEvent, void, void> {
    const onAbort = (): void => this.#fail(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    const work = this.#work().catch((error: unknown) => this.#fail(error))
    try {
      for await (const event of this.#events.read()) {
        if (--this.#waiting === 0) this.#resume()
        yield event
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#ending.abort(leftReason)
      await work
      this.#cancelTimer()
      await this.#hangUp()
    }
  }

  async #work(): Promise<void> {
    const { mode, audio } = this.#request
    const { signal } = this.#ending
    const sound = audio[Symbol.asyncIterator]()
    try {
      this.#socket = await this.#dial(signal)
      this.#socket.watch(this.#options.limits.speechSilenceMs)
      for (;;) {
        const { value, done } = await untilAborted(sound.next(), signal)
        if (done === true) break
        for (let at = 0; at < value.byteLength; at += frameBytesMax) {
          await this.#socket.sendBytes(value.subarray(at, at + frameBytesMax), signal)
        }
      }
      this.#hasEnded = true
      this.#awaitRest()
      if (mode === 'hands-free') this.#socket.send(JSON.stringify({ type: 'close' }))
      else for (const command of ['finalize', 'close']) this.#socket.send(command)
    } finally {
      // A microphone may be silent for as long as it likes: it is told, and not waited for.
      sound.return?.()?.catch(() => {})
    }
  }

  async #dial(signal: AbortSignal): Promise<CartesiaSocket> {
    const { key, baseUrl, model, clock, limits } = this.#options
    const path = this.#request.mode === 'hands-free' ? '/stt/turns/websocket' : '/stt/websocket'
    const query = { model, encoding: 'pcm_s16le', sample_rate: String(listeningSampleRate) }
    return await dial(
      {
        url: socketUrl(baseUrl, path, query),
        key,
        connectMs: limits.voiceConnectMs,
        clock,
        onMessage: (message, socket) => this.#hear(message, socket),
        onClose: (error, isClean) => this.#close(error, isClean),
      },
      signal,
    )
  }

  #hear(event: Fields, socket: CartesiaSocket): void {
    if (event['type'] === 'error') {
      this.#fail(refusalOf(event).error)
      return
    }
    const heard = this.#transcript.read(event)
    this.#push(heard)
    if (this.#hasEnded && heard.length > 0) this.#awaitRest()
    if (event['type'] === 'done' && this.#hasEnded) this.#finish()
    else if (this.#waiting > waitingMax) {
      socket.pause()
      this.#cancelTimer()
    }
  }

  #resume(): void {
    this.#socket?.resume()
    if (this.#hasEnded && !this.#ending.signal.aborted) this.#awaitRest()
  }

  /** An end that was asked for is the end of everything that was said; any other one is a failure. */
  #close(error: VoiceError, isClean: boolean): void {
    if (this.#hasEnded && isClean) this.#finish()
    else this.#fail(error)
  }

  #finish(): void {
    this.#cancelTimer()
    if (this.#ending.signal.aborted) return
    this.#push(this.#transcript.end())
    this.#events.end()
    this.#ending.abort(overReason)
  }

  #fail(error: unknown): void {
    if (this.#ending.signal.aborted) return
    this.#events.fail(error)
    this.#ending.abort(error)
    this.#socket?.end()
  }

  #push(events: readonly TranscriptEvent[]): void {
    this.#waiting += events.length
    for (const event of events) this.#events.push(event)
  }

  /** All of the sound is on its way: from now on words, or the end, have to come. */
  #awaitRest(): void {
    this.#cancelTimer()
    const { clock, limits } = this.#options
    this.#cancelTimer = clock.after(limits.speechSilenceMs, () => this.#fail(silent()))
  }

  /** After a proper end as is polite, else at once. */
  async #hangUp(): Promise<void> {
    if (this.#hasEnded) await this.#socket?.close()
    else this.#socket?.end()
  }
}

const leftReason = 'The listener has left.'
const overReason = 'Everything was heard.'
