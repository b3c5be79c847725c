import { describe, expect, it } from 'vitest'
import { createSpeaker, type Speaker } from '../../web/src/voice/speaker.ts'
import { FakeSoundBrowser, sound } from './fake-sound.ts'

function setup(overrides: Partial<Pick<FakeSoundBrowser, 'hadGesture' | 'mayRun' | 'isCalm'>> = {}) {
  const browser = Object.assign(new FakeSoundBrowser(), overrides)
  const speaker = createSpeaker(browser)
  speaker.begin('turn-1')
  return { browser, speaker }
}

interface SoundOptions {
  readonly durationMs?: number
  readonly index?: number
  readonly sampleRate?: number
}

function say(speaker: Speaker, startMs: number, options: SoundOptions = {}): void {
  const { durationMs = 100, index = 0, sampleRate = 16_000 } = options
  speaker.sound({ index, audio: sound(durationMs, sampleRate), sample_rate: sampleRate, start_ms: startMs })
}

function word(text: string, startMs: number, from: number) {
  return { text, start_ms: startMs, end_ms: startMs + 100, from, to: from + text.length }
}

/** "Hello, dear guest!", a word every 100 ms. */
function sayHello(speaker: Speaker): void {
  speaker.sentence({ index: 0, content: 'Hello, dear guest! ' })
  say(speaker, 0, { durationMs: 300 })
  const words = [word('Hello', 0, 0), word('dear', 100, 7), word('guest', 200, 12)]
  const phonemes = [
    { text: 'pau', start_ms: 0, end_ms: 50 },
    { text: 'ow', start_ms: 50, end_ms: 100 },
    { text: 'iy', start_ms: 100, end_ms: 300 },
  ]
  speaker.marks({ index: 0, words, phonemes })
}

