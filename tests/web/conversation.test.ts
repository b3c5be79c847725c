// The conversation of the page, with everything but the document, against a server in memory.
import { describe, expect, it } from 'vitest'
import { waitingMax } from '../../web/src/state/outbox.ts'
import { FakeBrowser, FakeStorage, shown } from './fake-browser.ts'
import { settled } from './fake-server.ts'

const chunk = (content: string) => ({ type: 'text_chunk', content }) as const

describe('a message', () => {
  it('is answered while its text comes, and announced once as a whole', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    expect(bar.send(' Two martinis ')).toBe(true)
    await settled()
    expect(shown(bar)).toEqual(['guest: Two martinis', 'maya: …'])
    await browser.server.tell('turn-1', chunk('Right '), chunk('away.'))
    expect(shown(bar)).toEqual(['guest: Two martinis', 'maya: Right away.…'])
    expect(bar.announcement.value).toBe('')
    await browser.server.finish('turn-1')
    expect(shown(bar)).toEqual(['guest: Two martinis', 'maya: Right away.'])
    expect(bar.announcement.value).toBe('Maya: Right away.')
    expect(bar.chat.isAnswering.value).toBe(false)
  })

  it('is announced without the marks of Markdown', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    bar.send('The menu, please')
    await settled()
    await browser.server.tell('turn-1', chunk('Here:\n\n- **Beer**: $5.00\n- [Gin](https://gin.example)'))
    await browser.server.finish('turn-1')
    expect(bar.announcement.value).toBe('Maya: Here: Beer: $5.00 Gin')
  })

  it('is not there when there is nothing to say', async () => {
    const { bar } = await new FakeBrowser().open()
    expect(bar.send('  ')).toBe(false)
    expect(shown(bar)).toEqual([])
  })

  it('that is said before the page has found its session is sent when it has', async () => {
    const browser = new FakeBrowser()
    const held = Promise.withResolvers<void>()
    browser.server.holds.set('/session/status', held.promise)
    const { bar } = await browser.open()
    bar.send('One beer')
    await settled()
    expect(shown(bar)).toEqual(['guest: One beer', 'maya: …'])
    expect(browser.server.turns).toEqual([])
    held.resolve()
    await settled()
    await browser.server.tell('turn-1', chunk('Cheers.'))
    expect(shown(bar)).toEqual(['guest: One beer', 'maya: Cheers.…'])
    expect(browser.server.turns).toHaveLength(1)
  })

  it('goes on after a connection that broke, from the last event, without a repeat', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    bar.send('Hello')
    await settled()
    await browser.server.tell('turn-1', chunk('Good '))
    await browser.server.breakStreams()
    expect(bar.notice.text.value).toBe('The connection is lost.')
    browser.server.turn('turn-1').events.push(chunk('even'))
    browser.server.turn('turn-1').content += 'even'
    await browser.clock.advanceAsync(500)
    await settled()
    await browser.server.tell('turn-1', chunk('ing.'))
    await browser.server.finish('turn-1')
    expect(shown(bar)).toEqual(['guest: Hello', 'maya: Good evening.'])
    expect(bar.notice.text.value).toBe('')
    const [first, second] = browser.server.askedOf('/chat/stream')
    expect(second?.headers.get('last-event-id')).toBe('turn-1:1')
    expect(second?.headers.get('idempotency-key')).toBe(first?.headers.get('idempotency-key'))
  })

  it('waits while there is no network, and all of them are sent once and in order', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    browser.server.isDown = true
    bar.send('One beer')
    bar.send('One wine')
    await settled()
    expect(bar.pageState.value).toEqual({ mood: 'offline', line: 'Offline' })
    expect(shown(bar)).toEqual(['guest: One beer', 'maya: …', 'guest: One wine', 'maya: …'])
    await browser.clock.advanceAsync(60_000)
    await browser.comeOnline()
    await browser.server.tell('turn-1', chunk('Cheers.'))
    await browser.server.finish('turn-1')
    await browser.server.finish('turn-2')
    expect(browser.server.turns.map(({ question }) => question)).toEqual(['One beer', 'One wine'])
    expect(shown(bar)).toEqual(['guest: One beer', 'maya: Cheers.', 'guest: One wine', 'maya: '])
    expect(browser.server.askedOf('/chat/stop')).toEqual([])
  })

  it('is not taken when too many wait already', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    browser.server.isDown = true
    const taken = Array.from({ length: waitingMax + 1 }, () => bar.send('One beer'))
    expect(taken.lastIndexOf(true)).toBe(waitingMax - 1)
    expect(taken.at(-1)).toBe(false)
    expect(shown(bar)).toHaveLength(2 * waitingMax)
  })

  it.each([false, true])(
    'outlives a reload without a network (storage forbidden: %s)',
    async (isForbidden) => {
      const browser = new FakeBrowser()
      const storage = new FakeStorage()
      const first = await browser.open(storage)
      storage.isForbidden = isForbidden
      browser.server.isDown = true
      first.bar.send('One beer')
      await settled()
      first.close()
      browser.server.isDown = false
      const { bar } = await browser.open(storage)
      await settled()
      expect(browser.server.turns).toHaveLength(isForbidden ? 0 : 1)
      expect(shown(bar)).toEqual(isForbidden ? [] : ['guest: One beer', 'maya: …'])
    },
  )

  it('goes on after a reload in the middle of its answer, and is asked for once', async () => {
    const browser = new FakeBrowser()
    const storage = new FakeStorage()
    const first = await browser.open(storage)
    first.bar.send('Two martinis')
    await settled()
    await browser.server.tell('turn-1', chunk('Right '))
    first.close()
    await browser.server.tell('turn-1', chunk('away'))
    const { bar } = await browser.open(storage)
    await settled()
    expect(shown(bar)).toEqual(['guest: Two martinis', 'maya: Right away…'])
    await browser.server.tell('turn-1', chunk('.'))
    await browser.server.finish('turn-1')
    expect(shown(bar)).toEqual(['guest: Two martinis', 'maya: Right away.'])
    expect(browser.server.turns).toHaveLength(1)
  })

  it('goes back to the composer when the guest gives up waiting for a bar that refuses it', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    const refusal = { status: 429, code: 'RATE_LIMITED', detail: 'Slower, please.', retryAfterSeconds: 30 }
    browser.server.refusals.set('/chat/stream', [refusal])
    bar.send('One beer')
    await settled()
    expect(bar.notice.text.value).toBe('Slower, please.')
    expect(bar.notice.countdown.value).toBe('Trying again in 30 s …')
    bar.chat.stop()
    await settled()
    expect(shown(bar)).toEqual([])
    expect(bar.composer.text.value).toBe('One beer')
    expect(bar.notice.text.value).toBe('')
  })

  it('goes back at once when the wait would be too long', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    const detail = 'The budget of this bar is spent for today.'
    const refusal = { status: 429, code: 'BUDGET_EXHAUSTED', detail, retryAfterSeconds: 40_000 }
    browser.server.refusals.set('/chat/stream', [refusal])
    bar.send('One beer')
    await settled()
    expect(bar.notice.text.value).toBe(detail)
    expect(bar.composer.text.value).toBe('One beer')
  })

  it('can be tried again when its answer broke off for good, under its own key', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    bar.send('One beer')
    await settled()
    const error = {
      type: 'error',
      code: 'MODEL_TIMEOUT',
      message: 'It took too long.',
      retryable: true,
    } as const
    await browser.server.tell('turn-1', error)
    for (let round = 0; round < 6; round++) {
      await browser.clock.advanceAsync(1000)
      await settled()
    }
    expect(shown(bar)).toEqual(['guest: One beer', 'maya:  [It took too long.]'])
    const asked = browser.server.askedOf('/chat/stream').length
    browser.server.turn('turn-1').events.length = 0
    browser.server.turn('turn-1').isRunning = true
    const [exchange] = bar.chat.exchanges.value
    expect(exchange?.answer?.help).toBe('retry')
    bar.chat.retry(exchange?.id ?? '')
    await settled()
    await browser.server.tell('turn-1', chunk('Here.'))
    await browser.server.finish('turn-1')
    expect(shown(bar)).toEqual(['guest: One beer', 'maya: Here.'])
    expect(browser.server.askedOf('/chat/stream')).toHaveLength(asked + 1)
    expect(new Set(browser.server.turns.map(({ key }) => key)).size).toBe(1)
  })

  it('comes back to the composer when its session is gone', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    browser.server.session = null
    bar.send('One beer')
    await settled()
    expect(bar.notice.text.value).toBe('Your last visit has ended. Here is a fresh tab.')
    expect(bar.composer.text.value).toBe('One beer')
    expect(shown(bar)).toEqual([])
    expect(bar.visit.session).toBe('session-2')
  })
})

