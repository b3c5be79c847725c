// The page in a real Chromium against the real server process.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, temporaryDirectory } from '../process/server-process.ts'
import { openBar } from './bar.ts'
import { createGuest } from './browser-guest.ts'
import { launchBrowser } from './launch.ts'
import { createNetwork } from './network.ts'

/** An answer of some ten words takes about two seconds, the menu about ten. */
const slowPaceMs = 150
const order = 'Two martinis, please'

let browser: Browser
let bar: Awaited<ReturnType<typeof openBar>>
let slowBar: typeof bar
beforeAll(async () => {
  const starting = Promise.all([launchBrowser(), openBar(0), openBar(slowPaceMs)])
  ;[browser, bar, slowBar] = await starting
})
afterAll(async () => {
  bar.close()
  slowBar.close()
  await browser.close()
})

/** A new guest who has opened the page. */
async function enter(
  url: string,
  options?: Parameters<typeof createGuest>[1],
): Promise<{ page: Page; guest: Awaited<ReturnType<typeof createGuest>> }> {
  const guest = await createGuest(browser, { baseURL: url, ...options })
  return { guest, page: await guest.openPage('/') }
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator('#input').fill(text)
  await page.locator('#input').press('Enter')
}

/** The answer has begun and goes on. */
async function answerBegins(page: Page): Promise<void> {
  await page.locator('.waiting .text :text-matches("\\\\w+ \\\\w+")').first().waitFor()
}

/** Nothing is being answered, and what was said is shown. */
async function answerEnds(page: Page): Promise<void> {
  await page.locator('#stop').waitFor({ state: 'hidden' })
  await page.locator('[data-role=assistant]').last().waitFor()
}

async function ask(page: Page, text: string): Promise<void> {
  await say(page, text)
  await page.locator('[data-role=user]').filter({ hasText: text }).last().waitFor()
  await answerEnds(page)
}

/** Who said what, as the page shows it. */
async function conversation(page: Page): Promise<readonly string[]> {
  const texts = await page.locator('#messages > li .text').allInnerTexts()
  return texts.map(plain)
}

/** What the server knows of the same. */
async function history(page: Page): Promise<readonly string[]> {
  const response = await page.request.get('/api/v1/chat/history')
  const body: { history: { content: string }[] } = await response.json()
  return body.history.map(({ content }) => plain(content.replaceAll('**', '').replaceAll(/^- /gm, '')))
}

function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

async function bill(page: Page): Promise<Record<string, string>> {
  const [lines, tab, tip, total, balance] = await Promise.all(
    ['tab-lines', 'tab-amount', 'tip-amount', 'total', 'balance'].map(async (id) =>
      plain((await page.locator(`#${id}`).textContent()) ?? ''),
    ),
  )
  return { lines: lines ?? '', tab: tab ?? '', tip: tip ?? '', total: total ?? '', balance: balance ?? '' }
}

const twoMartinis = {
  lines: '2 ×Martini$26.00',
  tab: '$26.00',
  tip: '$0.00',
  total: '$26.00',
  balance: '$974.00',
}

