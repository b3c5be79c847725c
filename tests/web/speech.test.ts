// Maya's voice and its interruptions, with everything but the document, against a server in memory.
import { describe, expect, it } from 'vitest'
import { FakeBrowser, FakeStorage, shown } from './fake-browser.ts'
import { settled } from './fake-server.ts'

const chunk = (content: string) => ({ type: 'text_chunk', content }) as const
const sound = (index: number) =>
  ({ type: 'audio_chunk', index, audio: '', sample_rate: 16_000, start_ms: 0 }) as const

/** Maya has begun to speak, and the guest has heard six characters. */
async function speaking() {
  const browser = new FakeBrowser()
  browser.server.speaks = true
  const { bar, speaker } = await browser.open()
  bar.send('Tell me of gin')
  await settled()
  await browser.server.tell('turn-1', chunk('Gin is made of juniper.'), sound(0))
  speaker.heardCharacters = 6
  return { browser, bar, speaker }
}

describe('an interruption', () => {
  it('by another message stops the answer, tells what was heard, and then says it', async () => {
    const { browser, bar, speaker } = await speaking()
    expect(speaker.played).toEqual(['begin turn-1', 'sound 0'])
    bar.send('A beer, please')
    await settled()
    const [stop] = browser.server.askedOf('/chat/stop')
    expect(stop?.body).toEqual({ turn_id: 'turn-1', heard_characters: 6 })
    await browser.server.finish('turn-2')
    expect(shown(bar)).toEqual([
      'guest: Tell me of gin',
      'maya: Gin is [Interrupted.]',
      'guest: A beer, please',
      'maya: ',
    ])
    const order = browser.server.asked.map(({ path }) => path).filter((path) => path.startsWith('/chat/st'))
    expect(order).toEqual(['/chat/stream', '/chat/stop', '/chat/stream'])
  })

  it('by the first letter stops the voice and the answer', async () => {
    const { browser, bar, speaker } = await speaking()
    bar.chat.bargeIn()
    await settled()
    expect(speaker.status.value).toBe('silent')
    expect(shown(bar)).toEqual(['guest: Tell me of gin', 'maya: Gin is [Interrupted.]'])
    bar.chat.bargeIn()
    bar.chat.stop()
    await settled()
    expect(browser.server.askedOf('/chat/stop')).toHaveLength(1)
  })

  it('of a voice whose text was there already cuts what is shown and what is kept', async () => {
    const { browser, bar } = await speaking()
    await browser.server.finish('turn-1')
    bar.chat.bargeIn()
    await settled()
    await bar.visit.refresh()
    expect(shown(bar)).toEqual(['guest: Tell me of gin', 'maya: Gin is [Interrupted.]'])
    expect(browser.server.turn('turn-1').content).toBe('Gin is')
  })

  it('is told to the server before the next message, however long that takes', async () => {
    const { browser, bar } = await speaking()
    await browser.server.finish('turn-1')
    const held = Promise.withResolvers<void>()
    browser.server.holds.set('/chat/stop', held.promise)
    bar.send('A beer, please')
    await settled()
    expect(browser.server.askedOf('/chat/stream')).toHaveLength(1)
    held.resolve()
    await settled()
    expect(browser.server.askedOf('/chat/stream')).toHaveLength(2)
  })

  it('is none when Maya is silent: letters stop nothing', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    bar.send('Hello')
    await settled()
    bar.chat.bargeIn()
    await settled()
    expect(browser.server.askedOf('/chat/stop')).toEqual([])
  })

  it('by the stop button ends an answer without a voice', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    bar.send('Hello')
    await settled()
    await browser.server.tell('turn-1', chunk('Good eve'))
    bar.chat.stop()
    await settled()
    expect(shown(bar)).toEqual(['guest: Hello', 'maya: Good eve [Stopped.]'])
    expect(browser.server.askedOf('/chat/stop')[0]?.body).toEqual({ turn_id: 'turn-1' })
  })

  it('by the stop button before the server has answered comes when it has', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    const held = Promise.withResolvers<void>()
    browser.server.holds.set('/chat/stream', held.promise)
    bar.send('Hello')
    await settled()
    bar.chat.stop()
    held.resolve()
    await settled()
    expect(browser.server.askedOf('/chat/stop')[0]?.body).toEqual({ turn_id: 'turn-1' })
    expect(shown(bar)).toEqual(['guest: Hello', 'maya:  [Stopped.]'])
  })

  it('is not what switching the voice off is: the answer goes on', async () => {
    const { browser, bar, speaker } = await speaking()
    bar.toggleVoice()
    await browser.server.tell('turn-1', chunk(' And more.'), sound(1))
    await browser.server.finish('turn-1')
    expect(shown(bar)).toEqual(['guest: Tell me of gin', 'maya: Gin is made of juniper. And more.'])
    expect(speaker.played).toEqual(['begin turn-1', 'sound 0'])
    expect(browser.server.askedOf('/chat/stop')).toEqual([])
    bar.send('Hello')
    await settled()
    expect(browser.server.askedOf('/chat/stream').at(-1)?.body).toEqual({ user_input: 'Hello' })
  })
})

