// A page with nothing but the voice, for a test that looks at what the browser makes of it.
import { computed, effect, signal } from '@preact/signals'
import { pageClock } from '../../../web/src/clock.ts'
import { createListener, type ListenMode } from '../../../web/src/voice/listener.ts'
import { Playback } from '../../../web/src/voice/playback.ts'
import { createSpeaker } from '../../../web/src/voice/speaker.ts'
// oxlint-disable-next-line import/default -- Vite puts the address of the built module here.
import recorderUrl from './recorder-worklet.ts?worker&url'

const sampleRate = 16_000
const recorded: number[] = []
/** What the guest would hear passes the recorder of its context; the first sound of a context comes too early for it. */
const recorders = new Map<BaseAudioContext, AudioNode | null>()
// oxlint-disable-next-line typescript/unbound-method -- It is called with its node.
const connect: (this: AudioNode, target: AudioNode) => AudioNode = AudioNode.prototype.connect

async function record(from: AudioNode): Promise<void> {
  const target = from.context
  recorders.set(target, null)
  await target.audioWorklet.addModule(recorderUrl)
  const recorder = new AudioWorkletNode(target, 'recorder')
  recorder.port.addEventListener(
    'message',
    (event: MessageEvent<{ frame: number; samples: Float32Array }>) => {
      for (const [place, sample] of event.data.samples.entries()) recorded[event.data.frame + place] = sample
    },
  )
  recorder.port.start()
  recorders.set(target, recorder)
  connect.call(recorder, target.destination)
  connect.call(from, recorder)
}

Object.defineProperty(AudioNode.prototype, 'connect', {
  value(this: AudioNode, target: AudioNode): AudioNode {
    if (this instanceof GainNode && target instanceof AudioDestinationNode) {
      const recorder = recorders.get(target.context)
      if (recorder === undefined) void record(this)
      else if (recorder !== null) connect.call(this, recorder)
    }
    return connect.call(this, target)
  },
})

/** Where each sound begins on the clock of its context. A late one was told to after its time, and begins as it can. */
const planned: { readonly frame: number; readonly isLate: boolean }[] = []
// oxlint-disable-next-line typescript/unbound-method -- It is called with its node.
const { start } = AudioBufferSourceNode.prototype
Object.defineProperty(AudioBufferSourceNode.prototype, 'start', {
  value(this: AudioBufferSourceNode, when: number): void {
    start.call(this, when)
    planned.push({ frame: Math.round(when * sampleRate), isLate: this.context.currentTime > when })
  },
})

let context: AudioContext | null = null
const speaker = createSpeaker({
  createContext(rate) {
    context = new AudioContext({ sampleRate: rate, latencyHint: 'interactive' })
    return context
  },
  mayMakeSound: () => navigator.userActivation.hasBeenActive,
  prefersCalm: () => false,
  frame: (callback) => void requestAnimationFrame(callback),
  clock: pageClock,
})
addEventListener('pointerdown', () => speaker.unlock())

function sine(fromSample: number, length: number): Int16Array {
  return Int16Array.from({ length }, (_, place) =>
    Math.round(16_000 * Math.sin((2 * Math.PI * 440 * (fromSample + place)) / sampleRate)),
  )
}

/** The browser leaves the recorder out where it is short of time: what is not recorded is not compared. */
function differenceAt(frame: number, samples: Int16Array): number {
  return samples.reduce((most, sample, place) => {
    const expected = sample / 0x8000
    return Math.max(most, Math.abs((recorded[frame + place] ?? expected) - expected))
  }, 0)
}

function base64(samples: Int16Array): string {
  return btoa(Array.from(new Uint8Array(samples.buffer), (byte) => String.fromCharCode(byte)).join(''))
}

const chunks = Array.from({ length: 40 }, (_, place) => ({
  index: 0,
  audio: base64(sine(place * 800, 800)),
  sample_rate: sampleRate,
  start_ms: place * 50,
}))

