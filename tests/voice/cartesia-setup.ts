import { onTestFinished } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { createCartesia } from '../../src/voice/providers/cartesia.ts'
import type { SpeechEvent } from '../../src/voice/text-to-speech.ts'
import { startCartesiaServer } from '../fakes/cartesia-server.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

const never = new AbortController().signal

export const key = 'sk_car_Canary'

export interface CartesiaSetup {
  readonly model?: string
  readonly concurrency?: number
  /** What the base URL has behind the host. */
  readonly path?: string
  readonly limits?: Partial<typeof limits>
}

/** Cartesia over a server of our own, on a clock that stands still. Afterwards no socket and no timer is left. */
export async function setupCartesia(options: CartesiaSetup = {}) {
  const { model = 'sonic-3', concurrency = 2, path = '' } = options
  const clock = new FakeClock()
  const server = await startCartesiaServer()
  const cartesia = createCartesia({
    key,
    baseUrl: server.baseUrl + path,
    model,
    voice: 'voice-of-maya',
    listeningModel: 'ink-2',
    concurrency,
    clock,
    limits: { ...limits, ...options.limits },
  })
  onTestFinished(async () => {
    await cartesia.close()
    await server.until(() => server.openSockets === 0)
    await server.stop()
    if (clock.pending > 0) throw new Error(`${clock.pending} timers were left.`)
  })
  const { textToSpeech: voice, speechToText: ear } = cartesia
  const speak = (sentences: AsyncIterable<string>, signal = never) =>
    voice.speak({ sentences, voice: null, speed: 1 }, signal)
  return { clock, server, cartesia, voice, ear, speak }
}

export async function* known(...sentences: readonly string[]): AsyncIterable<string> {
  yield* sentences
}

/** Sentences that come when the test says so. */
export function queueOfSentences() {
  const waiting: (string | null)[] = []
  let more = Promise.withResolvers<void>()
  const add = (sentence: string | null): void => {
    waiting.push(sentence)
    more.resolve()
  }
  const sentences = (async function* () {
    for (;;) {
      for (; waiting.length === 0; more = Promise.withResolvers()) await more.promise
      const sentence = waiting.shift() ?? null
      if (sentence === null) return
      yield sentence
    }
  })()
  return { sentences, push: add, end: () => add(null) }
}

export async function all<Event>(events: AsyncIterable<Event>): Promise<readonly Event[]> {
  const list: Event[] = []
  for await (const event of events) list.push(event)
  return list
}

/** Reads on until the first sound; the rest can be read after. */
export async function untilSound(speech: AsyncIterable<SpeechEvent>) {
  const events = speech[Symbol.asyncIterator]()
  for (;;) {
    const { value, done } = await events.next()
    if (done === true) throw new Error('The speech ended without sound.')
    if (value.type === 'audio') return { [Symbol.asyncIterator]: () => events }
  }
}

/** How something failed: its code, and its words. */
export async function failureOf(promise: Promise<unknown>): Promise<{ code: unknown; message: string }> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return { code: 'code' in error ? error.code : null, message: error.message }
  }
  throw new Error('It did not fail.')
}
