import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../../tests/browser/launch.ts'
import { median, quantile } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import { servePageOf } from './page-server.ts'
import type { VoiceBench } from './voice-bench.ts'
import { startSpeakingServer } from './speaking-server.ts'

const paceMs = 30
const aimMs = 50
/** An answer that is spoken for ten seconds. */
const question = 'What do you recommend?'
/** A key that falls between two words stops nothing that can be heard: so often it is tried again. */
const triesMax = 3
/** What is recorded behind a key before the page is asked for it: to be asked would disturb it. */
const recordedMs = 600
const pollMs = 100
const answerWithinMs = 30_000

const keys = {
  stop: 'Enter on "Stop"',
  write: 'the first letter of a message',
} as const

type KeyName = keyof typeof keys

/** What one key brought about. */
interface Silence {
  /** How long the key waited for the page. */
  readonly handledMs: number
  readonly destinationMs: number
  readonly loudspeakerMs: number
  readonly wasSounding: boolean
}

/** How long Maya is still heard in a real browser after the guest has pressed a key. */
export async function measureSilence(bench: VoiceBench): Promise<void> {
  const { cartesiaUrl, isQuick } = bench
  const server = await startSpeakingServer({ voice: 'embedded', paceMs, cartesiaUrl })
  const served = await servePageOf(server.url)
  let browser: Browser | undefined
  try {
    browser = await launchBrowser()
    const page = await openPage(browser, served.url)
    await ask(page) // Whose beginning is not recorded.
    await press(page, 'stop')
    const measured: Record<KeyName, Silence[]> = { stop: [], write: [] }
    const presses = isQuick ? 2 : 30
    for (let at = 0; at < presses; at++) {
      if (at % 10 === 0) printProgress(`silence, press ${at + 1} of ${presses} of each key`)
      for (const name of ['stop', 'write'] as const) measured[name].push(await measurePress(page, name))
    }
    print(measured)
  } finally {
    await browser?.close()
    served.close()
    await server.stop()
  }
}

async function openPage(browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } })
  context.setDefaultTimeout(30_000)
  await context.addInitScript({ path: join(import.meta.dirname, 'sound-watch.js') })
  const page = await context.newPage()
  await page.goto(url)
  await page.locator('#balance:not(:empty)').waitFor({ state: 'attached' })
  return page
}

async function measurePress(page: Page, name: KeyName): Promise<Silence> {
  for (let tried = 1; ; tried++) {
    await ask(page)
    // Somewhere within a sentence, never at the same place of it.
    await setTimeout(300 + Math.random() * 900)
    await press(page, name)
    await setTimeout(recordedMs)
    const silence = await answerOf(() => page.evaluate<Silence | null>('soundWatch.silence()'))
    if (silence.wasSounding || tried === triesMax) return silence
  }
}

/** Asks, and waits for the sound of the answer. */
async function ask(page: Page): Promise<void> {
  await page.locator('#stop').waitFor({ state: 'hidden' })
  await page.locator('#input').fill(question)
  await page.locator('#input').press('Enter')
  await answerOf(async () => (await page.evaluate<boolean>('soundWatch.isSounding()')) || null)
}

/** What the page says as soon as it is not null. Its policy does not let it be watched from within. */
async function answerOf<Answer>(look: () => Promise<Answer | null>): Promise<Answer> {
  const deadlineMs = performance.now() + answerWithinMs
  while (performance.now() < deadlineMs) {
    const answer = await look()
    if (answer !== null) return answer
    await setTimeout(pollMs)
  }
  throw new Error('The page makes no sound, or its sound is not recorded.')
}

async function press(page: Page, name: KeyName): Promise<void> {
  if (name === 'stop') {
    await page.locator('#stop').focus()
    await page.keyboard.press('Enter')
  } else {
    await page.locator('#input').focus()
    await page.keyboard.press('h')
  }
}

function print(measured: Readonly<Record<KeyName, readonly Silence[]>>): void {
  printTable(
    'From a key to the last sample that is not zero, in ms',
    [
      'key',
      'presses',
      'between words',
      'handled after p50',
      'destination p50',
      'p95',
      'worst',
      `< ${aimMs} ms`,
      'loudspeaker p50',
      'p95',
      'worst',
    ],
    (['stop', 'write'] as const).map((name) => {
      const all = measured[name]
      const heard = all.filter(({ wasSounding }) => wasSounding)
      const destination = heard.map(({ destinationMs }) => destinationMs)
      const within = destination.filter((value) => value < aimMs).length
      return [
        keys[name],
        String(heard.length),
        String(all.length - heard.length),
        median(heard.map(({ handledMs }) => handledMs)).toFixed(1),
        ...quantiles(destination),
        `${((100 * within) / heard.length).toFixed(0)} %`,
        ...quantiles(heard.map(({ loudspeakerMs }) => loudspeakerMs)),
      ]
    }),
  )
}

function quantiles(values: readonly number[]): readonly string[] {
  return [0.5, 0.95, 1].map((part) => quantile(values, part).toFixed(1))
}
