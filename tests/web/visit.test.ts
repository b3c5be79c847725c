// Coming in, paying and keys, with everything but the document, against a server in memory.
import { describe, expect, it } from 'vitest'
import { countedCents, countingMs } from '../../web/src/state/counting.ts'
import { balanceLevel, dollars } from '../../web/src/state/tab.ts'
import { FakeBrowser, FakeStorage, shown } from './fake-browser.ts'
import { emptyTab, settled } from './fake-server.ts'

const line = { item_name: 'Martini', quantity: 2, modifiers: [], price_cents: 1300 }
const tab = { ...emptyTab, tab_amount_cents: 2600, total_cents: 2600, balance_cents: 974_00, version: 1 }

describe('coming in', () => {
  it('makes a session when there is none, and takes the one that is there', async () => {
    const browser = new FakeBrowser()
    await browser.open()
    const { bar } = await browser.open()
    expect(bar.visit.session).toBe('session-1')
    expect(browser.server.askedOf('/sessions')).toHaveLength(1)
    expect(bar.pageState.value.line).toBe('Ready when you are')
  })

  it.each([
    ['SESSION_LIMIT', 'The bar is full.'],
    ['MEMORY_PRESSURE', 'The bar is full.'],
    ['OVERLOADED', 'The server said why.'],
  ])('waits for a place with a countdown, and is let in when there is one: %s', async (code, sentence) => {
    const browser = new FakeBrowser()
    const refusal = { status: 503, code, detail: 'The server said why.', retryAfterSeconds: 5 }
    browser.server.refusals.set('/sessions', [refusal])
    const { bar } = await browser.open()
    expect(bar.isFull.value).toBe(true)
    expect(bar.notice.text.value).toBe(sentence)
    expect(bar.notice.countdown.value).toBe('Trying again in 5 s …')
    await browser.clock.advanceAsync(2000)
    expect(bar.notice.countdown.value).toBe('Trying again in 3 s …')
    await browser.clock.advanceAsync(3000)
    await settled()
    expect(bar.isFull.value).toBe(false)
    expect(bar.visit.session).toBe('session-1')
  })

  it('asks for the key of a bar for members until one fits, and shows it with every request', async () => {
    const browser = new FakeBrowser()
    const detail = 'A session needs an API key.'
    const refusal = { status: 401, code: 'API_KEY_REQUIRED', detail }
    browser.server.refusals.set('/sessions', [refusal, refusal])
    const storage = new FakeStorage()
    const { bar } = await browser.open(storage)
    expect(bar.apiKey.asked.value).toBe(detail)
    bar.apiKey.give('wrong-key')
    await settled()
    expect(bar.apiKey.asked.value).toBe(`That key does not fit. ${detail}`)
    bar.apiKey.give('right-key')
    await settled()
    expect(bar.visit.session).toBe('session-1')
    expect(browser.server.asked.at(-1)?.headers.get('authorization')).toBe('Bearer right-key')
  })

  it('may be given up, and tried again by saying something', async () => {
    const browser = new FakeBrowser()
    const refusal = { status: 401, code: 'API_KEY_REQUIRED', detail: 'A session needs an API key.' }
    browser.server.refusals.set('/sessions', [refusal, refusal])
    const { bar } = await browser.open()
    bar.apiKey.refuse()
    await settled()
    expect(bar.notice.text.value).toBe('A session needs an API key.')
    bar.send('Hello')
    await settled()
    expect(bar.apiKey.asked.value).toBe('A session needs an API key.')
    bar.apiKey.give('right-key')
    await settled()
    expect(shown(bar)).toEqual(['guest: Hello', 'maya: …'])
  })

  it('tells a guest whose browser keeps no cookies', async () => {
    const browser = new FakeBrowser()
    const gone = { status: 404, code: 'SESSION_NOT_FOUND', detail: 'There is no such session.' }
    browser.server.refusals.set('/chat/history', [gone])
    const { bar } = await browser.open()
    expect(bar.notice.text.value).toContain('Please allow cookies')
  })

  it('shows another session when another tab has made one, and nothing of the old one', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    bar.send('Hello')
    await settled()
    await browser.server.tell('turn-1', { type: 'text_chunk', content: 'Hi.' })
    await browser.server.finish('turn-1')
    browser.server.session = 'another'
    browser.server.turns.length = 0
    await bar.visit.refresh()
    await settled()
    expect(bar.visit.session).toBe('another')
    expect(shown(bar)).toEqual([])
  })
})

