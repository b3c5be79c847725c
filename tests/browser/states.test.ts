// States that guests meet: who is let in, whose key is refused, who is too fast, and what is left of the money.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GeminiServer, chunk, refusal } from '../fakes/gemini-server.ts'
import { openBar } from './bar.ts'
import { createGuest, type GuestOptions } from './browser-guest.ts'
import { answerEnds, ask, bill, conversation, history, order, say, twoMartinis } from './guest-actions.ts'
import { launchBrowser } from './launch.ts'

type Bar = Awaited<ReturnType<typeof openBar>>

const soon = { timeout: 20_000 }
const memberKey = 'members-only-0123456789'

let browser: Browser
let gemini: GeminiServer
let bar: Bar
/** It is for members. */
let club: Bar
beforeAll(async () => {
  gemini = await GeminiServer.start()
  ;[browser, bar, club] = await Promise.all([
    launchBrowser(),
    openBar(0, { GEMINI_BASE_URL: gemini.url }),
    openBar(0, { MAYA_API_KEYS: `${memberKey}:bar` }),
  ])
})
afterAll(async () => {
  for (const each of [bar, club]) each.close()
  await Promise.all([browser.close(), gemini.stop()])
})

async function enter({ url } = bar, options: GuestOptions = {}): Promise<{ page: Page }> {
  const guest = await createGuest(browser, { baseURL: url, ...options })
  return { page: await guest.openPage('/') }
}

