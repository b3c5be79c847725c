import type { WebSocket } from '@fastify/websocket'
import type { Clock } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import type { VoiceObserver, VoiceOutcome } from '../voice/observer.ts'
import { listeningSampleRate, type ListenMode, type SpeechToText } from '../voice/speech-to-text.ts'
import { VoiceError } from '../voice/text-to-speech.ts'
import {
  endingOf,
  endings,
  endingWire,
  faultOfText,
  readyWire,
  transcriptWire,
  type Ending,
  type EndingName,
} from './listen-wire.ts'
import { SoundQueue } from './sound-queue.ts'

/** What all listeners share. */
export interface ListenerParts {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'listenMs' | 'listenSilenceMs' | 'listenBufferBytesMax' | 'readerLagBytesMax'>
  readonly observer: Pick<VoiceObserver, 'listeningBegan' | 'listeningEnded' | 'soundHeard' | 'voiceFailed'>
  readonly reportDefect: (error: unknown) => void
}

export interface ListenerOptions extends ListenerParts {
  readonly ears: SpeechToText
  readonly mode: ListenMode
}

const bytesPerSample = 2
const bytesPerSecond = listeningSampleRate * bytesPerSample

/** One second of sound. */
const frameBytesMax = bytesPerSecond

/** The least that a frame counts for, so that there can be only so many: two milliseconds of sound. */
const frameBytesMin = 64

/** Sound may run so far ahead of the clock: clients record before their socket is open, and networks hold it up. */
const soundAheadMsMax = 10_000

/** How much faster than ours a sound card's clock may be: generously. */
const soundPaceMax = 1.1

/** A guest who has answered none of so many heartbeats is gone. */
const beatsMissedMax = 2

/**
 * One guest that is listened to: sound comes in over the socket, what was said goes out.
 * Invariant: however it ends, the ears are told, the socket is closed, and nothing is said any more.
 */
export class Listener {
  /** Resolves when the ears have let go of the sound; the socket may still be closing. */
  readonly whenEarsEnded: Promise<void>
  readonly #socket: WebSocket
  readonly #options: ListenerOptions
  readonly #sound: SoundQueue
  readonly #ending = new AbortController()
  readonly #openedAt: number
  #heardAt: number
  #bytes = 0
  #beatsMissed = 0
  #outcome: VoiceOutcome | undefined

