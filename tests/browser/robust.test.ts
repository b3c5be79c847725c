// What the page keeps: messages without a network, one conversation in two tabs, and what the guest has chosen.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openBar } from './bar.ts'
import { createGuest } from './browser-guest.ts'
import { answerBegins, answerEnds, ask, bill, conversation, history, order, say } from './guest-actions.ts'
import { launchBrowser } from './launch.ts'

let browser: Browser
let bar: Awaited<ReturnType<typeof openBar>>
beforeAll(async () => {
  ;[browser, bar] = await Promise.all([launchBrowser(), openBar(60)])
})
afterAll(async () => {
  bar.close()
  await browser.close()
})

/** Long enough for a page on a busy machine. */
const soon = { timeout: 15_000 }

/** How far the guest would have to scroll to the end. */
async function belowTheView(page: Page): Promise<number> {
  return page.evaluate<number>(
    `(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)(document.querySelector('#scroller'))`,
  )
}

describe('messages that are written without a network', () => {
  it('are kept, and sent once and in order when it is back', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url, mayFail: true })
    const page = await guest.openPage('/')
    await page.context().setOffline(true)
    await say(page, 'One IPA, please')
    await say(page, order)
    await page.locator('#state', { hasText: 'Offline' }).waitFor()
    await page.getByText('The connection is lost.').waitFor()
    await page.context().setOffline(false)
    await expect.poll(async () => (await history(page)).length, soon).toBe(4)
    await answerEnds(page)
    expect((await history(page)).filter((_, index) => index % 2 === 0)).toEqual(['One IPA, please', order])
    await expect.poll(() => conversation(page), soon).toEqual(await history(page))
    expect(await bill(page)).toMatchObject({ tab: '$32.00' })
  })
})

describe('two tabs', () => {
  it('show what is said, tipped and begun anew in the other one', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url })
    const first = await guest.openPage('/')
    const second = await guest.openPage('/')
    await say(first, `${order}, and show me the menu`)
    await answerBegins(second)
    await answerEnds(first)
    await expect.poll(() => conversation(second), soon).toEqual(await conversation(first))
    await second.getByRole('button', { name: '20 %' }).click()
    await expect.poll(() => bill(first), soon).toMatchObject({ tip: '$5.20', total: '$31.20' })
    await first.getByRole('button', { name: 'Start over' }).click()
    await first.getByRole('dialog').getByRole('button', { name: 'Start over' }).click()
    await expect.poll(() => conversation(second), soon).toEqual([])
    await expect.poll(() => bill(second), soon).toMatchObject({ tab: '$0.00' })
  })
})

describe('a guest who goes on while Maya answers', () => {
  it('interrupts her', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url })
    const page = await guest.openPage('/')
    await say(page, 'Show me the menu, please')
    await answerBegins(page)
    await ask(page, order)
    await expect.poll(() => bill(page), soon).toMatchObject({ tab: '$26.00' })
    const told = await conversation(page)
    expect(told).toHaveLength(4)
    expect(told[1]).not.toContain('Soda')
    expect(told).toEqual(await history(page))
    await page.getByText('Stopped.', { exact: true }).waitFor()
  })
})

describe('the way back', () => {
  it('from another page finds everything as it was', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url })
    const page = await guest.openPage('/')
    await ask(page, order)
    const before = await conversation(page)
    await page.goto('about:blank')
    await page.goBack()
    await expect.poll(() => conversation(page), soon).toEqual(before)
    await ask(page, 'One IPA, please')
    expect(await history(page)).toHaveLength(4)
  })
})

describe('a phone', () => {
  const phone = { viewport: { width: 320, height: 568 } }

  it('shows the welcome from its beginning', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url, ...phone })
    const page = await guest.openPage('/')
    const [greeting, scroller] = await Promise.all([
      page.getByText('The bar is open.').boundingBox(),
      page.locator('#scroller').boundingBox(),
    ])
    expect(greeting?.y).toBeGreaterThanOrEqual(scroller?.y ?? Infinity)
  })

  it('shows the answer to a message that is longer than its window', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url, ...phone })
    const page = await guest.openPage('/')
    await ask(page, `Show me the menu, please, ${'x'.repeat(600)}`)
    await expect.poll(() => belowTheView(page), soon).toBeLessThan(5)
  })

  it('leaves a guest who reads what was said before where they are', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url, ...phone })
    const page = await guest.openPage('/')
    await ask(page, `Hello, ${'x'.repeat(600)}`)
    await say(page, 'Show me the menu, please')
    await answerBegins(page)
    await page.locator('#scroller').hover()
    await page.mouse.wheel(0, -400)
    await answerEnds(page)
    expect(await belowTheView(page)).toBeGreaterThan(300)
  })
})

describe('a guest who has begun to write before Maya speaks', () => {
  it('interrupts her with the next letter', async () => {
    const voiceBar = await openBar(60, { MAYA_VOICE_PROVIDER: 'embedded' })
    onTestFinished(() => voiceBar.close())
    const guest = await createGuest(browser, { baseURL: voiceBar.url })
    const page = await guest.openPage('/')
    await say(page, 'Show me the menu, please')
    await page.keyboard.type('And a')
    await page.locator('#state', { hasText: 'Speaking…' }).waitFor()
    await page.keyboard.type(' beer')
    await page.getByText('Interrupted.', { exact: true }).waitFor()
    expect(await page.locator('#input').inputValue()).toBe('And a beer')
  })
})

describe('a message', () => {
  it('is written once by a double click on its suggestion or on the menu', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url })
    const page = await guest.openPage('/')
    await page.getByRole('button', { name: order }).dblclick()
    expect(await page.locator('#input').inputValue()).toBe(order)
    await page.locator('#input').fill('')
    await page.getByRole('button', { name: 'Negroni' }).dblclick()
    expect(await page.locator('#input').inputValue()).toBe('A Negroni, please')
  })

  it('that is too long is not cut in silence: it comes back whole, with the reason', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url, mayFail: true })
    const page = await guest.openPage('/')
    const novel = 'word '.repeat(1000).trim()
    await page.locator('#input').focus()
    await page.keyboard.insertText(novel)
    await page.keyboard.press('Enter')
    await page.locator('#notice-text', { hasText: '4000 characters' }).waitFor()
    expect(await page.locator('#input').inputValue()).toBe(novel)
    expect(await history(page)).toEqual([])
  })
})

describe('what the guest has chosen', () => {
  it('is there after a reload', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url })
    const page = await guest.openPage('/')
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByLabel('Colours').selectOption('dark')
    await page.getByLabel('Maya speaks').uncheck()
    await page.getByRole('button', { name: 'Done' }).click()
    await page.reload()
    await page.locator('html[data-theme=dark]').waitFor()
    expect(await page.locator('#voice-toggle').getAttribute('aria-pressed')).toBe('false')
  })

  it('can be taken along as a file', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url })
    const page = await guest.openPage('/')
    await ask(page, order)
    await page.getByRole('button', { name: 'Settings' }).click()
    const downloaded = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download this visit' }).click()
    expect((await downloaded).suggestedFilename()).toBe('maya-session.json')
  })
})
