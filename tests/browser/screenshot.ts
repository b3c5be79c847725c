// Takes the README's pictures: npm run screenshot
import { resolve } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { openBar } from './bar.ts'
import { launchBrowser } from './launch.ts'

const bar = await openBar(0, { MAYA_VOICE_PROVIDER: 'embedded' })
const browser = await launchBrowser()
await take('screenshot', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' })
await take('screenshot-light', { viewport: { width: 1280, height: 800 }, colorScheme: 'light' })
await take('screenshot-phone', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
await browser.close()
bar.close()

/** A visit up to the moment in which Maya says what she pours. */
async function take(name: string, options: BrowserContextOptions): Promise<void> {
  const page = await browser.newPage(options)
  await page.goto(bar.url)
  await page.locator('#send:enabled').waitFor()
  await ask(page, 'Good evening! What do you recommend?')
  await ask(page, 'Two martinis, please, shaken, with olives')
  await page.locator('#tips [value="20"]').dispatchEvent('click')
  await page.locator('#tips [aria-pressed=true]').waitFor({ state: 'attached' })
  await say(page, 'One more negroni, please')
  await page.locator('.caption-word.current', { hasText: 'Negroni' }).waitFor()
  await page.screenshot({ path: resolve(`docs/${name}.png`) })
  await page.close()
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator('#input').fill(text)
  await page.locator('#input').press('Enter')
}

/** The answer was spoken to its end. */
async function ask(page: Page, text: string): Promise<void> {
  const answers = page.locator('[data-role=assistant]')
  const before = await answers.count()
  await say(page, text)
  await answers.nth(before).waitFor()
  await page.locator('#stop').waitFor({ state: 'hidden' })
}