describe('a history that was asked for before', () => {
  it('a message was sent and answered does not hide them', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    const held = Promise.withResolvers<void>()
    browser.server.holds.set('/chat/history', held.promise)
    void bar.visit.refresh()
    await settled()
    bar.send('One beer')
    await settled()
    await browser.server.tell('turn-1', chunk('Cheers.'))
    await browser.server.finish('turn-1')
    held.resolve()
    await settled()
    expect(shown(bar)).toEqual(['guest: One beer', 'maya: Cheers.'])
  })

  it('a message was sent does not hide what is being answered', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    const held = Promise.withResolvers<void>()
    browser.server.holds.set('/chat/history', held.promise)
    void bar.visit.refresh()
    await settled()
    bar.send('One beer')
    await settled()
    await browser.server.tell('turn-1', chunk('Che'))
    held.resolve()
    await settled()
    await browser.server.tell('turn-1', chunk('ers.'))
    expect(shown(bar)).toEqual(['guest: One beer', 'maya: Cheers.…'])
  })
})

describe('two tabs', () => {
  it('show the same answer while it is made and when it is there', async () => {
    const browser = new FakeBrowser()
    const { bar: first } = await browser.open()
    const { bar: second } = await browser.open()
    first.send('One beer')
    await settled()
    await browser.server.tell('turn-1', chunk('Chee'))
    expect(shown(second)).toEqual(['guest: One beer', 'maya: Chee…'])
    await browser.server.tell('turn-1', chunk('rs.'))
    await browser.server.finish('turn-1')
    expect(shown(second)).toEqual(shown(first))
    expect(shown(second)).toEqual(['guest: One beer', 'maya: Cheers.'])
  })

  it('may both say something at the same time', async () => {
    const browser = new FakeBrowser()
    const { bar: first } = await browser.open()
    const { bar: second } = await browser.open()
    first.send('One beer')
    second.send('One wine')
    await settled()
    await browser.server.tell('turn-1', chunk('Beer.'))
    await browser.server.finish('turn-1')
    await browser.server.tell('turn-2', chunk('Wine.'))
    expect(shown(first).at(-1)).toBe('maya: Wine.…')
    await browser.server.finish('turn-2')
    await settled()
    expect(shown(first)).toEqual(['guest: One beer', 'maya: Beer.', 'guest: One wine', 'maya: Wine.'])
    expect(shown(second)).toEqual(shown(first))
    expect(browser.server.turns).toHaveLength(2)
  })

  it('begin anew together', async () => {
    const browser = new FakeBrowser()
    const { bar: first } = await browser.open()
    const { bar: second } = await browser.open()
    first.send('One beer')
    await settled()
    await browser.server.finish('turn-1')
    const isOver = first.startOver()
    first.question.answer(true)
    await isOver
    await settled()
    expect([shown(first), shown(second)]).toEqual([[], []])
  })
})