describe('a visit', () => {
  it('two martinis, a tip, the payment, a reload: everything is still there', async () => {
    const { page } = await enter(bar.url)
    await ask(page, order)
    expect(await bill(page)).toEqual(twoMartinis)
    const twenty = page.getByRole('button', { name: '20 %' })
    await twenty.click()
    await expect.poll(() => bill(page)).toMatchObject({ tip: '$5.20', total: '$31.20' })
    expect(await twenty.getAttribute('aria-pressed')).toBe('true')

    await page.getByRole('button', { name: 'Pay $31.20' }).click()
    const dialog = page.getByRole('dialog', { name: 'Pay $31.20?' })
    expect(await dialog.textContent()).toContain('2 × Martini, tip $5.20')
    await dialog.getByRole('button', { name: 'Pay $31.20' }).click()
    await page.getByText('Paid $31.20. Thank you!').waitFor()
    const paid = { lines: '', tab: '$0.00', tip: '$0.00', total: '$0.00', balance: '$968.80' }
    expect(await bill(page)).toEqual(paid)

    const before = await conversation(page)
    await page.reload()
    await expect.poll(() => conversation(page)).toEqual(before)
    await expect.poll(() => bill(page)).toEqual(paid)
    expect(before).toEqual(await history(page))
    await page.getByText('All paid. Thank you!').waitFor()
  })

  it('a tip button takes its tip away again, and a double click counts once', async () => {
    const { page } = await enter(bar.url)
    await ask(page, order)
    const ten = page.getByRole('button', { name: '10 %' })
    await ten.dblclick()
    await expect.poll(() => bill(page)).toMatchObject({ tip: '$2.60' })
    await page.getByText('Tip 10 %').waitFor()
    await ten.click()
    await expect.poll(() => bill(page)).toEqual(twoMartinis)
  })

  it('works with the keyboard alone', async () => {
    const { page } = await enter(bar.url)
    const press = async (...keys: readonly string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    await page.keyboard.type(order)
    await press('Enter')
    await expect.poll(() => bill(page)).toEqual(twoMartinis)
    await answerEnds(page)
    // Send, the tab's heading, 10 %, 15 %.
    await press('Tab', 'Tab', 'Tab', 'Tab', 'Space')
    await expect.poll(() => bill(page)).toMatchObject({ tip: '$3.90' })
    await press('Tab', 'Tab', 'Enter')
    await page.getByRole('dialog', { name: 'Pay $29.90?' }).waitFor()
    await press('Escape')
    expect(await bill(page)).toMatchObject({ total: '$29.90' })
    await press('Enter')
    await page.getByRole('button', { name: 'Not now' }).and(page.locator(':focus')).waitFor()
    await press('Tab', 'Enter')
    await page.getByText('Paid $29.90. Thank you!').waitFor()
    await page.locator('#input:focus').waitFor()
  })

  it('an item of the menu becomes a message, and starting over forgets it all', async () => {
    const { page } = await enter(bar.url)
    await page.getByRole('button', { name: 'IPA $6.00' }).click()
    expect(await page.locator('#input').inputValue()).toBe('An IPA, please')
    await page.keyboard.press('Enter')
    await expect.poll(() => bill(page)).toMatchObject({ tab: '$6.00' })
    await answerEnds(page)
    await page.getByRole('button', { name: 'Start over' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Start over' }).click()
    await page.getByText('The bar is open.').waitFor()
    expect(await conversation(page)).toEqual([])
    await expect.poll(() => bill(page)).toMatchObject({ tab: '$0.00', balance: '$1,000.00' })
  })
})

describe('an answer that is being made', () => {
  it('goes on after a reload, and the message is ordered once', async () => {
    const { page } = await enter(slowBar.url)
    await say(page, order)
    await answerBegins(page)
    await page.reload()
    await answerBegins(page)
    expect((await conversation(page))[0]).toBe(order)
    await answerEnds(page)
    expect(await conversation(page)).toEqual(await history(page))
    expect(await conversation(page)).toHaveLength(2)
    expect(await bill(page)).toEqual(twoMartinis)
  })

  it('is shown by a second tab that is opened meanwhile', async () => {
    const { page, guest } = await enter(slowBar.url)
    await say(page, 'Show me the menu, please')
    await answerBegins(page)
    const second = await guest.openPage('/')
    await answerBegins(second)
    await page.getByRole('button', { name: 'Stop' }).click()
    await Promise.all([answerEnds(page), answerEnds(second)])
    expect(await conversation(second)).toEqual(await conversation(page))
    expect(await conversation(second)).toEqual(await history(page))
  })

  it('goes on when the server was killed and started again, and is ordered once', async () => {
    const directory = temporaryDirectory()
    const environment = { MAYA_HOUSE_PACE_MS: String(slowPaceMs) }
    const server = await startServer({ directory, environment })
    const { page } = await enter(server.url, { mayFail: true })
    await say(page, order)
    await answerBegins(page)
    server.child.kill('SIGKILL')
    await server.exited
    await page.getByText('The connection is lost.').waitFor()
    const { port } = new URL(server.url)
    await startServer({ directory, environment: { ...environment, PORT: port } })
    await expect
      .poll(() => conversation(page), { timeout: 20_000 })
      .toEqual([order, expect.stringMatching(/26/)])
    await answerEnds(page)
    expect(await conversation(page)).toEqual(await history(page))
    expect(await bill(page)).toEqual(twoMartinis)
    expect(await page.locator('#notice').textContent()).toMatch(/^\s*$/)
  })

  it('goes on after a network that was lost, without a gap or a repeat', async () => {
    const network = await createNetwork(slowBar.url)
    const { page } = await enter(network.url, { mayFail: true })
    await say(page, order)
    await answerBegins(page)
    network.cut()
    await page.getByText('The connection is lost.').waitFor()
    await network.mend()
    await answerEnds(page)
    expect(await conversation(page)).toEqual(await history(page))
    expect(await bill(page)).toEqual(twoMartinis)
  })

  it('goes on after a connection that fell silent', async () => {
    const network = await createNetwork(slowBar.url)
    const { page } = await enter(network.url)
    await page.clock.install()
    await say(page, order)
    await answerBegins(page)
    network.freeze()
    const isOver = async () => {
      await page.clock.fastForward('01:00')
      return page.locator('#stop').isHidden()
    }
    await expect.poll(isOver, { interval: 1000, timeout: 15_000 }).toBe(true)
    expect(await conversation(page)).toEqual(await history(page))
    expect(await bill(page)).toEqual(twoMartinis)
  })

  it('stops when the guest says so', async () => {
    const { page } = await enter(slowBar.url)
    await say(page, 'Show me the menu, please')
    await answerBegins(page)
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByText('Stopped.', { exact: true }).waitFor()
    expect(await conversation(page)).toEqual(await history(page))
    expect((await conversation(page))[1]).not.toContain('Soda')
    await ask(page, order)
    expect(await bill(page)).toEqual(twoMartinis)
  })

  it('was asked for once by a double click or by Enter twice', async () => {
    const { page } = await enter(slowBar.url)
    await page.locator('#input').fill(order)
    await page.getByRole('button', { name: 'Send' }).dblclick()
    await answerBegins(page)
    await answerEnds(page)
    expect(await history(page)).toHaveLength(2)
    await page.locator('#input').fill(order)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    await answerBegins(page)
    await answerEnds(page)
    expect(await history(page)).toHaveLength(4)
    await expect.poll(() => bill(page)).toMatchObject({ tab: '$52.00' })
  })
})

describe('a payment that Maya asks for', () => {
  it('is made by Yes and not by No, and the question outlives a reload', async () => {
    const { page } = await enter(bar.url)
    const question = page.getByRole('group', { name: 'Pay $26.00?' })
    await ask(page, order)
    await ask(page, 'I would like to pay, please')
    await question.getByRole('button', { name: 'No' }).click()
    await page.getByText('Nothing was paid.').waitFor()
    expect(await bill(page)).toEqual(twoMartinis)
    await ask(page, 'I would like to pay, please')
    await question.waitFor()
    await page.reload()
    await question.getByRole('button', { name: 'Yes' }).click()
    await page.getByText('Paid $26.00. Thank you!').waitFor()
    expect(await bill(page)).toMatchObject({ total: '$0.00', balance: '$974.00' })
    expect(await question.isVisible()).toBe(false)
  })

  it('another total than the one shown is refused and shown', async () => {
    const { page } = await enter(bar.url, { mayFail: true })
    await ask(page, order)
    await page.request.post('/api/v1/payments/tip', { data: { tip_percentage: 20 } })
    await page.getByRole('button', { name: 'Pay $26.00' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Pay $26.00' }).click()
    await page.getByText('The total has changed').waitFor()
    await expect.poll(() => bill(page)).toMatchObject({ tip: '$5.20', total: '$31.20', balance: '$974.00' })
  })

  it('a balance below fifty dollars is marked', async () => {
    const { page } = await enter(bar.url)
    await page.request.post('/api/v1/chat', { data: { user_input: order } })
    await page.request.post('/api/v1/payments/tip', { data: { tip_amount: 930 } })
    await page.request.post('/api/v1/payments/pay', { data: {} })
    await page.reload()
    await expect.poll(() => bill(page)).toMatchObject({ balance: '$44.00 (low)' })
  })
})

describe('a bar that cannot serve at once', () => {
  it('tells a guest whose session is gone, starts a new one and gives the message back', async () => {
    const { page } = await enter(bar.url, { mayFail: true })
    await ask(page, order)
    const [cookie] = await page.context().cookies()
    const headers = { cookie: `${cookie?.name}=${cookie?.value}` }
    await fetch(`${bar.url}/api/v1/session`, { method: 'DELETE', headers })
    await say(page, 'One more, please')
    await page.getByText('Your last visit has ended.').waitFor()
    expect(await page.locator('#input').inputValue()).toBe('One more, please')
    await expect.poll(() => conversation(page)).toEqual([])
    await page.keyboard.press('Enter')
    await answerEnds(page)
    await expect.poll(() => history(page)).toContain('One more, please')
  })

  it('counts down while it is full and lets the guest in when there is a place', async () => {
    const environment = { MAYA_SESSIONS_PER_CONTAINER: '1' }
    const server = await startServer({ directory: temporaryDirectory(), environment })
    const { page } = await enter(server.url)
    const guest = await createGuest(browser, { baseURL: server.url, mayFail: true })
    const waiting = await guest.openPage('/', { isServed: false })
    await waiting.getByText('The bar is full.').waitFor()
    await waiting.getByText(/Trying again in \d s/).waitFor()
    await page.request.delete('/api/v1/session')
    await waiting.getByText('The bar is full.').waitFor({ state: 'hidden' })
    await ask(waiting, order)
    expect(await bill(waiting)).toEqual(twoMartinis)
  })
})

describe('the page', () => {
  it("shows a guest's words as words", async () => {
    const { page } = await enter(bar.url)
    const words = '<img src=x onerror="alert(1)"> **two** <b>martinis</b>'
    await ask(page, words)
    await page.reload()
    await expect.poll(async () => (await conversation(page))[0]).toBe(words)
    expect(await page.locator('#messages :is(img, b, script)').count()).toBe(0)
  })

  it('fits a phone', async () => {
    const { page } = await enter(bar.url, { viewport: { width: 360, height: 640 } })
    await ask(page, `${order} ${'x'.repeat(200)}`)
    await ask(page, 'Show me the menu')
    for (const heading of ['Your tab', 'Menu']) {
      expect(await overflow(page)).toBeLessThanOrEqual(0)
      await page.getByRole('heading', { name: heading }).click()
    }
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    await page.locator('#pay').waitFor()
  })

  it.each(['light', 'dark'] as const)('can be read in %s', async (colorScheme) => {
    const { page } = await enter(bar.url, { colorScheme })
    await ask(page, order)
    await page.getByRole('button', { name: '20 %' }).click()
    await page.locator('[aria-pressed=true]').waitFor()
    await ask(page, 'I would like to pay, please')
    expect(await faintTexts(page)).toEqual([])
  })
})

/** Pixels by which the page is wider or higher than the screen. */
function overflow(page: Page): Promise<number> {
  const root = 'document.documentElement'
  return page.evaluate<number>(
    `Math.max(${root}.scrollWidth - innerWidth, ${root}.scrollHeight - innerHeight)`,
  )
}

function faintTexts(page: Page): Promise<readonly string[]> {
  return page.evaluate<string[]>(readFileSync(join(import.meta.dirname, 'faint-texts.js'), 'utf8'))
}