describe('playing', () => {
  it('begins within 20 ms of the first chunk', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    expect(speaker.status.value).toBe('speaking')
    expect(browser.context.planned[0]?.startFrame).toBeLessThan(0.02 * 16_000)
  })

  it('begins 50 ms after it in a context that has only just begun to run, whose device wakes up', () => {
    const { browser, speaker } = setup()
    const create = browser.createContext.bind(browser)
    browser.createContext = (sampleRate) => Object.assign(create(sampleRate), { currentTime: 0.008 })
    say(speaker, 0)
    expect(browser.context.planned[0]?.source.startSeconds).toBeCloseTo(0.058)
  })

  it('plays at the sample rate of the sound, so that no chunk is resampled by itself', () => {
    const { browser, speaker } = setup()
    say(speaker, 0, { sampleRate: 24_000 })
    expect(browser.context.sampleRate).toBe(24_000)
  })

  it('takes another context for a voice with another sample rate', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    speaker.begin('turn-2')
    say(speaker, 0, { sampleRate: 24_000 })
    expect(browser.contexts.map(({ sampleRate, state }) => [sampleRate, state])).toEqual([
      [16_000, 'closed'],
      [24_000, 'running'],
    ])
  })

  it('keeps ahead of a device that takes much sound at once', () => {
    const { browser, speaker } = setup()
    speaker.unlock()
    Object.assign(browser.context, { baseLatency: 0.04 })
    say(speaker, 0)
    expect(browser.context.planned[0]?.startFrame).toBe(0.04 * 16_000)
  })

  it('puts every chunk on the sample behind the one before', () => {
    const { browser, speaker } = setup()
    // 33.3125 ms are 533 samples: times in milliseconds would round.
    for (let chunk = 0; chunk < 20; chunk++) say(speaker, chunk * 33.3125, { durationMs: 33.3125 })
    const { planned } = browser.context
    const gaps = planned.slice(1).map(({ startFrame }, place) => {
      const before = planned[place]
      return startFrame - ((before?.startFrame ?? 0) + (before?.samples.length ?? 0))
    })
    expect(planned).toHaveLength(20)
    expect(new Set(gaps)).toEqual(new Set([0]))
  })

  it('a late chunk is heard after a gap, never over the one before', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    browser.advance(500)
    say(speaker, 100)
    const second = browser.context.planned[1]
    expect(second?.startFrame).toBeGreaterThan(0.5 * 16_000)
  })

  it('the words follow the sound that came late', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    speaker.marks({ index: 0, words: [word('one', 0, 0), word('two', 100, 4)], phonemes: [] })
    browser.advance(500)
    say(speaker, 100)
    browser.advance(50)
    expect(speaker.word.value).not.toMatchObject({ from: 4 })
    browser.advance(80)
    expect(speaker.word.value).toEqual({ turnId: 'turn-1', from: 4, to: 7 })
  })

  it('a lost chunk leaves no silence, and the words stay with their sound', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    say(speaker, 1_000)
    speaker.marks({ index: 0, words: [word('one', 0, 0), word('nine', 1_000, 40)], phonemes: [] })
    browser.advance(130)
    expect(speaker.word.value).toMatchObject({ from: 40 })
  })

  it('sound that comes a second time is played once', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    say(speaker, 0)
    say(speaker, 50)
    const lengths = browser.context.planned.map(({ samples }) => samples.length)
    expect(lengths).toEqual([1_600, 800])
  })

  it('what is far ahead waits, and is planned while the rest plays', () => {
    const { browser, speaker } = setup()
    for (let second = 0; second < 30; second++) say(speaker, second * 1_000, { durationMs: 1_000 })
    expect(browser.context.sources.length).toBeLessThan(10)
    for (let second = 0; second < 31; second++) browser.advance(1_000)
    expect(browser.context.sources).toHaveLength(30)
    const starts = browser.context.planned.map(({ startFrame }) => startFrame - 192)
    expect(starts).toEqual(starts.map((_, second) => second * 16_000))
  })

  it('keeps at most three minutes of waiting sound', () => {
    const { browser, speaker } = setup({ mayRun: false })
    for (let second = 0; second < 200; second++) say(speaker, second * 1_000, { durationMs: 1_000 })
    browser.mayRun = true
    speaker.unlock()
    for (let second = 0; second < 210; second++) browser.advance(1_000)
    expect(browser.context.sources).toHaveLength(180)
  })

  it('ignores sound that is no sound', () => {
    const { browser, speaker } = setup()
    speaker.sound({ index: 0, audio: '*not base64*', sample_rate: 16_000, start_ms: 0 })
    speaker.sound({ index: 0, audio: '', sample_rate: 16_000, start_ms: 0 })
    expect(speaker.status.value).toBe('silent')
    expect(browser.contexts).toHaveLength(0)
  })
})

describe('the end', () => {
  it('falls silent when the last sound was played', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    speaker.end()
    browser.advance(50)
    expect(speaker.status.value).toBe('speaking')
    browser.advance(100)
    expect(speaker.status.value).toBe('silent')
    expect(speaker.stop()).toBeNull()
  })

  it('draws nothing more once it is silent', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    speaker.end()
    browser.advance(50)
    expect(browser.framesAsked).toBe(1)
    browser.advance(100)
    browser.advance(20)
    expect(browser.framesAsked).toBe(0)
  })

  it('a speech that pauses for long is silent until it goes on', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    browser.advance(4_000)
    expect(speaker.status.value).toBe('speaking')
    browser.advance(2_000)
    expect(speaker.status.value).toBe('silent')
    say(speaker, 100)
    expect(speaker.status.value).toBe('speaking')
  })

  it('gives the loudspeaker back after two minutes without speech', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    speaker.end()
    browser.advance(200)
    browser.advance(119_000)
    expect(browser.context.state).toBe('running')
    browser.advance(2_000)
    expect(browser.context.state).toBe('closed')
  })

  it('keeps the loudspeaker through a long speech', () => {
    const { browser, speaker } = setup()
    speaker.unlock()
    browser.advance(100_000)
    for (let second = 0; second < 40; second++) say(speaker, second * 1_000, { durationMs: 1_000 })
    for (let second = 0; second < 30; second++) browser.advance(1_000)
    expect(browser.contexts.map(({ state }) => state)).toEqual(['running'])
  })

  it('a new speech silences the one before', () => {
    const { browser, speaker } = setup()
    say(speaker, 0, { durationMs: 1_000 })
    browser.advance(100)
    speaker.begin('turn-2')
    expect(browser.context.planned[0]?.source.stopSeconds).toBeLessThan(1.15)
    say(speaker, 0)
    speaker.marks({ index: 0, words: [word('new', 0, 0)], phonemes: [] })
    browser.advance(50)
    expect(speaker.word.value).toMatchObject({ turnId: 'turn-2' })
  })
})

