// Takes docs/screenshot.png: node tests/browser/screenshot.ts
import { resolve } from 'node:path'
import { openBar } from './bar.ts'
import { launchBrowser } from './launch.ts'

const bar = await openBar(0)
const browser = await launchBrowser()
const page = await browser.newPage({ viewport: { width: 1200, height: 800 }, colorScheme: 'dark' })
await page.goto(bar.url)
await page.locator('#send:enabled').waitFor()
await ask('Good evening! What do you recommend?')
await ask('Two martinis, please, shaken, with olives')
await page.getByRole('button', { name: '20 %' }).click()
await page.locator('#tips [aria-pressed=true]').waitFor()
await ask('Could I have the bill, please?')
await page.mouse.move(0, 0)
await page.screenshot({ path: resolve('docs/screenshot.png') })
await browser.close()
bar.close()

async function ask(text: string): Promise<void> {
  const answers = page.locator('[data-role=assistant]')
  const before = await answers.count()
  await page.locator('#input').fill(text)
  await page.locator('#input').press('Enter')
  await answers.nth(before).waitFor()
  await page.locator('#stop').waitFor({ state: 'hidden' })
}
