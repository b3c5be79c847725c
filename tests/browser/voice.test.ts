// Maya speaks: what comes out of the loudspeaker of a real Chromium, and what happens when she is interrupted.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openBar } from './bar.ts'
import { createGuest, type Guest, type GuestOptions } from './browser-guest.ts'
import { answerEnds, ask, conversation, history, order, say } from './guest-actions.ts'
import { startCartesiaServer, type CartesiaServer } from '../fakes/cartesia-server.ts'
import { launchBrowser } from './launch.ts'
import { heardBetween, recordSound, silenceSinceGesture, soundBegins, whatWasSeen } from './sound-recorder.ts'

/** The menu takes some seconds to be written, and a minute to be spoken. */
const paceMs = 60
const menu = 'Show me the menu, please'
const soon = { timeout: 20_000 }

let browser: Browser
let cartesia: CartesiaServer
let bar: Awaited<ReturnType<typeof openBar>>
/** Its voice is Cartesia's. */
let cartesiaBar: Awaited<ReturnType<typeof openBar>>
beforeAll(async () => {
  cartesia = await startCartesiaServer()
  const environment = { CARTESIA_API_KEY: 'the-key-of-the-bar', CARTESIA_BASE_URL: cartesia.baseUrl }
  ;[browser, bar, cartesiaBar] = await Promise.all([
    launchBrowser(),
    openBar(paceMs, { MAYA_VOICE_PROVIDER: 'embedded' }),
    openBar(0, { ...environment, MAYA_VOICE_PROVIDER: 'cartesia' }),
  ])
})
afterAll(async () => {
  bar.close()
  cartesiaBar.close()
  await Promise.all([browser.close(), cartesia.stop()])
})

async function enter({ url } = bar, options: GuestOptions = {}): Promise<{ page: Page; guest: Guest }> {
  const guest = await createGuest(browser, { baseURL: url, ...options })
  return { guest, page: await guest.openPage('/', { prepare: recordSound }) }
}

/** Maya has said some words of a long answer. */
async function mayaIsSpeaking(page: Page): Promise<void> {
  await say(page, menu)
  await soundBegins(page)
  await expect.poll(async () => (await whatWasSeen(page)).words.length, soon).toBeGreaterThan(3)
}

/** The current word of the captions, and those of its sentence that were spoken before it. */
async function wordsSpoken(page: Page): Promise<string> {
  const captions = '.captions:has(.current)'
  const [before = '', rest = ''] = await page.evaluate<string[]>(
    `[...document.querySelector('${captions}')?.childNodes ?? []].map(({ textContent }) => textContent)`,
  )
  return rest === '' ? '' : before.trim()
}

/** What was shown, and what the server keeps, is the beginning of the answer that was heard. */
async function onlyTheHeardIsKept(page: Page, spoken: string): Promise<void> {
  await page.getByText('Interrupted.', { exact: true }).waitFor()
  const kept = async () => (await history(page))[1] ?? ''
  await expect.poll(kept, soon).not.toMatch(/Soda/)
  const [, shown = ''] = await conversation(page)
  expect(shown).toBe(await kept())
  expect(shown).toContain(spoken)
  expect(shown).toMatch(/^Here/)
}

async function textLength(page: Page): Promise<number> {
  const [, answer = ''] = await conversation(page)
  return answer.length
}

/** The bodies of the messages that a page sends from now on. */
function messagesOf(page: Page): readonly unknown[] {
  const bodies: unknown[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/chat/stream'))
      bodies.push(request.postDataJSON())
  })
  return bodies
}

