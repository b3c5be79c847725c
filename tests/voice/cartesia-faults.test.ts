import { expect, it } from 'vitest'
import { VoiceError } from '../../src/voice/text-to-speech.ts'
import type { SpeechPlay } from '../fakes/cartesia-server.ts'
import { tone } from '../fakes/cartesia-context.ts'
import { settle } from '../fakes/fake-clock.ts'
import { all, setupCartesia as setup } from './cartesia-setup.ts'

/** Numbers from 0 to 1 that are the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const left = new Error('The guest has left.')

/** Usually what Cartesia does, and now and then anything else. */
function unreliable(random: () => number): SpeechPlay {
  const faults: readonly SpeechPlay[] = [
    (context) => context.socket.terminate(),
    (context) => context.socket.close(1000),
    (context) => context.fail(500),
    (context) => context.fail(429),
    (context) => context.fail(404),
    (context) => context.done(),
    (context) => context.socket.send('Canary'),
    () => {},
  ]
  return (context, message) => {
    const fault = random() < 0.04 ? faults[Math.floor(random() * faults.length)] : undefined
    if (fault === undefined) context.play(message)
    else fault(context, message)
  }
}

it.each([1, 2, 3])(
  'whatever fails, every turn ends, in order, and leaves nothing behind (seed %i)',
  async (seed) => {
    const { server, cartesia, voice, ear, clock } = await setup({ concurrency: 3 })
    const random = randomFrom(seed)
    server.onSpeech = unreliable(random)
    const running = new Set<AbortController>()
    const outcomes = new Map<string, number>()

    /** A turn that is spoken, or a guest that is listened to. */
    async function run(begin: (signal: AbortSignal) => Promise<void>): Promise<void> {
      const abort = new AbortController()
      if (random() < 0.2) clock.after(random() * 2000, () => abort.abort(left))
      running.add(abort)
      const outcome = await begin(abort.signal).then(
        () => 'ok',
        (error: unknown) => {
          if (error === left) return 'left'
          if (error instanceof VoiceError) return error.code
          throw error
        },
      )
      running.delete(abort)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }

    async function speak(signal: AbortSignal): Promise<void> {
      const pauses = Array.from({ length: 3 }, () => (random() < 0.3 ? random() * 3000 : 0))
      const sentences = (async function* () {
        for (const [at, pauseMs] of pauses.entries()) {
          if (pauseMs > 0) await new Promise<void>((resolve) => clock.after(pauseMs, resolve))
          yield `Sentence number ${at}.`
        }
      })()
      let before = { sentence: 0, endMs: 0 }
      for (const event of await all(voice.speak({ sentences, voice: null, speed: 1 }, signal))) {
        if (event.type !== 'audio') continue
        expect(event.sentence).toBeGreaterThanOrEqual(before.sentence)
        expect(event.startMs).toBeCloseTo(before.endMs)
        before = { sentence: event.sentence, endMs: event.startMs + event.audio.byteLength / 48 }
      }
    }

    async function listen(signal: AbortSignal): Promise<void> {
      server.hears('one mojito please')
      const audio = (async function* () {
        for (let second = 0; second < 5; second++) yield tone(100, 16_000)
      })()
      await all(ear.listen({ audio, mode: random() < 0.5 ? 'hands-free' : 'push-to-talk' }, signal))
    }

    const turns = Array.from({ length: 40 }, (_, at) => run(at % 4 === 3 ? listen : speak))
    const over = Promise.all(turns)
    for (let step = 0; running.size > 0; step++) {
      if (step > 5000) throw new Error(`${running.size} turns do not end.`)
      await settle()
      clock.advance(25)
    }
    await over
    expect(outcomes.get('ok')).toBeGreaterThan(10)
    await cartesia.close()
    // What is left are guests that wanted to leave, and sentences that nobody waits for any more.
    clock.advance(10_000)
  },
)