describe('stop', () => {
  it('is silence within 50 ms, without a click', () => {
    const { browser, speaker } = setup()
    say(speaker, 0, { durationMs: 1_000 })
    say(speaker, 1_000, { durationMs: 1_000 })
    browser.advance(100)
    speaker.stop()
    const [gain] = browser.context.gains
    expect(gain?.steps.at(0)).toEqual({ value: 1, seconds: 1.1 })
    expect(gain?.steps.at(-1)?.value).toBe(0)
    expect(gain?.steps.at(-1)?.seconds).toBeLessThan(1.15)
    for (const { source } of browser.context.planned) expect(source.stopSeconds).toBeLessThan(1.15)
    browser.advance(50)
    expect(gain?.targets.size).toBe(0)
    expect(speaker.status.value).toBe('silent')
    expect(speaker.mouth.value).toBe('rest')
    expect(speaker.word.value).toBeNull()
  })

  it.each([
    [30, ''],
    [80, 'Hello,'],
    [130, 'Hello,'],
    [180, 'Hello, dear'],
    [290, 'Hello, dear guest!'],
  ])('after %i ms the guest has heard "%s"', (durationMs, heard) => {
    const { browser, speaker } = setup()
    sayHello(speaker)
    browser.advance(durationMs)
    expect(speaker.stop()).toEqual({ turnId: 'turn-1', heardCharacters: heard.length })
  })

  it('is null where nothing was being spoken', () => {
    const { speaker } = setup()
    expect(speaker.stop()).toBeNull()
    speaker.begin('turn-2')
    expect(speaker.stop()).toBeNull()
  })

  it('is null where nothing could be heard: the guest has read it', () => {
    const { browser, speaker } = setup({ mayRun: false })
    sayHello(speaker)
    browser.advance(1_000)
    expect(speaker.stop()).toBeNull()
  })

  it('sound that comes after it stays silent', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    speaker.stop()
    say(speaker, 100)
    expect(browser.context.sources).toHaveLength(1)
    expect(speaker.status.value).toBe('silent')
  })
})

describe('the face', () => {
  it('shows the word and the mouth of what is heard', () => {
    const { browser, speaker } = setup()
    sayHello(speaker)
    browser.advance(80)
    expect(speaker.word.value).toEqual({ turnId: 'turn-1', from: 0, to: 5 })
    expect(speaker.mouth.value).toBe('round')
    browser.advance(100)
    expect(speaker.word.value).toEqual({ turnId: 'turn-1', from: 7, to: 11 })
    expect(speaker.mouth.value).toBe('wide')
  })

  it('counts from what comes out of the loudspeaker, not from what was given to it', () => {
    const { browser, speaker } = setup()
    sayHello(speaker)
    Object.assign(browser.context, { outputLatency: 0.1 })
    browser.advance(180)
    expect(speaker.word.value).toMatchObject({ from: 0 })
  })

  it('takes the exact time where the browser tells it', () => {
    const { browser, speaker } = setup()
    sayHello(speaker)
    const { context, clock } = browser
    const delaySeconds = 0.1
    Object.assign(context, {
      getOutputTimestamp: () => ({
        contextTime: context.currentTime - delaySeconds - 0.06,
        performanceTime: clock.now() - 60,
      }),
    })
    browser.advance(250)
    expect(speaker.word.value).toMatchObject({ from: 7 })
  })

  it('stays calm where the guest prefers that', () => {
    const { browser, speaker } = setup({ isCalm: true })
    sayHello(speaker)
    browser.advance(80)
    expect(speaker.word.value).toMatchObject({ from: 0 })
    expect(speaker.mouth.value).toBe('rest')
  })

  it('rests while the sound is waited for', () => {
    const { browser, speaker } = setup()
    sayHello(speaker)
    browser.advance(200)
    expect(speaker.mouth.value).toBe('wide')
    browser.advance(200)
    expect(speaker.mouth.value).toBe('rest')
    expect(speaker.status.value).toBe('speaking')
  })
})