describe('an answer', () => {
  it('is heard before it is written to its end, with its words in the captions and on the lips', async () => {
    const { page } = await enter(bar, { reducedMotion: 'no-preference' })
    await mayaIsSpeaking(page)
    await expect.poll(async () => (await conversation(page))[1], soon).toMatch(/Soda/)
    const { words, mouths, states, textAtFirstSound } = await whatWasSeen(page)
    expect(textAtFirstSound).not.toMatch(/Soda/)
    expect(states).toContain('Speaking…')
    expect(new Set(mouths).size).toBeGreaterThan(3)
    expect(await page.locator('#state').textContent()).toBe('Speaking…')
    const [, answer = ''] = await conversation(page)
    const places = words.reduce<number[]>((found, word) => [...found, answer.indexOf(word, found.at(-1))], [])
    expect(places).not.toContain(-1)
  })

  it('is heard to its end, and then Maya is silent and waits', async () => {
    const { page } = await enter()
    await say(page, order)
    await soundBegins(page)
    await answerEnds(page)
    expect(await page.locator('#state').textContent()).toBe('Ready when you are')
    expect(await page.locator('.captions').textContent()).toBe('')
    expect(await page.locator('.portrait').getAttribute('data-mouth')).toBe('rest')
    expect(await conversation(page)).toEqual(await history(page))
    expect(await page.locator('#messages .note').count()).toBe(0)
  })

  it('is not asked to be spoken by a guest who has switched the voice off', async () => {
    const { page } = await enter()
    const bodies = messagesOf(page)
    await page.getByRole('button', { name: 'Voice', exact: true }).click()
    await ask(page, order)
    await expect.poll(async () => (await whatWasSeen(page)).streams.length, soon).toBe(1)
    const [events] = (await whatWasSeen(page)).streams
    expect(events).toMatch(/complete/)
    expect(events).not.toMatch(/audio_chunk|speech_marks/)
    expect(bodies).toEqual([{ user_input: order }])
    expect(await heardBetween(page, 0)).toEqual({ loudest: 0, seconds: 0 })
  })

  it('falls silent when the voice is switched off, and is written to its end all the same', async () => {
    const { page } = await enter()
    await mayaIsSpeaking(page)
    await page.getByRole('button', { name: 'Voice', exact: true }).click()
    await silenceSinceGesture(page, 0.5)
    await expect.poll(async () => (await conversation(page))[1], soon).toMatch(/Soda/)
    expect(await page.getByText('Interrupted.').count()).toBe(0)
  })

  it('is spoken with the voice and as fast as the guest has chosen', async () => {
    const { page } = await enter()
    const bodies = messagesOf(page)
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByLabel('Her voice').selectOption({ label: 'Alan' })
    await page.getByLabel('How fast').fill('1.5')
    await page.getByRole('button', { name: 'Done' }).click()
    await say(page, 'Good evening!')
    await soundBegins(page)
    expect(bodies).toEqual([{ user_input: 'Good evening!', voice: true, voice_id: 'awb', voice_speed: 1.5 }])
  })

  it('is heard in the browser tab that has asked for it, and only there', async () => {
    const { page, guest } = await enter()
    const other = await guest.openPage('/', { prepare: recordSound })
    await other.getByRole('heading', { name: 'Maya' }).click()
    const watching = other.waitForRequest('**/chat/stream?turn_id=*')
    await mayaIsSpeaking(page)
    expect(new URL((await watching).url()).searchParams.get('voice')).toBe('false')
    await expect.poll(() => textLength(other), soon).toBeGreaterThan(20)
    expect(await heardBetween(other, 0)).toMatchObject({ loudest: 0 })
    expect((await whatWasSeen(other)).words).toEqual([])
  })
})

describe('a guest who interrupts Maya', () => {
  it.each<[string, (page: Page) => Promise<void>]>([
    ['by typing', (page) => page.locator('#input').pressSequentially('W')],
    ['by stop', (page) => page.getByRole('button', { name: 'Stop' }).click()],
  ])('%s hears nothing more, and she has said what was heard', async (_, interrupt) => {
    const { page } = await enter()
    await mayaIsSpeaking(page)
    const spoken = await wordsSpoken(page)
    await interrupt(page)
    await silenceSinceGesture(page, 0.5)
    await onlyTheHeardIsKept(page, spoken)
    await page.reload()
    await expect.poll(() => conversation(page), soon).toEqual(await history(page))
  })

  it('by the next message is answered, and she has said what was heard', async () => {
    const { page } = await enter()
    await mayaIsSpeaking(page)
    // Words that are put there are not typed: only sending them interrupts.
    await page.getByRole('button', { name: 'IPA $6.00' }).click()
    await expect.poll(async () => (await whatWasSeen(page)).words.length, soon).toBeGreaterThan(6)
    const spoken = await wordsSpoken(page)
    await page.getByRole('button', { name: 'Send' }).click()
    await silenceSinceGesture(page, 0.1)
    await onlyTheHeardIsKept(page, spoken)
    await soundBegins(page)
    await answerEnds(page)
    await expect.poll(() => history(page), soon).toHaveLength(4)
    expect(await conversation(page)).toEqual(await history(page))
  })
})