  constructor(socket: WebSocket, options: ListenerOptions) {
    const { clock, limits } = options
    this.#socket = socket
    this.#options = options
    this.#sound = new SoundQueue({ bytesMax: limits.listenBufferBytesMax, onRoom: () => socket.resume() })
    this.#openedAt = clock.now()
    this.#heardAt = this.#openedAt
    socket.on('message', (data, isBinary) => this.#onFrame(bufferOf(data), isBinary))
    socket.on('ping', (data) => this.#onPing(data))
    socket.on('pong', () => (this.#beatsMissed = 0))
    socket.once('close', () => this.#over('aborted'))
    this.#tell(readyWire)
    this.whenEarsEnded = this.#listen()
  }

  get isOver(): boolean {
    return this.#outcome !== undefined
  }

  /** Ends it for a reason of ours. */
  end(name: EndingName): void {
    if (name === 'stuck') this.#fail(new VoiceError('VOICE_UNAVAILABLE', endings.stuck.message))
    else this.#end(endings[name], 'aborted')
  }

  /** Breaks the connection off. */
  cut(): void {
    this.#over('aborted')
    this.#socket.terminate()
  }

  /** Looks whether everybody is still there. */
  beat(): void {
    if (this.isOver) return
    const { clock, limits } = this.#options
    const nowMs = clock.now()
    const isWaitedFor = this.#socket.isPaused || this.#sound.isEnded
    if (nowMs - this.#openedAt >= limits.listenMs) this.end('time-up')
    else if (nowMs - this.#heardAt >= limits.listenSilenceMs) this.end(isWaitedFor ? 'stuck' : 'silence')
    // What a guest answers while nothing is read of them cannot be seen.
    else if (this.#socket.isPaused) this.#beatsMissed = 0
    else if (this.#beatsMissed >= beatsMissedMax) this.cut()
    else {
      this.#beatsMissed++
      this.#socket.ping()
    }
  }

  #onFrame(frame: Buffer, isBinary: boolean): void {
    // What comes now was sent before the guest knew of the end.
    if (this.isOver) return
    this.#beatsMissed = 0
    this.#heardAt = this.#options.clock.now()
    const fault =
      this.#faultOfPace(frame) ?? (isBinary ? this.#faultOfSound(frame) : faultOfText(String(frame)))
    if (fault !== undefined) this.end(fault)
    else if (!isBinary) this.#sound.end()
    else if (this.#sound.push(frame).isFull) this.#socket.pause()
  }

  /** Nobody has hours of sound heard in a minute. All of the time counts, because a network may hold sound up. */
  #faultOfPace({ byteLength }: Buffer): EndingName | undefined {
    this.#bytes += Math.max(byteLength, frameBytesMin)
    const elapsedMs = this.#options.clock.now() - this.#openedAt
    const bytesMax = ((elapsedMs * soundPaceMax + soundAheadMsMax) / 1000) * bytesPerSecond
    return this.#bytes > bytesMax ? 'too-fast' : undefined
  }

  #faultOfSound({ byteLength }: Buffer): EndingName | undefined {
    if (byteLength > frameBytesMax) return 'too-large'
    if (byteLength % bytesPerSample !== 0) return 'odd-sound'
    return this.#sound.isEnded ? 'sound-after-end' : undefined
  }

  async #listen(): Promise<void> {
    const { ears, mode, observer } = this.#options
    observer.listeningBegan(ears.name)
    try {
      for await (const event of ears.listen({ audio: this.#heard(), mode }, this.#ending.signal)) {
        if (this.isOver) break
        this.#tell(transcriptWire(event))
        if (event.type === 'final' && mode === 'push-to-talk') this.#finish()
      }
      this.#finish()
    } catch (error) {
      this.#fail(error)
    }
    observer.listeningEnded(ears.name, this.#outcome ?? 'ok')
  }

  /** All was heard. */
  #finish(): void {
    this.#close('ok', { close: 1000, reason: '' })
  }

  /** The sound as the ears take it. */
  async *#heard(): AsyncGenerator<Uint8Array, void, void> {
    const { ears, observer } = this.#options
    for await (const frame of this.#sound) {
      observer.soundHeard(ears.name, frame.byteLength / bytesPerSecond)
      yield frame
    }
  }

  #fail(error: unknown): void {
    if (this.isOver) return
    const { ears, observer, reportDefect } = this.#options
    if (error instanceof VoiceError) observer.voiceFailed(ears.name, error.code)
    else reportDefect(error)
    this.#end(endingOf(error), 'error')
  }

  #end(ending: Ending, outcome: VoiceOutcome): void {
    if (this.isOver) return
    this.#tell(endingWire(ending))
    this.#close(outcome, { close: ending.close, reason: ending.code })
  }

  #close(
    outcome: VoiceOutcome,
    { close, reason }: { readonly close: number; readonly reason: string },
  ): void {
    if (this.isOver) return
    this.#over(outcome)
    this.#socket.close(close, reason)
    // A guest whose frames are not read could not answer that.
    this.#socket.resume()
  }

  #over(outcome: VoiceOutcome): void {
    if (this.isOver) return
    this.#outcome = outcome
    // With a reason, because without one every abort makes an exception with its stack.
    this.#ending.abort('Nobody listens any more.')
    this.#sound.discard()
  }

  #tell(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    this.#socket.send(text)
    // A guest who does not read is not waited for.
    if (this.#socket.bufferedAmount > this.#options.limits.readerLagBytesMax) this.cut()
  }

  /** Each is answered, so there may be only so many of them too. */
  #onPing(data: Buffer): void {
    const fault = this.#faultOfPace(data)
    if (fault !== undefined) this.end(fault)
  }
}

function bufferOf(data: Buffer | ArrayBuffer | readonly Buffer[]): Buffer {
  if (Buffer.isBuffer(data)) return data
  return data instanceof ArrayBuffer ? Buffer.from(data) : Buffer.concat(data)
}