describe('a browser that wants a gesture first', () => {
  it('does not try before the first one, and says that there is sound', () => {
    const { browser, speaker } = setup({ hadGesture: false })
    say(speaker, 0)
    expect(speaker.status.value).toBe('blocked')
    expect(browser.contexts).toHaveLength(0)
  })

  it('plays from the beginning after it', () => {
    const { browser, speaker } = setup({ hadGesture: false })
    sayHello(speaker)
    speaker.end()
    browser.advance(5_000)
    browser.hadGesture = true
    speaker.unlock()
    expect(speaker.status.value).toBe('speaking')
    browser.advance(80)
    expect(speaker.word.value).toMatchObject({ from: 0 })
  })

  it('skips what is older than 20 seconds, and speaks what comes then', () => {
    const { browser, speaker } = setup({ hadGesture: false })
    say(speaker, 0)
    browser.advance(21_000)
    expect(speaker.status.value).toBe('silent')
    browser.hadGesture = true
    speaker.unlock()
    expect(speaker.status.value).toBe('silent')
    say(speaker, 100)
    expect(speaker.status.value).toBe('speaking')
    expect(browser.context.sources).toHaveLength(1)
  })

  it('is not called blocked in the moment that a context takes to start', () => {
    const { browser, speaker } = setup({ mayRun: false })
    say(speaker, 0)
    browser.advance(100)
    expect(speaker.status.value).toBe('silent')
    browser.context.become('running')
    expect(speaker.status.value).toBe('speaking')
  })

  it('is called blocked when it does not start', () => {
    const { browser, speaker } = setup({ mayRun: false })
    say(speaker, 0)
    browser.advance(600)
    expect(speaker.status.value).toBe('blocked')
  })

  it('a gesture before there is anything to say opens the way, and the way is closed again', () => {
    const browser = new FakeSoundBrowser()
    const speaker = createSpeaker(browser)
    speaker.unlock()
    speaker.unlock()
    expect(browser.contexts).toHaveLength(1)
    browser.advance(121_000)
    expect(browser.context.state).toBe('closed')
  })
})

describe('an interruption', () => {
  it('by a phone call goes on where it was', () => {
    const { browser, speaker } = setup()
    sayHello(speaker)
    browser.advance(80)
    browser.mayRun = false
    browser.context.become('interrupted')
    browser.advance(3_000)
    expect(speaker.status.value).toBe('blocked')
    browser.context.become('running')
    expect(speaker.status.value).toBe('speaking')
    browser.advance(100)
    expect(speaker.word.value).toMatchObject({ from: 7 })
    expect(browser.context.sources).toHaveLength(1)
  })

  it('a speech that is stopped meanwhile is not heard again', () => {
    const { browser, speaker } = setup()
    sayHello(speaker)
    browser.advance(130)
    browser.mayRun = false
    browser.context.become('interrupted')
    expect(speaker.stop()).toEqual({ turnId: 'turn-1', heardCharacters: 'Hello,'.length })
    expect(browser.context.gains[0]?.targets.size).toBe(0)
  })

  it('by a lost device goes on in a new context with what was not played', () => {
    const { browser, speaker } = setup()
    say(speaker, 0)
    say(speaker, 100)
    browser.advance(130)
    browser.context.become('closed')
    expect(browser.contexts).toHaveLength(2)
    expect(browser.context.planned.map(({ samples }) => samples.length)).toEqual([1_600])
  })
})
