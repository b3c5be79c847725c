import { describe, expect, it } from 'vitest'
import { SpeechTimeline } from '../../web/src/voice/speech-timeline.ts'

describe('which moment of a speech is heard', () => {
  it('none before its beginning', () => {
    const timeline = new SpeechTimeline()
    timeline.add({ playsFromMs: 1_000, startMs: 0, durationMs: 100 })
    expect(timeline.at(999)).toBeNull()
    expect(timeline.at(1_000)).toEqual({ speechMs: 0, isSounding: true })
  })

  it('a gap is silent, also where what is lost is as long as what is late', () => {
    const timeline = new SpeechTimeline()
    timeline.add({ playsFromMs: 0, startMs: 0, durationMs: 100 })
    timeline.add({ playsFromMs: 300, startMs: 300, durationMs: 100 })
    expect(timeline.at(200)?.isSounding).toBe(false)
    expect(timeline.at(350)).toEqual({ speechMs: 350, isSounding: true })
  })

  it('follows the sound after what was late and what was lost', () => {
    const timeline = new SpeechTimeline()
    timeline.add({ playsFromMs: 0, startMs: 0, durationMs: 100 })
    timeline.add({ playsFromMs: 500, startMs: 100, durationMs: 100 })
    timeline.add({ playsFromMs: 600, startMs: 1_000, durationMs: 100 })
    expect([50, 550, 650].map((clockMs) => timeline.at(clockMs)?.speechMs)).toEqual([50, 150, 1_050])
  })

  it('keeps only the last of very many gaps', () => {
    const timeline = new SpeechTimeline()
    for (let gap = 0; gap < 1_000; gap++) {
      timeline.add({ playsFromMs: gap * 200, startMs: gap * 100, durationMs: 100 })
    }
    expect(timeline.at(0)).toBeNull()
    expect(timeline.at(999 * 200)).toMatchObject({ speechMs: 99_900 })
  })
})