describe('the voice of Cartesia', () => {
  it('says the answer, with its words in the captions', async () => {
    const { page } = await enter(cartesiaBar)
    await say(page, order)
    await soundBegins(page)
    await answerEnds(page)
    const [, answer = ''] = await conversation(page)
    const { words } = await whatWasSeen(page)
    expect(words.length).toBeGreaterThan(3)
    expect(words.filter((word) => !answer.includes(word))).toEqual([])
    expect(cartesia.contexts.at(-1)?.transcripts.join('')).toContain('Two Martinis')
  })

  it('is stopped there too when the guest interrupts it', async () => {
    const { page } = await enter(cartesiaBar)
    await say(page, menu)
    await soundBegins(page)
    await page.locator('#input').pressSequentially('W')
    await silenceSinceGesture(page, 0.5)
    await page.getByText('Interrupted.', { exact: true }).waitFor()
    await cartesia.until(() => cartesia.contexts.every(({ isOver }) => isOver))
    await expect.poll(() => conversation(page), soon).toEqual(await history(page))
  })

  it("speaks with a guest's own key, whose worth is shown", async () => {
    const { page } = await enter(cartesiaBar)
    await page.getByRole('button', { name: 'Settings' }).click()
    const state = page.locator('#key-cartesia-state')
    const save = async (key: string) => {
      await page.getByLabel('Cartesia', { exact: true }).fill(key)
      await page.getByRole('button', { name: 'Save the Cartesia key' }).click()
    }
    expect(await state.getAttribute('data-status')).toBe('none')
    await save('the-key-of-the-guest')
    await state.and(page.locator('[data-status=valid]')).waitFor()
    expect(await page.getByLabel('Cartesia', { exact: true }).inputValue()).toBe('')
    await page.getByRole('button', { name: 'Done' }).click()
    await say(page, order)
    await soundBegins(page)
    const speaking = cartesia.requests.filter(({ path }) => path.includes('/tts/websocket')).at(-1)
    expect(speaking?.headers.authorization).toBe('Bearer the-key-of-the-guest')
    await page.reload()
    await page.getByRole('button', { name: 'Settings' }).click()
    await state.and(page.locator('[data-status=valid]')).waitFor()
    await page.getByRole('button', { name: 'Remove the Cartesia key' }).click()
    await state.and(page.locator('[data-status=none]')).waitFor()
  })

  it('that is refused to a key is said where the key was entered', async () => {
    const { page } = await enter(cartesiaBar, { mayFail: true })
    await page.getByRole('button', { name: 'Settings' }).click()
    cartesia.refusal = 401
    onTestFinished(() => void (cartesia.refusal = null))
    await page.getByLabel('Cartesia', { exact: true }).fill('a-key-that-is-wrong')
    await page.keyboard.press('Enter')
    const state = page.locator('#key-cartesia-state[data-status=rejected]')
    await state.waitFor()
    expect(await state.textContent()).toContain('This key was rejected.')
  })

  it('that fails is said once, and the answer is there to be read', async () => {
    const { page } = await enter(cartesiaBar)
    const usual = cartesia.onSpeech
    cartesia.onSpeech = (context) => context.fail(500)
    onTestFinished(() => void (cartesia.onSpeech = usual))
    await say(page, order)
    await page.locator('#notice-text:not(:empty)').waitFor()
    await expect.poll(async () => (await whatWasSeen(page)).streams.length, soon).toBe(1)
    const [events] = (await whatWasSeen(page)).streams
    expect(events?.match(/voice_failed/g)).toHaveLength(1)
    await answerEnds(page)
    expect(await conversation(page)).toEqual(await history(page))
    expect((await conversation(page))[1]).toMatch(/26/)
    expect(await page.locator('#notice-text').textContent()).toMatch(/voice|Cartesia/)
    expect(await heardBetween(page, 0)).toEqual({ loudest: 0, seconds: 0 })
  })
})
