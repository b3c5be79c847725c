import { expect, it } from 'vitest'
import { Playback } from '../../web/src/voice/playback.ts'
import { FakeContext } from './fake-sound.ts'

const sampleRate = 16_000
const durationMs = 100

function setup() {
  const context = new FakeContext(sampleRate, () => true)
  const playback = new Playback(() => {})
  const play = (startMs: number) => {
    playback.add({
      samples: new Int16Array((durationMs / 1000) * sampleRate).fill(1000),
      sampleRate,
      startMs,
    })
    playback.play(context)
  }
  return { context, play }
}

it('a sound begins in the future, however long it took to prepare it', () => {
  const { context, play } = setup()
  const create = context.createBuffer.bind(context)
  context.createBuffer = (...sizes) => {
    context.currentTime += 0.05
    return create(...sizes)
  }
  play(0)
  expect(context.sources[0]?.startSeconds).toBeGreaterThan(context.currentTime)
})

it('a sound whose time has passed before it was told to begin is not overlapped by the next', () => {
  const { context, play } = setup()
  const create = context.createBufferSource.bind(context)
  context.createBufferSource = () => {
    const source = create()
    const start = source.start.bind(source)
    source.start = (when) => {
      start(when)
      if (context.sources.length === 1) context.currentTime += 0.1
    }
    return source
  }
  play(0)
  const beganSeconds = context.currentTime
  play(durationMs)
  expect(context.sources[1]?.startSeconds).toBeGreaterThanOrEqual(beganSeconds + durationMs / 1000)
  expect(context.sources[1]?.startSeconds).toBeLessThan(beganSeconds + durationMs / 1000 + 0.02)
})