describe('the voice', () => {
  it('is given the sentences too, by which it knows how far a guest has come', async () => {
    const { browser, speaker } = await speaking()
    await browser.server.tell('turn-1', { type: 'sentence', content: ' And more.', index: 1 })
    expect(speaker.played).toEqual(['begin turn-1', 'sound 0', 'sentence 1'])
  })

  it('does not take the loudspeaker of a guest who has switched it off', async () => {
    const { bar, speaker } = await new FakeBrowser().open()
    bar.speech.unlock()
    bar.toggleVoice()
    bar.speech.unlock()
    expect(speaker.played).toEqual(['unlock'])
  })

  it('falls silent in a tab whose guest goes on in another one', async () => {
    const { browser, bar, speaker } = await speaking()
    await browser.server.finish('turn-1')
    const other = await browser.open()
    other.bar.send('A beer, please')
    await settled()
    expect(speaker.status.value).toBe('silent')
    expect(shown(bar).at(1)).toBe('maya: Gin is [Interrupted.]')
    const [stop] = browser.server.askedOf('/chat/stop')
    expect(stop?.body).toEqual({ turn_id: 'turn-1', heard_characters: 6 })
  })

  it('is asked for with the voice and the speed that the guest has chosen', async () => {
    const browser = new FakeBrowser()
    browser.server.speaks = true
    const { bar } = await browser.open()
    bar.settings.change({ voiceId: 'slt', speed: 1.2 })
    bar.send('Hello')
    await settled()
    const [request] = browser.server.askedOf('/chat/stream')
    const body = { user_input: 'Hello', voice: true, voice_id: 'slt', voice_speed: 1.2 }
    expect(request?.body).toEqual(body)
  })

  it('speaks only in the tab that asked for it, and not again after a reload', async () => {
    const browser = new FakeBrowser()
    browser.server.speaks = true
    const storage = new FakeStorage()
    const first = await browser.open(storage)
    const second = await browser.open()
    first.bar.send('Hello')
    await settled()
    first.close()
    const reloaded = await browser.open(storage)
    await browser.server.tell('turn-1', chunk('Hi.'), sound(0))
    await browser.server.finish('turn-1')
    expect(shown(reloaded.bar)).toEqual(['guest: Hello', 'maya: Hi.'])
    expect(first.speaker.played).toContain('begin turn-1')
    expect([second.speaker.played, reloaded.speaker.played]).toEqual([[], []])
  })

  it('that fails is told once, and the text is as it is', async () => {
    const browser = new FakeBrowser()
    browser.server.speaks = true
    const { bar } = await browser.open()
    bar.send('Hello')
    await settled()
    const message = 'Maya cannot speak just now.'
    await browser.server.tell('turn-1', { type: 'status', status: 'voice_failed', message }, chunk('Hi.'))
    await browser.server.finish('turn-1')
    expect(bar.notice.text.value).toBe(message)
    expect(shown(bar)).toEqual(['guest: Hello', 'maya: Hi.'])
  })
})
