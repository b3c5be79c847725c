import { describe, expect, it } from 'vitest'
import type { ListenMode } from '../../web/src/voice/listener.ts'
import { MicrophoneError } from '../../web/src/voice/microphone.ts'
import { expectOff, setup } from './listener-setup.ts'

/** A listener whose server is ready. */
async function listening(mode: ListenMode) {
  const parts = setup()
  await parts.listener.start(mode)
  parts.browser.socket.say({ type: 'ready' })
  parts.told.length = 0
  return parts
}

const end = JSON.stringify({ type: 'end' })

describe('push to talk', () => {
  it('gives what was said when the button is let go, and switches the microphone off', async () => {
    const parts = await listening('push_to_talk')
    const { browser, listener, told } = parts
    expect(browser.socket.mode).toBe('push_to_talk')
    browser.hear(1, 2)
    browser.socket.say({ type: 'speech_start' })
    expect(listener.status.value).toBe('hearing')
    browser.socket.say({ type: 'partial', text: 'two mar' })
    expect(listener.partial.value).toBe('two mar')
    listener.finish()
    expect(listener.status.value).toBe('finishing')
    browser.hear(3)
    browser.clock.advance(200)
    expect(browser.microphonesOn).toBe(0)
    browser.hear(4)
    expect(browser.socket.frames).toEqual([1, 2, 3])
    expect(browser.socket.texts).toEqual([end])
    browser.socket.say({ type: 'final', text: ' two martinis ' })
    expect(told).toEqual(['speech starts', 'two martinis'])
    expect(listener.problem.value).toBeNull()
    expectOff(parts)
  })

  it('silences Maya before the microphone opens', async () => {
    const { listener, told, browser } = setup()
    browser.permission = new Promise(() => {})
    void listener.start('push_to_talk')
    expect(told).toEqual(['speech starts'])
    expect(listener.status.value).toBe('starting')
  })

  it('sends what was said before the server was ready', async () => {
    const { browser, listener } = setup()
    await listener.start('push_to_talk')
    expect(listener.status.value).toBe('listening')
    browser.hear(1, 2, 3)
    listener.finish()
    browser.clock.advance(200)
    expect(browser.socket.sent).toEqual([])
    browser.socket.say({ type: 'ready' })
    expect(browser.socket.frames).toEqual([1, 2, 3])
    expect(browser.socket.sent.at(-1)).toBe(end)
  })

  it('closes a connection that is still being opened as soon as it is open', async () => {
    const { browser, listener } = setup()
    await listener.start('push_to_talk')
    const open = browser.socket.openSlowly()
    listener.stop()
    expect(browser.socket.isClosed).toBe(false)
    open()
    expect(browser.socket.isClosed).toBe(true)
  })

  it('says so when nothing was heard', async () => {
    const parts = await listening('push_to_talk')
    parts.listener.finish()
    parts.browser.clock.advance(200)
    parts.browser.socket.say({ type: 'final', text: ' ' })
    expect(parts.told).toEqual([])
    expect(parts.listener.problem.value).toBe('I did not catch that. Please try again.')
    expectOff(parts)
  })

  it('does not wait for the words for ever', async () => {
    const parts = await listening('push_to_talk')
    parts.listener.finish()
    parts.browser.clock.advance(200 + 8_000)
    expect(parts.listener.problem.value).toMatch(/took too long/)
    expectOff(parts)
  })

  it('a button let go before the microphone was allowed says nothing', async () => {
    const parts = setup()
    const allowed = Promise.withResolvers<void>()
    parts.browser.permission = allowed.promise
    const started = parts.listener.start('push_to_talk')
    parts.listener.finish()
    expect(parts.listener.status.value).toBe('off')
    allowed.resolve()
    await started
    expect(parts.browser.sockets).toHaveLength(0)
    expect(parts.listener.problem.value).toBeNull()
    expectOff(parts)
  })

  it('ends by itself after a minute', async () => {
    const { browser, listener } = await listening('push_to_talk')
    browser.clock.advance(60_000)
    expect(listener.status.value).toBe('finishing')
  })

  it('ends when the page is left, as nobody lets the button go there', async () => {
    const { browser, listener } = await listening('push_to_talk')
    browser.show(false)
    expect(listener.status.value).toBe('finishing')
  })

  it('does not connect again: what was said is lost', async () => {
    const parts = await listening('push_to_talk')
    parts.browser.socket.drop()
    expect(parts.listener.problem.value).toMatch(/cannot listen right now/)
    expect(parts.browser.sockets).toHaveLength(1)
    expectOff(parts)
  })
})