describe('the tab', () => {
  it('is read with the order, and an older state of it changes nothing', async () => {
    const browser = new FakeBrowser()
    browser.server.tab = tab
    browser.server.order = [line]
    const { bar } = await browser.open()
    expect(bar.tab.summary.value).toBe('2 × Martini')
    bar.payments.take({ type: 'state', tab: emptyTab, order: [] })
    expect(bar.tab.tab.value).toEqual(tab)
    const paid = { ...tab, tab_amount_cents: 0, total_cents: 0, version: 2, status: 'paid' } as const
    bar.payments.take({ type: 'state', tab: paid, order: [] })
    expect(bar.tab.summary.value).toBe('')
  })

  it.each([
    [100_000, 'fine'],
    [5_000, 'fine'],
    [4_999, 'low'],
    [1, 'low'],
    [0, 'empty'],
  ])('with %i cents left is %s', (cents, level) => {
    expect(balanceLevel({ ...emptyTab, balance_cents: cents })).toBe(level)
  })

  it('counts from one sum to the next and ends exactly there', () => {
    expect(countedCents(0, 2600, 0)).toBe(0)
    expect(countedCents(0, 2600, countingMs)).toBe(2600)
    expect(countedCents(2600, 0, 10 * countingMs)).toBe(0)
    const steps = [0.1, 0.4, 0.7, 0.9].map((part) => countedCents(100, 900, part * countingMs))
    expect(steps).toEqual(steps.toSorted((one, other) => one - other))
    expect(dollars(123_456)).toBe('$1,234.56')
  })
})

describe('a payment that Maya asks for', () => {
  const expiresAt = new Date(Date.UTC(2026, 0, 1) + 60_000).toISOString()
  const confirmation = {
    type: 'confirmation',
    confirmation_id: 'c',
    total_cents: 2600,
    expires_at: expiresAt,
  } as const

  async function asked() {
    const browser = new FakeBrowser()
    browser.server.tab = tab
    browser.server.order = [line]
    const storage = new FakeStorage()
    const { bar } = await browser.open(storage)
    bar.payments.take(confirmation)
    return { browser, bar, storage }
  }

  it('is still asked for after a reload', async () => {
    const { browser, storage } = await asked()
    const { bar } = await browser.open(storage)
    expect(bar.payments.confirmation.value).toMatchObject({ id: 'c', totalCents: 2600 })
  })

  it('is not asked for any more when it has expired', async () => {
    const { browser, storage } = await asked()
    browser.clock.advance(60_001)
    const { bar } = await browser.open(storage)
    expect(bar.payments.confirmation.value).toBeNull()
  })

  it('is void when there is something else to pay, or the guest says something', async () => {
    const { bar } = await asked()
    bar.payments.take({ type: 'state', tab: { ...tab, version: 2 }, order: [line] })
    expect(bar.payments.confirmation.value).toBeNull()
    const { bar: other } = await asked()
    other.send('Not yet')
    expect(other.payments.confirmation.value).toBeNull()
  })

  it('is answered once, however often the button is pressed', async () => {
    const { browser, bar } = await asked()
    browser.server.refusals.set('/payments/confirm', [
      { status: 409, code: 'CONFIRMATION_GONE', detail: 'Gone.' },
    ])
    await Promise.all([bar.payments.confirm(true), bar.payments.confirm(true)])
    const requests = browser.server.askedOf('/payments/confirm')
    expect(requests.map(({ body }) => body)).toEqual([{ confirmation_id: 'c', accept: true }])
    expect(bar.notice.text.value).toContain('not valid any more')
  })
})

describe("the guest's own keys", () => {
  it('that no answer can be made with offer the way to the settings', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    bar.keys.open(true)
    bar.send('Hello')
    await settled()
    const message = 'Google does not accept your Gemini key.'
    await browser.server.tell('turn-1', { type: 'error', code: 'KEY_REJECTED', message, retryable: false })
    expect(bar.chat.exchanges.value.at(-1)?.answer).toMatchObject({ note: message, help: 'keys' })
    expect(bar.keys.states.value.gemini.status).toBe('rejected')
    expect(bar.announcement.value).toBe(message)
  })

  it('are told to be rejected with the reason, and are kept nowhere', async () => {
    const browser = new FakeBrowser()
    const { bar } = await browser.open()
    const detail = 'Google does not accept your Gemini key.'
    browser.server.refusals.set('/session/keys', [{ status: 422, code: 'KEY_REJECTED', detail }])
    expect(await bar.keys.change('gemini', 'secret-key-1234')).toBe(false)
    expect(bar.keys.states.value.gemini).toEqual({ status: 'rejected', reason: detail })
    const kept = Array.from({ length: browser.localStorage.length }, (_, index) =>
      browser.localStorage.getItem(browser.localStorage.key(index) ?? ''),
    )
    expect(kept.join()).not.toContain('secret-key')
  })
})