const statuses: string[] = []
effect(() => void statuses.push(speaker.status.value))

const finals: string[] = []
const listener = createListener({
  listens: signal(true),
  isMayaSpeaking: computed(() => speaker.status.value === 'speaking'),
  onSpeechStart() {},
  onFinal: (text) => finals.push(text),
})

const voice = {
  finals,
  statuses,
  speaker: { status: () => speaker.status.value, word: () => speaker.word.value },
  listener: {
    start: (mode: ListenMode) => listener.start(mode),
    finish: () => listener.finish(),
    stop: () => listener.stop(),
    state: () => ({ status: listener.status.value, problem: listener.problem.value }),
  },

  /** Two seconds of a sine in chunks of 50 ms, and a word every 100 ms. */
  speak(): void {
    speaker.begin('turn-1')
    for (const chunk of chunks) speaker.sound(chunk)
    const words = Array.from({ length: 20 }, (_, place) => ({
      text: 'word',
      start_ms: place * 100,
      end_ms: place * 100 + 100,
      from: place * 5,
      to: place * 5 + 4,
    }))
    speaker.marks({ index: 0, words, phonemes: [] })
    speaker.end()
  },

  /** What was heard, and the sample at which it was told to stop. */
  stop(): { heard: ReturnType<typeof speaker.stop>; atFrame: number } {
    const atFrame = Math.round((context?.currentTime ?? 0) * sampleRate)
    return { heard: speaker.stop(), atFrame }
  },

  /** Speaks, and tells the time of the context at which it began. */
  speakFromNow(): number {
    voice.speak()
    return context?.currentTime ?? 0
  },

  /** The loudest sample recorded between two places, and how many samples there are. */
  loudest(from: number, to = Infinity): { loudest: number; count: number } {
    const samples = recorded.slice(from, to === Infinity ? undefined : to)
    return {
      loudest: samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0),
      count: samples.length,
    }
  },

  /** How long from the first chunk until there is sound in the context, and in the loudspeaker. */
  async firstSound(): Promise<{ planMs: number; audibleMs: number; difference: number }> {
    if (context === null) throw new Error('No gesture yet.')
    const startedAtMs = performance.now()
    const startedAt = context.currentTime
    recorded.length = 0
    planned.length = 0
    voice.speak()
    const first = planned[0]?.frame ?? NaN
    for (;;) {
      await new Promise(requestAnimationFrame)
      if (recorded.length < first + 8_000) continue
      const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp()
      const audibleAtMs = performanceTime + (first / sampleRate - contextTime) * 1000
      const difference = planned.reduce((most, { frame, isLate }, place) => {
        return isLate ? most : Math.max(most, differenceAt(frame, sine(place * 800, 800)))
      }, 0)
      const planMs = (first / sampleRate - startedAt) * 1000
      return { planMs, audibleMs: audibleAtMs - startedAtMs, difference }
    }
  },

  /** The greatest difference between a sine in uneven chunks, as it is played, and the sine itself. */
  async seam(rate: number): Promise<number> {
    const offline = new OfflineAudioContext(1, rate * 2, rate)
    const playback = new Playback(() => {})
    const whole = sine(0, rate)
    for (let from = 0; from < rate;) {
      const length = 97 + ((from * 7) % 613)
      const samples = whole.slice(from, from + length)
      playback.add({ samples, sampleRate: rate, startMs: Math.round((from / rate) * 1000) })
      from += length
    }
    playback.play(Object.assign(offline, { close: () => Promise.resolve() }))
    const rendered = (await offline.startRendering()).getChannelData(0)
    const first = rendered.findIndex((sample) => sample !== 0) - 1
    return whole.reduce(
      (most, sample, place) => Math.max(most, Math.abs((rendered[first + place] ?? 9) - sample / 0x8000)),
      0,
    )
  },
}

Object.assign(globalThis, { voice })
// A test cannot ask for it: what it evaluates counts as a gesture.
if (location.hash === '#speak') voice.speak()
