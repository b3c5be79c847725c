// The page as guests of Modal get it: a real Chromium, and the ASGI proxy in uvicorn before the real server.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCartesiaServer, type CartesiaServer } from '../fakes/cartesia-server.ts'
import { noRateLimits } from '../fakes/no-rate-limits.ts'
import { isLeftOut } from '../suites.ts'
import { createGuest } from './browser-guest.ts'
import {
  answerBegins,
  answerEnds,
  bill,
  conversation,
  history,
  order,
  say,
  twoMartinis,
} from './guest-actions.ts'
import { launchBrowser } from './launch.ts'
import { recordSound, soundBegins, whatWasSeen } from './sound-recorder.ts'
import { synthesise, writeRecording } from './spoken-words.ts'

const soon = { timeout: 20_000 }
const paceMs = 60

describe.skipIf(isLeftOut('python'))('a guest behind the proxy', () => {
  let folder: string
  let browser: Browser
  let cartesia: CartesiaServer
  let site: Awaited<ReturnType<typeof openSite>>
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'maya-proxy-'))
    const recording = join(folder, 'guest.wav')
    writeRecording(recording, await synthesise('Two martinis, please.'), 1)
    cartesia = await startCartesiaServer()
    ;[browser, site] = await Promise.all([
      launchBrowser([
        '--use-fake-ui-for-media-stream',
        '--use-fake-device-for-media-stream',
        `--use-file-for-fake-audio-capture=${recording}%noloop`,
      ]),
      openSite(folder, { CARTESIA_API_KEY: 'the-key-of-the-bar', CARTESIA_BASE_URL: cartesia.baseUrl }),
    ])
  })
  afterAll(async () => {
    await Promise.all([browser.close(), site.close()])
    await cartesia.stop()
    rmSync(folder, { recursive: true })
  })

  async function enter(): Promise<Page> {
    const guest = await createGuest(browser, { baseURL: site.url })
    return guest.openPage('/', { prepare: recordSound })
  }

  it('orders, finds the tab again when the page is loaded anew, and pays', async () => {
    const page = await enter()
    await say(page, order)
    await answerEnds(page)
    expect(await bill(page)).toEqual(twoMartinis)
    await page.reload()
    await expect.poll(() => bill(page), soon).toEqual(twoMartinis)
    expect(await conversation(page)).toEqual(await history(page))
    await page.getByRole('button', { name: 'Pay $26.00' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Pay $26.00' }).click()
    await page.getByText('Paid $26.00. Thank you!').waitFor()
    expect(await bill(page)).toMatchObject({ total: '$0.00', balance: '$974.00' })
  })

  it('sees and hears a long answer while it is made, and interrupts it', async () => {
    const page = await enter()
    await say(page, 'Show me the menu, please')
    await answerBegins(page)
    await soundBegins(page)
    await expect.poll(async () => (await whatWasSeen(page)).words.length, soon).toBeGreaterThan(3)
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByText('Interrupted.', { exact: true }).waitFor()
    await expect
      .poll(async () => String(await history(page)) === String(await conversation(page)), soon)
      .toBe(true)
    expect((await history(page))[1]).not.toMatch(/Soda/)
  })

  it('is heard over a WebSocket as they speak', async () => {
    const page = await enter()
    cartesia.hears(order, { isLoud: true, bytesPerWord: 3200, endBytes: 16_000 })
    const talk = page.getByRole('button', { name: 'Talk' })
    await talk.click()
    await page.locator('.partial', { hasText: order }).waitFor()
    await talk.click()
    await page.locator('[data-role=user]', { hasText: order }).waitFor()
    await expect.poll(() => bill(page), soon).toEqual(twoMartinis)
    await answerEnds(page)
    expect((await history(page))[0]).toBe(order)
  })
})

/** Serves the proxy on a free port, with a server of its own behind it. */
async function openSite(cwd: string, environment: Readonly<Record<string, string>>) {
  const settings = {
    command: [process.execPath, resolve('src/main.ts')],
    cwd,
    env: {
      MAYA_STORE_URL: 'memory:',
      MAYA_HOUSE_PACE_MS: String(paceMs),
      MAYA_VOICE_PROVIDER: 'cartesia',
      MAYA_SHUTDOWN_SECONDS: '1',
      ...noRateLimits,
      ...environment,
    },
  }
  const child = spawn(
    resolve('.venv/bin/python'),
    ['-m', 'uvicorn', 'proxy_app:app', '--port', '0', '--timeout-graceful-shutdown', '1'],
    {
      cwd: resolve('tests/python'),
      env: { PATH: process.env['PATH'], PROXY_SETTINGS: JSON.stringify(settings) },
    },
  )
  const exited = once(child, 'close')
  const url = await new Promise<string>((found, failed) => {
    let output = ''
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      const [, address] = /running on (http:\S+)/.exec(output) ?? []
      if (address !== undefined) found(address)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('error', failed)
    void exited.then(([code]) => failed(new Error(`The proxy ended with ${String(code)}:\n${output}`)))
  })
  return {
    url,
    async close() {
      child.kill()
      await exited
    },
  }
}