describe('hands-free', () => {
  it('gives one message after the other', async () => {
    const { browser, listener, told } = await listening('hands_free')
    for (const text of ['a beer', '', 'and a water']) {
      browser.socket.say({ type: 'speech_start' })
      browser.socket.say({ type: 'partial', text })
      browser.socket.say({ type: 'final', text })
      expect(listener.status.value).toBe('listening')
      expect(listener.partial.value).toBe('')
    }
    expect(told).toEqual(['speech starts', 'a beer', 'speech starts', 'speech starts', 'and a water'])
    expect(browser.microphonesOn).toBe(1)
  })

  it('the first words are the begin of speech where the server did not tell it', async () => {
    const { browser, told } = await listening('hands_free')
    browser.socket.say({ type: 'partial', text: '' })
    expect(told).toEqual([])
    browser.socket.say({ type: 'partial', text: 'a' })
    browser.socket.say({ type: 'partial', text: 'a beer' })
    expect(told).toEqual(['speech starts'])
  })

  it('connects again with longer and longer pauses, and loses no sound of a short one', async () => {
    const { browser, listener } = await listening('hands_free')
    browser.clock.advance(20_000)
    browser.socket.say({ type: 'partial', text: 'a be' })
    browser.socket.drop()
    expect(listener.status.value).toBe('listening')
    expect(listener.partial.value).toBe('')
    browser.hear(1, 2)
    browser.clock.advance(499)
    expect(browser.sockets).toHaveLength(1)
    browser.clock.advance(1)
    expect(browser.sockets).toHaveLength(2)
    browser.socket.drop()
    browser.clock.advance(999)
    expect(browser.sockets).toHaveLength(2)
    browser.clock.advance(1)
    browser.socket.say({ type: 'ready' })
    expect(browser.socket.frames).toEqual([1, 2])
  })

  it('does not listen to a connection that it has given up', async () => {
    const { browser, listener, told } = setup()
    await listener.start('hands_free')
    const { socket } = browser
    browser.clock.advance(5_000)
    expect(socket.isClosed).toBe(true)
    socket.say({ type: 'ready' })
    socket.say({ type: 'final', text: 'out of the past' })
    browser.hear(1)
    expect(told).toEqual([])
    expect(socket.sent).toEqual([])
  })

  it.each(['a refusal', 'silence', 'a ready that does not last'])(
    'gives up after six times %s',
    async (how) => {
      const parts = setup()
      await parts.listener.start('hands_free')
      for (let time = 0; time < 20 && parts.listener.status.value !== 'off'; time++) {
        if (how === 'a ready that does not last') parts.browser.socket.say({ type: 'ready' })
        if (how !== 'silence') parts.browser.socket.drop()
        parts.browser.clock.advance(8_000)
      }
      expect(parts.browser.sockets).toHaveLength(6)
      expect(parts.listener.problem.value).toMatch(/cannot listen right now/)
      expectOff(parts)
    },
  )

  it('keeps the last six seconds of sound for the next connection', async () => {
    const { browser } = await listening('hands_free')
    browser.socket.drop()
    for (let frame = 0; frame < 300; frame++) browser.hear(frame % 256)
    browser.clock.advance(2_000)
    browser.socket.say({ type: 'ready' })
    expect(browser.socket.frames).toHaveLength(150)
    expect(browser.socket.frames.at(-1)).toBe(299 % 256)
  })

  it('a busy server is asked again, and its reason told in the end', async () => {
    const { browser, listener } = setup()
    await listener.start('hands_free')
    const busy = { type: 'error', code: 'VOICE_BUSY', message: 'All ears are taken.', retryable: true }
    for (let time = 0; time < 6; time++) {
      browser.socket.say(busy)
      browser.clock.advance(8_000)
    }
    expect(browser.sockets).toHaveLength(6)
    expect(listener.problem.value).toBe('All ears are taken.')
  })

  it('an error that no retry can help ends it at once', async () => {
    const parts = await listening('hands_free')
    const error = { type: 'error', code: 'KEY_REJECTED', message: 'Your key is wrong.', retryable: false }
    parts.browser.socket.say(error)
    expect(parts.listener.problem.value).toBe('Your key is wrong.')
    expectOff(parts)
  })

  it('a network that does not keep up ends it', async () => {
    const parts = await listening('hands_free')
    parts.browser.socket.bufferedAmount = 600_000
    parts.browser.hear(1)
    expect(parts.listener.problem.value).toMatch(/too slow/)
    expectOff(parts)
  })

  it('is switched off when the page is hidden for two minutes, and not before', async () => {
    const parts = await listening('hands_free')
    const { browser, listener } = parts
    browser.show(false)
    browser.clock.advance(119_000)
    browser.show(true)
    browser.clock.advance(119_000)
    expect(listener.status.value).toBe('listening')
    browser.show(false)
    browser.clock.advance(120_000)
    expect(listener.problem.value).toMatch(/background/)
    expectOff(parts)
  })

  it('ignores what it does not understand', async () => {
    const { browser, listener, told } = await listening('hands_free')
    for (const message of [
      '',
      'null',
      '[1]',
      '{"type":"mood"}',
      '{"type":"final"}',
      '{"type":"final","text":7}',
    ]) {
      browser.socket.say(message)
    }
    expect(told).toEqual([])
    expect(listener.status.value).toBe('listening')
  })

  it('finish is the end of it, with the last words', async () => {
    const parts = await listening('hands_free')
    parts.listener.finish()
    parts.browser.clock.advance(200)
    expect(parts.browser.socket.texts).toEqual([end])
    parts.browser.socket.say({ type: 'final', text: 'bye' })
    expect(parts.told).toEqual(['bye'])
    expectOff(parts)
  })
})

