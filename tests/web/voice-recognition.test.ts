import { describe, expect, it } from 'vitest'
import { expectOff, setup } from './listener-setup.ts'

describe('without a listening server', () => {
  it('and without recognition in the browser, it says why', async () => {
    const parts = setup({ listens: false })
    expect(parts.listener.isAvailable.value).toBe(false)
    await parts.listener.start('push_to_talk')
    expect(parts.listener.problem.value).toMatch(/^Maya cannot hear you here/)
    expectOff(parts)
  })

  it('the browser’s own recognition hears a message by push to talk', async () => {
    const parts = setup({ listens: false, hasRecognition: true })
    const { browser, listener, told } = parts
    expect(listener.isAvailable.value).toBe(true)
    await listener.start('push_to_talk')
    expect(browser.recognition.state).toBe('started')
    browser.recognition.emit('speechstart')
    expect(listener.status.value).toBe('hearing')
    browser.recognition.hear('two martinis.', 'and a wa')
    expect(listener.partial.value).toBe('two martinis and a wa')
    listener.finish()
    expect(listener.status.value).toBe('finishing')
    expect(browser.recognition.state).toBe('stopped')
    browser.recognition.emit('end')
    expect(told.at(-1)).toBe('two martinis and a wa')
    expectOff(parts)
  })

  it('hands-free, it gives message after message and starts again whenever it ends', async () => {
    const { browser, listener, told } = setup({ listens: false, hasRecognition: true })
    await listener.start('hands_free')
    browser.recognition.hear('a beer.')
    browser.clock.advance(5_000)
    browser.recognition.fail('no-speech')
    browser.recognition.emit('end')
    browser.clock.advance(250)
    expect(browser.recognitions).toHaveLength(2)
    browser.recognition.hear('and a water.')
    expect(told).toEqual(['speech starts', 'a beer', 'speech starts', 'and a water'])
    expect(listener.status.value).toBe('listening')
  })

  it('hands-free, it does not listen while Maya speaks', async () => {
    const { browser, listener, told, isMayaSpeaking } = setup({ listens: false, hasRecognition: true })
    await listener.start('hands_free')
    isMayaSpeaking.value = true
    expect(browser.recognition.state).toBe('aborted')
    browser.recognition.hear('welcome to the bar.')
    browser.recognition.emit('end')
    expect(told).toEqual([])
    isMayaSpeaking.value = false
    expect(browser.recognitions).toHaveLength(2)
    expect(browser.recognition.state).toBe('started')
  })

  it('hands-free, a pause of Maya starts one recognition and not two', async () => {
    const { browser, listener, isMayaSpeaking } = setup({ listens: false, hasRecognition: true })
    await listener.start('hands_free')
    browser.recognition.emit('end')
    isMayaSpeaking.value = true
    browser.clock.advance(250)
    expect(browser.recognitions).toHaveLength(1)
    isMayaSpeaking.value = false
    browser.recognition.emit('end')
    isMayaSpeaking.value = true
    isMayaSpeaking.value = false
    browser.clock.advance(250)
    expect(browser.recognitions).toHaveLength(3)
  })

  it('started while Maya speaks, it listens when she is silent', async () => {
    const { browser, listener, isMayaSpeaking } = setup({ listens: false, hasRecognition: true })
    isMayaSpeaking.value = true
    await listener.start('hands_free')
    expect(browser.recognitions).toHaveLength(0)
    isMayaSpeaking.value = false
    expect(browser.recognition.state).toBe('started')
  })

  it('one that ends again and again is given up', async () => {
    const parts = setup({ listens: false, hasRecognition: true })
    await parts.listener.start('hands_free')
    for (let time = 0; time < 20; time++) {
      parts.browser.recognition.emit('end')
      parts.browser.clock.advance(250)
    }
    expect(parts.browser.recognitions).toHaveLength(4)
    expect(parts.listener.problem.value).toMatch(/does not answer/)
    expectOff(parts)
  })

  it.each([
    ['not-allowed', /may not use the microphone/],
    ['audio-capture', /No microphone/],
    ['network', /does not answer/],
  ])('%s is a sentence', async (error, sentence) => {
    const parts = setup({ listens: false, hasRecognition: true })
    await parts.listener.start('hands_free')
    parts.browser.recognition.fail(error)
    expect(parts.listener.problem.value).toMatch(sentence)
    expectOff(parts)
  })

  it('stop ends it at once', async () => {
    const parts = setup({ listens: false, hasRecognition: true })
    await parts.listener.start('hands_free')
    parts.listener.stop()
    expect(parts.browser.recognition.state).toBe('aborted')
    parts.isMayaSpeaking.value = true
    parts.isMayaSpeaking.value = false
    expect(parts.browser.recognitions).toHaveLength(1)
    expectOff(parts)
  })
})
