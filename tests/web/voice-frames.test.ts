import { describe, expect, it } from 'vitest'
import { FrameMaker } from '../../web/src/voice/frame-maker.ts'
import { decodePcm, encodePcm } from '../../web/src/voice/pcm.ts'

const rates = [8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000]

/** What comes out for a second of a tone at half the loudest, given in blocks as the browser gives them. */
function framesOf(hertz: number, sampleRate: number, channels = 1): readonly Int16Array[] {
  const frames: Int16Array[] = []
  const maker = new FrameMaker(sampleRate, (frame) => frames.push(new Int16Array(frame)))
  for (let from = 0; from < sampleRate; from += 128) {
    const block = Float32Array.from(
      { length: 128 },
      (_, place) => 0.5 * Math.sin((2 * Math.PI * hertz * (from + place)) / sampleRate),
    )
    maker.push(Array.from({ length: channels }, () => block))
  }
  return frames
}

/** How loud, as the share of the loudest sine; the swinging-in of the filter apart. */
function loudness(frames: readonly Int16Array[]): number {
  const samples = frames.slice(1).flatMap((frame) => [...frame])
  const power = samples.reduce((sum, sample) => sum + (sample / 0x7fff) ** 2, 0) / samples.length
  return Math.sqrt(2 * power)
}

/** How often it swings in a second. */
function pitch(frames: readonly Int16Array[]): number {
  const samples = frames.slice(1).flatMap((frame) => [...frame])
  const rises = samples.filter((sample, place) => sample >= 0 && (samples[place - 1] ?? 0) < 0).length
  return (rises / samples.length) * 16_000
}

describe('frames for the server', () => {
  it.each(rates)('are 40 ms each, from %i Hz', (rate) => {
    const frames = framesOf(440, rate)
    expect(new Set(frames.map(({ length }) => length))).toEqual(new Set([640]))
    expect(frames.length).toBeGreaterThanOrEqual(24)
    expect(frames.length).toBeLessThanOrEqual(25)
  })

  it.each(rates)('keep a voice as it is, from %i Hz', (rate) => {
    const frames = framesOf(1_000, rate)
    expect(loudness(frames)).toBeCloseTo(0.5, 2)
    expect(Math.abs(pitch(frames) - 1_000)).toBeLessThan(5)
  })

  it.each(rates.filter((rate) => rate >= 44_100))(
    'hold no sound that would fold back, from %i Hz',
    (rate) => {
      for (const hertz of [9_000, 12_000, 15_000]) expect(loudness(framesOf(hertz, rate))).toBeLessThan(0.002)
    },
  )

  it('mix the channels to one', () => {
    expect(loudness(framesOf(1_000, 48_000, 2))).toBeCloseTo(0.5, 2)
  })
})

describe('samples', () => {
  it('go over the wire and back', () => {
    const bytes = new Uint8Array(encodePcm(Float32Array.of(0, 0.5, -0.5, 1, -1, 7, -7)))
    const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
    expect([...decodePcm(base64)]).toEqual([0, 16_384, -16_383, 32_767, -32_767, 32_767, -32_767])
  })

  it('an odd byte at the end is no sample', () => {
    expect([...decodePcm(btoa('\u0001\u0000\u0001'))]).toEqual([1])
  })
})
