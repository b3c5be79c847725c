import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

const script = readFileSync(join(import.meta.dirname, 'sound-recorder.js'), 'utf8')

/** For a busy machine. */
const soon = { timeout: 20_000 }

/** What was to be seen while it was to be heard. */
export interface Seen {
  readonly words: readonly string[]
  readonly mouths: readonly string[]
  readonly states: readonly string[]
  /** All events of each turn that was read to its end. */
  readonly streams: readonly string[]
  /** The whole conversation as it was shown then. */
  readonly textAtFirstSound: string | null
}

/** Keeps all sound of a page that has not been opened yet. */
export async function recordSound(page: Page): Promise<void> {
  await page.addInitScript({ content: `{${script}}` })
}

export function whatWasSeen(page: Page): Promise<Seen> {
  return page.evaluate<Seen>('sound.seen')
}

/** Between two moments of the sound, in seconds. */
export function heardBetween(
  page: Page,
  from: number,
  to: number | null = null,
): Promise<{ readonly loudest: number; readonly seconds: number }> {
  return page.evaluate(`sound.between(${from}, ${to})`)
}

/** Waits until something is heard from here on. */
export async function soundBegins(page: Page): Promise<void> {
  const from = await page.evaluate<number>('sound.now()')
  await expect.poll(async () => (await heardBetween(page, from)).loudest, soon).toBeGreaterThan(0.01)
}

/** The sound ended within 50 ms of what the guest did last, and for so many seconds there was nothing more. */
export async function silenceSinceGesture(page: Page, seconds: number): Promise<void> {
  const from = (await page.evaluate<number>('sound.gestureAt()')) + 0.05
  const silence = () => heardBetween(page, from, from + seconds)
  await expect.poll(async () => (await silence()).seconds, soon).toBeGreaterThan(seconds * 0.9)
  expect(await silence()).toMatchObject({ loudest: 0 })
  expect((await heardBetween(page, 0, from)).loudest).toBeGreaterThan(0.01)
}
