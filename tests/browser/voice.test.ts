// Maya speaks: what comes out of the loudspeaker of a real Chromium, and what happens when she is interrupted.
import type { Browser, Page, Request } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBar } from './bar.ts'
import { createGuest, type Guest } from './browser-guest.ts'
import { answerEnds, conversation, history, say } from './guest-actions.ts'
import { launchBrowser } from './launch.ts'
import {
  heardBetween,
  recordSound,
  silenceSinceGesture,
  soundBegins,
  whatWasSeen,
} from './sound-recorder.ts'

/** The menu takes some seconds to be written, and a minute to be spoken. */
const paceMs = 60
const menu = 'Show me the menu, please'
const soon = { timeout: 20_000 }

let browser: Browser
let bar: Awaited<ReturnType<typeof openBar>>
beforeAll(async () => {
  ;[browser, bar] = await Promise.all([
    launchBrowser(),
    openBar(paceMs, { MAYA_VOICE_PROVIDER: 'embedded' }),
  ])
})
afterAll(async () => {
  bar.close()
  await browser.close()
})

async function enter(): Promise<{ page: Page; guest: Guest }> {
  const guest = await createGuest(browser, { baseURL: bar.url })
  return { guest, page: await guest.openPage('/', { prepare: recordSound }) }
}

/** Maya has said some words of a long answer. */
async function mayaIsSpeaking(page: Page): Promise<void> {
  await say(page, menu)
  await soundBegins(page)
  await expect.poll(async () => (await whatWasSeen(page)).words.length, soon).toBeGreaterThan(3)
}

describe('an answer', () => {
  it('is heard before it is written to its end, with its words in the captions and on the lips', async () => {
    const { page } = await enter()
    await mayaIsSpeaking(page)
    await answerEnds(page)
    const { words, mouths, states, wasTextOverAtFirstSound } = await whatWasSeen(page)
    expect(wasTextOverAtFirstSound).toBe(false)
    expect(states).toContain('Speaking…')
    expect(new Set(mouths).size).toBeGreaterThan(3)
    const [, answer = ''] = await conversation(page)
    let from = 0
    for (const word of words) {
      const place = answer.indexOf(word.trim(), from)
      expect(place, `${word} in ${answer.slice(from)}`).toBeGreaterThanOrEqual(from)
      from = place
    }
  })
})