describe('the microphone', () => {
  it('that is refused is a sentence, and no connection is opened', async () => {
    const parts = setup()
    parts.browser.permission = Promise.reject(new MicrophoneError('Maya may not use the microphone.'))
    await parts.listener.start('hands_free')
    expect(parts.listener.problem.value).toBe('Maya may not use the microphone.')
    expect(parts.browser.sockets).toHaveLength(0)
    expectOff(parts)
  })

  it('that is unplugged ends the listening', async () => {
    const parts = await listening('hands_free')
    parts.browser.unplug()
    expect(parts.listener.problem.value).toBe('The microphone was taken away.')
    expectOff(parts)
  })

  it('is off as soon as the guest stops, and nothing follows', async () => {
    const parts = await listening('hands_free')
    const { browser, listener, told } = parts
    const { socket } = browser
    listener.stop()
    expectOff(parts)
    socket.say({ type: 'final', text: 'too late' })
    socket.drop()
    expect(told).toEqual([])
    expect(listener.problem.value).toBeNull()
    expectOff(parts)
  })

  it('that is allowed after the guest stopped is not switched on', async () => {
    const parts = setup()
    const allowed = Promise.withResolvers<void>()
    parts.browser.permission = allowed.promise
    const started = parts.listener.start('hands_free')
    parts.listener.stop()
    allowed.resolve()
    await started
    expect(parts.browser.sockets).toHaveLength(0)
    expectOff(parts)
  })

  it('that opens while the guest stops is off again', async () => {
    const parts = setup()
    parts.browser.onOpened = () => parts.listener.stop()
    await parts.listener.start('hands_free')
    expect(parts.browser.sockets).toHaveLength(0)
    expectOff(parts)
  })

  it('is opened once when the guest changes from one way to the other', async () => {
    const { browser, listener } = await listening('hands_free')
    await listener.start('push_to_talk')
    expect(browser.microphonesOn).toBe(1)
    expect(browser.sockets.map(({ isClosed }) => isClosed)).toEqual([true, false])
    expect(listener.status.value).toBe('listening')
  })
})
