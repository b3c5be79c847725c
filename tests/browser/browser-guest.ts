import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'

/** What the browser reports by itself for an answer that is no success; the page has to cope with those. */
const failedRequest = /^Failed to load resource/

export type GuestOptions = BrowserContextOptions & { readonly mayFail?: boolean }

export interface Guest {
  openPage(url: string, options?: PageOptions): Promise<Page>
}

export interface PageOptions {
  /** Whether the bar lets the guest in at once. */
  readonly isServed?: boolean
  /** What is done with the page before it goes to the bar. */
  readonly prepare?: (page: Page) => Promise<unknown>
}

/**
 * A guest with a browser of their own. When the test ends, the console must be empty: no error, no warning, no
 * violation of the content security policy. Failed requests are allowed only to those who expect them.
 */
export async function createGuest(browser: Browser, options: GuestOptions = {}): Promise<Guest> {
  const { mayFail = false, ...contextOptions } = options
  const context = await browser.newContext({
    viewport: { width: 1200, height: 800 },
    // Maya's small movements are drawn by the processor here, which the tests need for themselves.
    reducedMotion: 'reduce',
    ...contextOptions,
  })
  context.setDefaultTimeout(15_000)
  const complaints: string[] = []
  context.on('console', (message) => {
    const isNoise = ['log', 'debug', 'info'].includes(message.type())
    if (!isNoise && !(mayFail && failedRequest.test(message.text()))) complaints.push(message.text())
  })
  context.on('weberror', (error) => complaints.push(String(error.error())))
  onTestFinished(async () => {
    await context.close()
    expect(complaints).toEqual([])
  })
  return {
    async openPage(url, { isServed = true, prepare } = {}) {
      const page = await context.newPage()
      await prepare?.(page)
      await page.goto(url)
      if (isServed) await page.locator('#balance:not(:empty)').waitFor({ state: 'attached' })
      return page
    },
  }
}
