import type { Page } from 'playwright-core'
import { expect } from 'vitest'

/** What a guest does and sees. */

export const order = 'Two martinis, please'

export async function say(page: Page, text: string): Promise<void> {
  await page.locator('#input').fill(text)
  await page.locator('#input').press('Enter')
}

/** The answer has begun and goes on. */
export async function answerBegins(page: Page): Promise<void> {
  await page.locator('.waiting .text :text-matches("\\\\w+ \\\\w+")').first().waitFor()
}

/** Nothing is being answered, and what was said is shown. */
export async function answerEnds(page: Page): Promise<void> {
  await page.locator('#stop').waitFor({ state: 'hidden' })
  await page.locator('[data-role=assistant]').last().waitFor()
}

export async function ask(page: Page, text: string): Promise<void> {
  await say(page, text)
  await page.locator('[data-role=user]').filter({ hasText: text }).last().waitFor()
  await answerEnds(page)
}

/** Lets the page's time run until it is so, in steps so small that no request that is under way is given up. */
export async function whileTimePasses(page: Page, isSo: () => Promise<boolean>): Promise<void> {
  const poll = async () => {
    await page.clock.fastForward('00:05')
    return isSo()
  }
  await expect.poll(poll, { interval: 300, timeout: 30_000 }).toBe(true)
}

/** Who said what, as the page shows it. */
export async function conversation(page: Page): Promise<readonly string[]> {
  const texts = await page.locator('#messages > li .text').allInnerTexts()
  return texts.map(plain)
}

/** What the server knows of the same. */
export async function history(page: Page): Promise<readonly string[]> {
  const response = await page.request.get('/api/v1/chat/history')
  const body: { history: { content: string }[] } = await response.json()
  return body.history.map(({ content }) => plain(content.replaceAll('**', '').replaceAll(/^- /gm, '')))
}

function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

export async function bill(page: Page): Promise<Record<string, string>> {
  const [lines, tab, tip, total, balance] = await Promise.all(
    ['tab-lines', 'tab-amount', 'tip-amount', 'total', 'balance'].map(async (id) =>
      plain((await page.locator(`#${id}`).textContent()) ?? ''),
    ),
  )
  return { lines: lines ?? '', tab: tab ?? '', tip: tip ?? '', total: total ?? '', balance: balance ?? '' }
}

export const twoMartinis = {
  lines: '2 ×Martini$26.00',
  tab: '$26.00',
  tip: '$0.00',
  total: '$26.00',
  balance: '$974.00',
}
