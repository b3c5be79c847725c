import { signal } from '@preact/signals'
import { expect } from 'vitest'
import { createListener } from '../../web/src/voice/listener.ts'
import { FakeListeningBrowser } from './fake-listening.ts'

export function setup({ listens = true, hasRecognition = false } = {}) {
  const browser = new FakeListeningBrowser()
  browser.hasRecognition = hasRecognition
  const told: string[] = []
  const isMayaSpeaking = signal(false)
  const listener = createListener(
    {
      listens: signal(listens),
      isMayaSpeaking,
      onSpeechStart: () => told.push('speech starts'),
      onFinal: (text) => told.push(text),
    },
    browser,
  )
  return { browser, listener, told, isMayaSpeaking }
}

/** Nothing of it is left: the microphone's light is off. */
export function expectOff({ browser, listener }: ReturnType<typeof setup>): void {
  expect(listener.status.value).toBe('off')
  expect(listener.partial.value).toBe('')
  expect(browser.microphonesOn).toBe(0)
  expect(browser.sockets.every(({ isClosed }) => isClosed)).toBe(true)
  expect(browser.clock.pending).toBe(0)
  expect(browser.visibilityListeners).toBe(0)
}
