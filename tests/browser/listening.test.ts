// The guest speaks: a sentence that was synthesised is the microphone of a real Chromium, and Cartesia is a local server.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCartesiaServer, type CartesiaServer } from '../fakes/cartesia-server.ts'
import { openBar } from './bar.ts'
import { createGuest } from './browser-guest.ts'
import { answerEnds, bill, conversation, history, order, say, twoMartinis } from './guest-actions.ts'
import { launchBrowser } from './launch.ts'
import { recordSound, soundBegins } from './sound-recorder.ts'
import { likeness, samplesOf, synthesise, writeRecording } from './spoken-words.ts'

const sentence = 'Two martinis, please. Shaken, not stirred.'
const soon = { timeout: 20_000 }
/** The ear understands a word for every tenth of a second of voice, and the end of a message by half a second of silence. */
const hearing = { isLoud: true, bytesPerWord: 3200, endBytes: 16_000 }

const folder = mkdtempSync(join(tmpdir(), 'maya-listening-'))
let said: Int16Array
let browser: Browser
let cartesia: CartesiaServer
let bar: Awaited<ReturnType<typeof openBar>>
/** It has no ears, so that those of the browser are asked. They are a service of Google's, which is out of reach here. */
let deafBar: Awaited<ReturnType<typeof openBar>>
beforeAll(async () => {
  const recording = join(folder, 'guest.wav')
  said = await synthesise(sentence)
  writeRecording(recording, said, 1)
  cartesia = await startCartesiaServer()
  const environment = { CARTESIA_API_KEY: 'the-key-of-the-bar', CARTESIA_BASE_URL: cartesia.baseUrl }
  ;[browser, bar, deafBar] = await Promise.all([
    launchBrowser([
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${recording}%noloop`,
    ]),
    openBar(30, { ...environment, MAYA_VOICE_PROVIDER: 'cartesia' }),
    openBar(0),
  ])
})
afterAll(async () => {
  bar.close()
  deafBar.close()
  await Promise.all([browser.close(), cartesia.stop()])
  rmSync(folder, { recursive: true })
})

async function enter({ url } = bar): Promise<{ page: Page }> {
  const guest = await createGuest(browser, { baseURL: url })
  return { page: await guest.openPage('/', { prepare: recordSound }) }
}

const talk = (page: Page) => page.getByRole('button', { name: 'Talk' })
const handsFree = (page: Page) => page.getByRole('button', { name: 'Hands-free' })

function takeRecognitionAway(page: Page): Promise<unknown> {
  return page.addInitScript('delete window.SpeechRecognition; delete window.webkitSpeechRecognition')
}

function microphones(page: Page): Promise<readonly string[]> {
  return page.evaluate<string[]>('sound.trackStates()')
}

describe('a guest who presses to talk', () => {
  it('is heard as they speak, sees the words come, and is answered after the second press', async () => {
    const { page } = await enter()
    await page.getByRole('button', { name: 'Voice', exact: true }).click()
    cartesia.hears(order, hearing)
    await talk(page).click()
    await page.locator('#state', { hasText: 'Listening…' }).waitFor()
    expect(await talk(page).getAttribute('aria-pressed')).toBe('true')
    await page.locator('.partial', { hasText: 'Two' }).waitFor()
    await page.locator('.partial', { hasText: order }).waitFor()
    const ear = cartesia.listeners.at(-1)
    await expect.poll(() => (ear?.loudBytes ?? 0) / 2 / said.length, soon).toBeGreaterThan(0.6)
    await expect
      .poll(() => likeness(samplesOf(ear?.sound ?? Buffer.alloc(0)), said), soon)
      .toBeGreaterThan(0.7)
    await talk(page).click()
    await page.locator('[data-role=user]', { hasText: order }).waitFor()
    await expect.poll(() => bill(page), soon).toEqual(twoMartinis)
    await answerEnds(page)
    expect((await history(page))[0]).toBe(order)
    expect(await conversation(page)).toEqual(await history(page))
    expect(await talk(page).getAttribute('aria-pressed')).toBe('false')
    expect(await microphones(page)).toEqual(['ended'])
    expect(await page.locator('.partial').textContent()).toBe('')
  })

  it('can do it with the keyboard, and is told when nothing was understood', async () => {
    const { page } = await enter()
    await talk(page).focus()
    await page.keyboard.press('Enter')
    await page.locator('#state', { hasText: 'Listening…' }).waitFor()
    await page.keyboard.press('Enter')
    await page.getByText('I did not catch that. Please try again.').waitFor()
    expect(await microphones(page)).toEqual(['ended'])
    expect(await history(page)).toEqual([])
  })
})

describe('a guest with free hands', () => {
  it('is answered when they have ended, and the microphone stays open until they switch it off', async () => {
    const { page } = await enter()
    await page.getByRole('button', { name: 'Voice', exact: true }).click()
    cartesia.hears(order, hearing)
    await handsFree(page).click()
    await page.locator('.partial', { hasText: 'Two' }).waitFor()
    await page.locator('[data-role=user]', { hasText: order }).waitFor()
    await expect.poll(() => bill(page), soon).toEqual(twoMartinis)
    await answerEnds(page)
    await page.locator('#state', { hasText: 'Listening…' }).waitFor()
    expect(await microphones(page)).toEqual(['live'])
    await handsFree(page).click()
    expect(await microphones(page)).toEqual(['ended'])
    await cartesia.until(() => cartesia.listeners.every(({ socket }) => socket.readyState === socket.CLOSED))
    expect(await handsFree(page).getAttribute('aria-pressed')).toBe('false')
  })

  it('interrupts Maya by speaking', async () => {
    const { page } = await enter()
    await say(page, 'Show me the menu, please')
    await soundBegins(page)
    cartesia.hears(order, hearing)
    await handsFree(page).click()
    await page.getByText('Interrupted.', { exact: true }).waitFor()
    await page.locator('[data-role=user]', { hasText: order }).waitFor()
    await expect.poll(() => bill(page), soon).toEqual(twoMartinis)
    await expect.poll(() => history(page), soon).toHaveLength(4)
    const told = await history(page)
    expect(told[1]).not.toMatch(/Soda/)
    await expect.poll(() => conversation(page), soon).toEqual(told)
    await handsFree(page).click()
    expect(await microphones(page)).toEqual(['ended'])
  })
})

describe('a bar without ears', () => {
  it.each(['Talk', 'Hands-free'])(
    'says so to a guest who presses %s, whose browser cannot help',
    async (name) => {
      const { page } = await enter(deafBar)
      const button = page.getByRole('button', { name })
      await button.click()
      await page.locator('#notice-text:not(:empty)').waitFor()
      expect(await page.locator('#notice-text').textContent()).toMatch(/microphone|speech recognition/)
      await expect.poll(() => button.getAttribute('aria-pressed'), soon).toBe('false')
      await say(page, order)
      await answerEnds(page)
      expect(await bill(page)).toEqual(twoMartinis)
    },
  )

  it('says so to a guest whose browser has no ears either', async () => {
    const guest = await createGuest(browser, { baseURL: deafBar.url })
    const page = await guest.openPage('/', { prepare: takeRecognitionAway })
    expect(await talk(page).getAttribute('aria-disabled')).toBe('true')
    await talk(page).click({ force: true })
    await page.getByText('Maya cannot hear you here').waitFor()
    await handsFree(page).focus()
    await page.keyboard.press('Enter')
    await page.getByText('Maya cannot hear you here').waitFor()
  })
})
