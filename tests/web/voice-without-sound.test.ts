import { describe, expect, it } from 'vitest'
import { createSpeaker } from '../../web/src/voice/speaker.ts'
import { FakeSoundBrowser, sound } from './fake-sound.ts'

function setup() {
  const browser = new FakeSoundBrowser()
  browser.hasSound = false
  const speaker = createSpeaker(browser)
  speaker.begin('turn-1')
  const say = (): void => speaker.sound({ index: 0, audio: sound(100), sample_rate: 16_000, start_ms: 0 })
  return { browser, speaker, say }
}

describe('a browser without sound', () => {
  it('leaves Maya silent, and her text untouched', () => {
    const { browser, speaker, say } = setup()
    speaker.unlock()
    say()
    browser.advance(1_000)
    expect(speaker.status.value).toBe('silent')
    speaker.end()
    expect(speaker.stop()).toBe(null)
  })

  it('is asked again with the next gesture', () => {
    const { browser, speaker, say } = setup()
    say()
    browser.hasSound = true
    speaker.unlock()
    expect(speaker.status.value).toBe('speaking')
  })
})
