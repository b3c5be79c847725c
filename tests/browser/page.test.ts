// The page in a real Chromium against a real server process.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBar } from './bar.ts'
import { createGuest } from './browser-guest.ts'
import { answerEnds, ask, bill, conversation, history, order, twoMartinis } from './guest-actions.ts'
import { launchBrowser } from './launch.ts'

let browser: Browser
let bar: Awaited<ReturnType<typeof openBar>>
beforeAll(async () => {
  ;[browser, bar] = await Promise.all([launchBrowser(), openBar(0)])
})
afterAll(async () => {
  bar.close()
  await browser.close()
})

/** A new guest who has opened the page. */
async function enter(options?: Parameters<typeof createGuest>[1]): Promise<{ page: Page }> {
  const guest = await createGuest(browser, { baseURL: bar.url, ...options })
  return { page: await guest.openPage('/') }
}

describe('a visit', () => {
  it('two martinis, a tip, the payment, a reload: everything is still there', async () => {
    const { page } = await enter()
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
    const { page } = await enter()
    await ask(page, order)
    const ten = page.getByRole('button', { name: '10 %' })
    await ten.dblclick()
    await expect.poll(() => bill(page)).toMatchObject({ tip: '$2.60' })
    await page.getByText('Tip 10 %').waitFor()
    await ten.click()
    await expect.poll(() => bill(page)).toEqual(twoMartinis)
  })

  it('works with the keyboard alone', async () => {
    const { page } = await enter()
    const press = async (...keys: readonly string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    await page.keyboard.type(order)
    await press('Enter')
    await expect.poll(() => bill(page)).toEqual(twoMartinis)
    await answerEnds(page)
    // Talk, hands-free, send, the tab's heading, 10 %, 15 %.
    await press('Tab', 'Tab', 'Tab', 'Tab', 'Tab', 'Tab', 'Space')
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
    const { page } = await enter()
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

describe('a payment that Maya asks for', () => {
  it('is made by Yes and not by No, and the question outlives a reload', async () => {
    const { page } = await enter()
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
    const { page } = await enter({ mayFail: true })
    await ask(page, order)
    await page.request.post('/api/v1/payments/tip', { data: { tip_percentage: 20 } })
    await page.getByRole('button', { name: 'Pay $26.00' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Pay $26.00' }).click()
    await page.getByText('The total has changed').waitFor()
    await expect.poll(() => bill(page)).toMatchObject({ tip: '$5.20', total: '$31.20', balance: '$974.00' })
  })

  it('a balance below fifty dollars is marked', async () => {
    const { page } = await enter()
    await page.request.post('/api/v1/chat', { data: { user_input: order } })
    await page.request.post('/api/v1/payments/tip', { data: { tip_amount: 930 } })
    await page.request.post('/api/v1/payments/pay', { data: {} })
    await page.reload()
    const marked = page.locator('#balance-row.low')
    await marked.waitFor()
    expect(await marked.locator('#balance').textContent()).toBe('$44.00 (low)')
  })
})

describe('the page', () => {
  it("shows a guest's words as words", async () => {
    const { page } = await enter()
    const words = '<img src=x onerror="alert(1)"> **two** <b>martinis</b>'
    await ask(page, words)
    await page.reload()
    await expect.poll(async () => (await conversation(page))[0]).toBe(words)
    expect(await page.locator('#messages :is(img, b, script)').count()).toBe(0)
  })

  it('fits a phone', async () => {
    const { page } = await enter({ viewport: { width: 360, height: 640 } })
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
    const { page } = await enter({ colorScheme })
    await ask(page, order)
    await page.getByRole('button', { name: '20 %' }).click()
    await page.locator('#tips [aria-pressed=true]').waitFor()
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