describe('a bar for members', () => {
  it('asks for a key until one fits, and remembers it over a reload', async () => {
    const guest = await createGuest(browser, { baseURL: club.url, mayFail: true })
    const page = await guest.openPage('/', { isServed: false })
    const dialog = page.getByRole('dialog', { name: 'Members only' })
    await dialog.getByLabel('API key').fill('members-only-9876543210')
    await page.keyboard.press('Enter')
    await dialog.getByText('That key does not fit.').waitFor()
    expect(await dialog.getByLabel('API key').inputValue()).toBe('')
    await dialog.getByLabel('API key').fill(memberKey)
    await dialog.getByRole('button', { name: 'Come in' }).click()
    await dialog.waitFor({ state: 'hidden' })
    await ask(page, order)
    expect(await bill(page)).toEqual(twoMartinis)
    await page.reload()
    await expect.poll(() => bill(page), soon).toEqual(twoMartinis)
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  it('is left alone by a guest who has no key', async () => {
    const guest = await createGuest(browser, { baseURL: club.url, mayFail: true })
    const page = await guest.openPage('/', { isServed: false })
    await page.getByRole('dialog').getByRole('button', { name: 'Not now' }).click()
    await page.locator('#notice', { hasText: 'a session needs an API key' }).waitFor()
    expect(await page.locator('#notice-countdown').textContent()).toBe('')
  })
})

describe("a guest's own key", () => {
  it('that does not work any more is said in the place of the answer, with a way to the keys', async () => {
    const { page } = await enter(bar, { mayFail: true })
    gemini.answers({ headers: { 'content-type': 'application/json' }, pieces: ['{"name":"models/gemini"}'] })
    await page.getByRole('button', { name: 'Settings' }).click()
    const state = page.locator('#key-gemini-state')
    await page.getByLabel('Gemini', { exact: true }).fill('the-key-of-the-guest')
    await page.getByRole('button', { name: 'Save the Gemini key' }).click()
    await state.and(page.locator('[data-status=valid]')).waitFor()
    await page.getByRole('button', { name: 'Done' }).click()

    gemini.answers({ pieces: [chunk([{ text: 'Good evening!' }], 'STOP')] })
    await ask(page, 'Hello')
    expect((await conversation(page))[1]).toBe('Good evening!')
    gemini.answers({ status: 400, pieces: [refusal(400, [{ reason: 'API_KEY_INVALID' }])] })
    await say(page, order)
    await page.locator('.note', { hasText: 'Google does not accept your Gemini key.' }).waitFor()
    await page.getByRole('button', { name: 'Look at your keys' }).click()
    await page.getByRole('dialog', { name: 'Settings' }).waitFor()
    await state.and(page.locator('[data-status=rejected]')).waitFor()
    await page.getByRole('button', { name: 'Remove the Gemini key' }).click()
    await state.and(page.locator('[data-status=none]')).waitFor()
    await page.getByRole('button', { name: 'Done' }).click()
    await ask(page, order)
    expect(await bill(page)).toEqual(twoMartinis)
  })
})

describe('a guest who is too fast', () => {
  it('sees how long to wait, and is served by itself then, once', async () => {
    const { page } = await enter(bar, { mayFail: true })
    const refused = {
      status: 429,
      contentType: 'application/problem+json',
      headers: { 'retry-after': '2' },
      json: { status: 429, code: 'RATE_LIMITED', detail: 'You are faster than Maya can pour.' },
    }
    await page.route('**/chat/stream', (route) => route.fulfill(refused), { times: 1 })
    await say(page, order)
    await page.locator('#notice', { hasText: 'You are faster than Maya can pour.' }).waitFor()
    await page.getByText(/Trying again in \d s/).waitFor()
    await expect.poll(() => bill(page), soon).toEqual(twoMartinis)
    await answerEnds(page)
    expect((await history(page)).filter((text) => text === order)).toHaveLength(1)
    expect(await page.locator('#notice').textContent()).toMatch(/^\s*$/)
  })
})

describe('a message that could not be sent', () => {
  it('is there after a reload, and is sent once when the bar can be reached', async () => {
    const { page } = await enter(bar, { mayFail: true })
    await page.route('**/api/v1/**', (route) => route.abort())
    await say(page, order)
    await page.locator('#state', { hasText: 'Offline' }).waitFor()
    // The page finds the conversation, but the message still does not come through.
    await page.route('**/api/v1/chat/stream', (route) => route.abort())
    await page.unroute('**/api/v1/**')
    await page.reload()
    await page.locator('[data-role=user]', { hasText: order }).waitFor()
    await page.getByText('The connection is lost.').waitFor()
    await page.unroute('**/api/v1/chat/stream')
    await expect.poll(() => bill(page), soon).toEqual(twoMartinis)
    await answerEnds(page)
    expect(await history(page)).toHaveLength(2)
    expect(await conversation(page)).toEqual(await history(page))
  })
})

describe('a balance', () => {
  it('of nothing is marked in another way than one that is low', async () => {
    const { page } = await enter()
    const colour = async () =>
      page.evaluate<string>("getComputedStyle(document.querySelector('#balance')).color")
    const pay = async (tipAmount: number) => {
      await page.request.post('/api/v1/chat', { data: { user_input: order } })
      await page.request.post('/api/v1/payments/tip', { data: { tip_amount: tipAmount } })
      await page.request.post('/api/v1/payments/pay', { data: {} })
      await page.reload()
    }
    const usual = await colour()
    await pay(930)
    await page.locator('#balance-row.low', { hasText: '$44.00 (low)' }).waitFor()
    const low = await colour()
    await pay(18)
    await page.locator('#balance-row.empty', { hasText: '$0.00 (empty)' }).waitFor()
    expect(new Set([usual, low, await colour()]).size).toBe(3)
  })
})

describe('settings', () => {
  it('are there after a reload, and in another tab of the browser at once', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url })
    const page = await guest.openPage('/')
    const other = await guest.openPage('/')
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByLabel('Show the words that are spoken').uncheck()
    await page.getByLabel('Colours').selectOption('light')
    await other.locator('html[data-theme=light]').waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'Settings' }).click()
    expect(await page.getByLabel('Show the words that are spoken').isChecked()).toBe(false)
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Settings' }).and(page.locator(':focus')).waitFor()
  })
})
