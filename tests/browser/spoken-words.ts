import { writeFileSync } from 'node:fs'
import { systemClock } from '../../src/clock.ts'
import { limits } from '../../src/config/limits.ts'
import { createEmbeddedVoice } from '../../src/voice/providers/embedded.ts'
import { waveFile } from './wave-file.ts'

const sampleRate = 16_000
/** Loudness is compared in steps of this length. */
const stepSamples = sampleRate / 25

/** A sentence as the embedded voice says it, in the samples that the server wants to hear. */
export async function synthesise(sentence: string): Promise<Int16Array> {
  const voice = createEmbeddedVoice({ voice: 'slt', clock: systemClock, limits })
  async function* sentences(): AsyncGenerator<string> {
    yield sentence
  }
  const sounds: Buffer[] = []
  const request = { sentences: sentences(), voice: null, speed: 1 }
  for await (const event of voice.speak(request, new AbortController().signal)) {
    if (event.type === 'audio') sounds.push(event.audio)
  }
  await voice.close()
  return samplesOf(Buffer.concat(sounds))
}

export function samplesOf(sound: Buffer): Int16Array {
  return new Int16Array(Uint8Array.from(sound).buffer)
}

/** What a microphone hears of somebody who begins to speak after some seconds and then says nothing more. */
export function writeRecording(file: string, samples: Int16Array, silentSeconds: number): void {
  const before = Buffer.alloc(silentSeconds * sampleRate * 2)
  const sound = Buffer.concat([before, Buffer.from(samples.buffer), Buffer.alloc(sampleRate)])
  writeFileSync(file, waveFile(sound, sampleRate))
}

/**
 * How much the rise and fall of a sound is that of another somewhere within it: 1 is the same, 0 has nothing to do
 * with it. The browser makes a voice louder and takes noise away; its syllables stay where they were.
 */
export function likeness(heard: Int16Array, said: Int16Array): number {
  const [within, pattern] = [loudnesses(heard), loudnesses(said)]
  const places = Math.max(0, within.length - pattern.length) + 1
  const likenesses = Array.from({ length: places }, (_, place) =>
    correlation(within.slice(place, place + pattern.length), pattern),
  )
  return Math.max(...likenesses)
}

function loudnesses(samples: Int16Array): readonly number[] {
  return Array.from({ length: Math.floor(samples.length / stepSamples) }, (_, step) => {
    const part = samples.subarray(step * stepSamples, (step + 1) * stepSamples)
    return Math.sqrt(part.reduce((squares, sample) => squares + sample ** 2, 0) / stepSamples)
  })
}

function correlation(one: readonly number[], other: readonly number[]): number {
  const [left, right] = [fromMean(one), fromMean(other)]
  return products(left, right) / Math.sqrt(products(left, left) * products(right, right))
}

function fromMean(values: readonly number[]): readonly number[] {
  const mean = sum(values) / values.length
  return values.map((value) => value - mean)
}

function products(one: readonly number[], other: readonly number[]): number {
  return sum(one.map((value, place) => value * (other[place] ?? 0)))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
