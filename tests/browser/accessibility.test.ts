// The page for everybody: what axe finds, with the keyboard alone, on the smallest phone, and without movement.
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBar } from './bar.ts'
import { createGuest, type GuestOptions } from './browser-guest.ts'
import { answerEnds, ask, bill, history, order, say, twoMartinis } from './guest-actions.ts'
import { launchBrowser } from './launch.ts'
import { recordSound, soundBegins, whatWasSeen } from './sound-recorder.ts'

const soon = { timeout: 20_000 }
const phone = { width: 320, height: 568 }

let browser: Browser
let bar: Awaited<ReturnType<typeof openBar>>
/** It is for members. */
let club: Awaited<ReturnType<typeof openBar>>
/** Its only place is taken. */
let full: Awaited<ReturnType<typeof openBar>>
beforeAll(async () => {
  ;[browser, bar, club, full] = await Promise.all([
    launchBrowser(),
    openBar(30, { MAYA_VOICE_PROVIDER: 'embedded' }),
    openBar(0, { MAYA_API_KEYS: 'members-only-0123456789:bar' }),
    openBar(0, { MAYA_SESSIONS_PER_CONTAINER: '1', MAYA_SESSION_IDLE_SECONDS: '3600' }),
  ])
  await fetch(`${full.url}/api/v1/sessions`, { method: 'POST' })
})
afterAll(async () => {
  bar.close()
  club.close()
  full.close()
  await browser.close()
})

async function enter(options: GuestOptions = {}): Promise<{ page: Page }> {
  const guest = await createGuest(browser, { baseURL: bar.url, ...options })
  return { page: await guest.openPage('/', { prepare: recordSound }) }
}

/** What axe has to say of the page as it is, in any rule of WCAG 2.2 AA and of good practice. */
async function complaints(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  return page.evaluate<string[]>(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, impact, nodes }) =>
      nodes.map(({ target, failureSummary }) => [id, impact, target, failureSummary].join(' ')),
    ),
  )`)
}

async function toggleVoice(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Voice', exact: true }).click()
}

/** Pixels by which something is wider than the screen, or the page higher. */
function overflow(page: Page): Promise<readonly string[]> {
  return page.evaluate<string[]>(`
    [...document.querySelectorAll('body, body *:not(.hidden, svg *)')]
      .filter((element) => element.checkVisibility() && element.closest('.hidden') === null)
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.right > innerWidth + 0.5 || box.left < -0.5)
      .map(({ element, box }) => [element.tagName, element.id, element.className, box.left, box.right].join(' '))
      .concat(document.documentElement.scrollWidth > innerWidth ? ['the page'] : [])`)
}

describe.each<[string, GuestOptions]>([
  ['in the light', { colorScheme: 'light' }],
  ['in the dark', { colorScheme: 'dark' }],
  ['on a small phone', { viewport: phone, hasTouch: true, isMobile: true, colorScheme: 'dark' }],
])('axe finds nothing %s', (_, options) => {
  it('in the welcome, a conversation, a bill, the dialogs and the settings', async () => {
    const { page } = await enter({ ...options, reducedMotion: 'reduce' })
    expect(await complaints(page)).toEqual([])
    await toggleVoice(page)
    await ask(page, order)
    await toggleVoice(page)
    await openPanels(page)
    await page.getByRole('button', { name: '20 %' }).click()
    await page.locator('#tips [aria-pressed=true]').waitFor()
    await say(page, 'I would like to pay, please')
    await page.locator('#confirmation').waitFor()
    await page.locator('.caption-word.current').waitFor({ state: 'attached' })
    expect(await complaints(page)).toEqual([])
    await page.getByRole('button', { name: 'Pay $31.20' }).click()
    await page.getByRole('dialog').waitFor()
    expect(await complaints(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByRole('dialog').waitFor()
    expect(await complaints(page)).toEqual([])
  })

  it('while the bar is full, out of reach, or for members', async () => {
    const guest = await createGuest(browser, { ...options, reducedMotion: 'reduce', mayFail: true })
    const waiting = await guest.openPage(full.url, { isServed: false })
    await waiting.locator('#full', { hasText: 'The bar is full.' }).waitFor()
    expect(await complaints(waiting)).toEqual([])
    await waiting.close()

    const page = await guest.openPage(bar.url)
    await page.context().setOffline(true)
    await say(page, order)
    await page.locator('#state', { hasText: 'Offline' }).waitFor()
    expect(await complaints(page)).toEqual([])
    await page.close()
    await page.context().setOffline(false)

    const outside = await guest.openPage(club.url, { isServed: false })
    await outside.getByRole('dialog', { name: 'Members only' }).waitFor()
    expect(await complaints(outside)).toEqual([])
  })
})

/** On a phone the tab and the menu are folded. */
async function openPanels(page: Page): Promise<void> {
  for (const id of ['tab', 'menu']) {
    const panel = page.locator(`#${id}`)
    if ((await panel.getAttribute('open')) === null) await panel.locator('summary').click()
  }
}

