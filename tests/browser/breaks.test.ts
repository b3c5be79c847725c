// What the page does when its server, its network or its guest breaks off.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, temporaryDirectory } from '../process/server-process.ts'
import { openBar } from './bar.ts'
import { createGuest } from './browser-guest.ts'
import {
  answerBegins,
  answerEnds,
  ask,
  bill,
  conversation,
  history,
  order,
  say,
  twoMartinis,
  whileTimePasses,
} from './guest-actions.ts'
import { launchBrowser } from './launch.ts'
import { createNetwork } from './network.ts'

/** An answer of some ten words takes about two seconds, the menu about ten. */
const slowPaceMs = 150

let browser: Browser
let bar: Awaited<ReturnType<typeof openBar>>
beforeAll(async () => {
  ;[browser, bar] = await Promise.all([launchBrowser(), openBar(slowPaceMs)])
})
afterAll(async () => {
  bar.close()
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

describe('an answer that is being made', () => {
  it('goes on after a reload, and the message is ordered once', async () => {
    const { page } = await enter(bar.url)
    const longOrder = 'Two martinis, please, and show me the menu'
    await say(page, longOrder)
    await answerBegins(page)
    await page.reload()
    await answerBegins(page)
    expect((await conversation(page))[0]).toBe(longOrder)
    await answerEnds(page)
    expect(await conversation(page)).toEqual(await history(page))
    expect(await conversation(page)).toHaveLength(2)
    expect(await bill(page)).toEqual(twoMartinis)
  })

  it('is shown by a second tab that is opened meanwhile', async () => {
    const { page, guest } = await enter(bar.url)
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
    const network = await createNetwork(bar.url)
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
    const network = await createNetwork(bar.url)
    const { page } = await enter(network.url)
    await page.clock.install()
    await say(page, order)
    await answerBegins(page)
    network.freeze()
    await whileTimePasses(page, () => page.locator('#stop').isHidden())
    expect(await conversation(page)).toEqual(await history(page))
    expect(await bill(page)).toEqual(twoMartinis)
  })

  it('stops when the guest says so', async () => {
    const { page } = await enter(bar.url)
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
    const { page } = await enter(bar.url)
    await page.locator('#input').fill(order)
    await page.getByRole('button', { name: 'Send' }).dblclick()
    await page.locator('[data-role=assistant]').waitFor()
    await answerEnds(page)
    expect(await history(page)).toHaveLength(2)
    await page.locator('#input').fill(order)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    await page.locator('[data-role=assistant]').nth(1).waitFor()
    await answerEnds(page)
    expect(await history(page)).toHaveLength(4)
    await expect.poll(() => bill(page)).toMatchObject({ tab: '$52.00' })
  })
})

describe('a guest who is faster than the page', () => {
  it('is answered while the page still reads what was said before', async () => {
    const guest = await createGuest(browser, { baseURL: bar.url })
    const page = await guest.openPage('about:blank', { isServed: false })
    const answered = Promise.withResolvers<void>()
    await page.route('**/api/v1/chat/history', async (route) => {
      await answered.promise
      await route.continue()
    })
    const isEntering = page.waitForRequest('**/api/v1/chat/history')
    await page.goto(bar.url)
    await isEntering
    await ask(page, order)
    answered.resolve()
    expect(await bill(page)).toEqual(twoMartinis)
    await expect.poll(() => conversation(page)).toEqual(await history(page))
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
    await waiting.clock.install()
    await page.request.delete('/api/v1/session')
    await whileTimePasses(waiting, () => waiting.getByText('The bar is full.').isHidden())
    await ask(waiting, order)
    expect(await bill(waiting)).toEqual(twoMartinis)
  })

  it('says that its model is warming up, until it speaks', async () => {
    const { page } = await enter(bar.url, { mayFail: true })
    const told = [
      { type: 'session', session_id: 'any', turn_id: 'cold' },
      { type: 'status', status: 'warming_up' },
    ]
    const body = told.map((event, at) => `id: cold:${at + 1}\ndata: ${JSON.stringify(event)}\n\n`).join('')
    const headers = { 'content-type': 'text/event-stream' }
    await page.route('**/chat/stream', (route) => route.fulfill({ body, headers }), { times: 1 })
    await say(page, order)
    await page.locator('.waiting .text[data-wait*="warming up"]').waitFor()
    const shown = () =>
      page.evaluate("getComputedStyle(document.querySelector('[data-wait]'), '::after').content")
    expect(await shown()).toContain('model is warming up')
    await answerEnds(page)
    expect(await page.locator('[data-wait]').count()).toBe(0)
    expect(await bill(page)).toEqual(twoMartinis)
  })
})

describe('a bar that takes API keys', () => {
  it('tells a guest without one, and does not ask again and again', async () => {
    const environment = { MAYA_STORE_URL: 'memory:', MAYA_API_KEYS: 'members-only-0123456789:bar' }
    const { url } = await startServer({ directory: temporaryDirectory(), environment })
    const guest = await createGuest(browser, { baseURL: url, mayFail: true })
    const page = await guest.openPage('/', { isServed: false })
    await page.getByText('a session needs an API key').waitFor()
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.waitForTimeout(3000)
    expect(asked).toEqual([])
    expect(await page.locator('#notice-countdown').textContent()).toBe('')
  })
})