describe('with the keyboard alone', () => {
  it('a guest chooses settings, is spoken to, stops it, orders from the menu, tips, pays and begins anew', async () => {
    const { page } = await enter()
    const press = async (...keys: readonly string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    /** Goes there by Tab, however far it is. */
    const tabTo = async (selector: string) => {
      const isThere = () => page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)
      for (let steps = 0; !(await isThere()); steps++) {
        expect(steps, `${selector} cannot be reached`).toBeLessThan(60)
        await press('Tab')
      }
    }
    await page.locator('#input:focus').waitFor()
    await tabTo('#settings-open')
    await press('Enter')
    await page.getByRole('dialog', { name: 'Settings' }).waitFor()
    await tabTo('#setting-speed')
    await press('ArrowRight', 'ArrowRight')
    await tabTo('#setting-theme')
    await press('ArrowDown')
    await page.locator('html[data-theme=light]').waitFor()
    await press('Escape')
    await page.locator('#settings-open:focus').waitFor()
    await tabTo('#input')
    await page.keyboard.type('Show me the menu')
    await press('Enter')
    await soundBegins(page)
    await tabTo('#stop')
    await press('Enter')
    await page.getByText('Interrupted.', { exact: true }).waitFor()
    await page.locator('#input:focus').waitFor()
    await tabTo('#voice-toggle')
    await press('Space')
    await page.locator('#voice-toggle[aria-pressed=false]').waitFor()

    await tabTo('#menu-items button')
    await press('Enter')
    await page.locator('#input:focus').waitFor()
    await press('Enter')
    await expect.poll(async () => (await bill(page))['lines'], soon).not.toBe('')
    await answerEnds(page)
    await tabTo('#tips button[value="20"]')
    await press('Space')
    await page.locator('#tips [aria-pressed=true]').waitFor()
    await tabTo('#pay')
    await press('Enter')
    await page.getByRole('dialog', { name: /^Pay/ }).waitFor()
    await tabTo('dialog[open] .accent')
    await press('Enter')
    await page.getByText('Thank you!').first().waitFor()
    await page.locator('#input:focus').waitFor()
    await tabTo('#start-over')
    await press('Enter')
    await page.getByRole('dialog', { name: 'Start over?' }).waitFor()
    await tabTo('dialog[open] .accent')
    await press('Enter')
    await page.getByText('The bar is open.').waitFor()
    expect(await history(page)).toEqual([])
    await page.locator('#input:focus').waitFor()
  })
})

describe('on a phone of 320 pixels', () => {
  it('nothing is wider than the screen, and everything can be done', async () => {
    const { page } = await enter({ viewport: phone, hasTouch: true, isMobile: true })
    await toggleVoice(page)
    expect(await overflow(page)).toEqual([])
    await ask(page, `Show me the menu ${'x'.repeat(200)}`)
    await ask(page, order)
    await openPanels(page)
    expect(await overflow(page)).toEqual([])
    await page.getByRole('button', { name: '10 %' }).tap()
    await expect.poll(() => bill(page), soon).toMatchObject({ tip: '$2.60' })
    await page.getByRole('button', { name: 'Pay $28.60' }).tap()
    await page.getByRole('dialog').waitFor()
    expect(await overflow(page)).toEqual([])
    await page.getByRole('dialog').getByRole('button', { name: 'Not now' }).tap()
    await page.getByRole('button', { name: 'Settings' }).tap()
    await page.getByRole('dialog', { name: 'Settings' }).waitFor()
    expect(await overflow(page)).toEqual([])
    await page.getByRole('button', { name: 'Done' }).tap()
    await say(page, 'I would like to pay, please')
    await page.getByRole('group', { name: 'Pay $28.60?' }).waitFor()
    expect(await overflow(page)).toEqual([])
    await page.getByRole('group', { name: 'Pay $28.60?' }).getByRole('button', { name: 'Yes' }).tap()
    await expect.poll(() => bill(page), soon).toMatchObject({ total: '$0.00' })
  })

  it('the bar that is full fits, too', async () => {
    const guest = await createGuest(browser, { viewport: phone, mayFail: true })
    const page = await guest.openPage(full.url, { isServed: false })
    await page.locator('#full', { hasText: 'The bar is full.' }).waitFor()
    expect(await overflow(page)).toEqual([])
  })
})

describe('a guest who wants less movement', () => {
  it('hears the same, with a still mouth, and nothing on the page is animated', async () => {
    const { page } = await enter({ reducedMotion: 'reduce' })
    await say(page, order)
    await soundBegins(page)
    await expect.poll(async () => (await whatWasSeen(page)).words.length, soon).toBeGreaterThan(2)
    const running = await page.evaluate<string[]>(`document.getAnimations()
      .filter(({ playState, effect }) => playState === 'running' && effect.getComputedTiming().duration > 10)
      .map(({ animationName, transitionProperty, effect }) =>
        [animationName ?? transitionProperty, effect.target.className.baseVal ?? effect.target.className].join(' '))`)
    expect(running).toEqual([])
    expect((await whatWasSeen(page)).mouths).toEqual(['rest'])
    await expect.poll(() => bill(page), soon).toEqual(twoMartinis)
  })
})
