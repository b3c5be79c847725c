// The voice in a real Chromium: what the audio graph gives, and what the microphone sends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { createGuest } from './browser-guest.ts'
import { launchBrowser } from './launch.ts'
import { waveFile } from './wave-file.ts'

const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:"
const html = `<!doctype html>
<html lang="en">
  <head><title>Voice</title><link rel="icon" href="data:,"></head>
  <body><button>A gesture</button><script type="module" src="/SCRIPT"></script></body>
</html>`
const folder = mkdtempSync(join(tmpdir(), 'voice-modules-'))
const recording = join(folder, 'guest.wav')

let browser: Browser
let server: Server
let sockets: WebSocketServer
let url: string
beforeAll(async () => {
  writeFileSync(recording, wav())
  server = await servePage()
  // A connection is answered by the test that has opened it.
  sockets = new WebSocketServer({ server, path: '/api/v1/voice/listen' })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The page is not served.')
  url = `http://127.0.0.1:${address.port}`
  browser = await launchBrowser([
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    `--use-file-for-fake-audio-capture=${recording}`,
  ])
})
afterAll(async () => {
  await browser.close()
  sockets.close()
  server.close()
  rmSync(folder, { recursive: true })
})

describe('the speaker', () => {
  it('puts chunks together without a seam', async () => {
    const page = await open()
    for (const rate of [16_000, 24_000, 44_100]) {
      expect(await page.evaluate<number>(`voice.seam(${rate})`)).toBeLessThan(1e-4)
    }
  })

  it('says that it is blocked before the first gesture, and plays after it', async () => {
    const page = await open('/#speak')
    expect(await page.evaluate('voice.statuses')).toEqual(['silent', 'blocked'])
    await page.getByRole('button').click()
    await expect.poll(() => page.evaluate('voice.speaker.status()')).toBe('speaking')
    await expect.poll(async () => (await loudest(page, 0)).loudest).toBeCloseTo(0.49, 1)
    await expect.poll(() => page.evaluate('voice.speaker.word()')).toMatchObject({ turnId: 'turn-1' })
  })

  it('is heard at once, sample by sample as it was sent, and falls silent by itself at the end', async () => {
    const page = await open()
    await warm(page)
    const first = await page.evaluate<{ planMs: number; audibleMs: number; difference: number }>(
      'voice.firstSound()',
    )
    expect(first.planMs).toBeLessThan(50)
    expect(first.difference).toBeLessThan(1e-4)
    // The way to the loudspeaker belongs to the machine; a device that is not there has a long one.
    expect(first.audibleMs).toBeLessThan(500)
    await expect.poll(() => page.evaluate('voice.speaker.status()'), { timeout: 10_000 }).toBe('silent')
  })

  it('is silent within 50 ms of the stop, and knows what was heard', async () => {
    const page = await open()
    await warm(page)
    const fromFrame = 16_000 * (await page.evaluate<number>('voice.speakFromNow()'))
    await page.waitForTimeout(700)
    const { heard, atFrame } = await page.evaluate<{
      heard: { turnId: string; heardCharacters: number }
      atFrame: number
    }>('voice.stop()')
    const silentFrom = atFrame + 0.05 * 16_000
    await expect.poll(async () => (await loudest(page, silentFrom)).count).toBeGreaterThan(4_000)
    expect(await loudest(page, silentFrom)).toMatchObject({ loudest: 0 })
    expect((await loudest(page, fromFrame, atFrame)).loudest).toBeGreaterThan(0.4)
    // A word of four characters and a space begins every 100 ms; the loudspeaker is a little behind.
    const wordsGiven = (atFrame - fromFrame) / 1_600
    expect(heard.turnId).toBe('turn-1')
    expect(heard.heardCharacters).toBeLessThanOrEqual((wordsGiven + 0.5) * 5)
    expect(heard.heardCharacters).toBeGreaterThanOrEqual((wordsGiven - 4) * 5)
  })
})

describe('the listener', () => {
  it('sends what the microphone hears as 16 kHz in frames of 40 ms', async () => {
    const page = await open()
    const connection = nextConnection()
    await page.evaluate("voice.listener.start('push_to_talk')")
    const { socket, frames, texts, path } = await connection
    expect(path).toBe('/api/v1/voice/listen?mode=push_to_talk')
    await page.waitForTimeout(500)
    socket.send(JSON.stringify({ type: 'ready' }))
    const startedAtMs = performance.now()
    await expect.poll(() => frames.length, { timeout: 10_000 }).toBeGreaterThan(75)
    const tookMs = performance.now() - startedAtMs
    // What was recorded before the server was ready comes at once; the rest as time goes by.
    expect(tookMs).toBeGreaterThan(1_500)
    expect(new Set(frames.map(({ length }) => length))).toEqual(new Set([1_280]))
    const samples = frames.flatMap((frame) => [...new Int16Array(Uint8Array.from(frame).buffer)])
    expect(Math.max(...samples)).toBeGreaterThan(1_000)

    await page.evaluate('voice.listener.finish()')
    await expect.poll(() => texts).toEqual(['{"type":"end"}'])
    socket.send(JSON.stringify({ type: 'final', text: 'a beer' }))
    await expect.poll(() => page.evaluate('voice.finals')).toEqual(['a beer'])
    await expect.poll(() => socket.readyState, { timeout: 10_000 }).toBe(socket.CLOSED)
    expect(await page.evaluate('voice.listener.state()')).toEqual({ status: 'off', problem: null })
  })

  it('leaves nothing open when the guest stops', async () => {
    const page = await open()
    const connection = nextConnection()
    await page.evaluate("voice.listener.start('hands_free')")
    const { socket } = await connection
    socket.send(JSON.stringify({ type: 'ready' }))
    await page.evaluate('voice.listener.stop()')
    await expect.poll(() => socket.readyState, { timeout: 10_000 }).toBe(socket.CLOSED)
  })
})

async function open(path = '/'): Promise<Page> {
  const guest = await createGuest(browser, { reducedMotion: 'no-preference' })
  const page = await guest.openPage(`${url}${path}`, { isServed: false })
  await page.waitForFunction('"voice" in globalThis')
  return page
}

/** The guest has made a gesture, and the context runs with its recorder. */
async function warm(page: Page): Promise<void> {
  await page.getByRole('button').click()
  await page.evaluate('voice.speak()')
  await expect.poll(async () => (await loudest(page, 0)).loudest).toBeGreaterThan(0.1)
  const { atFrame } = await page.evaluate<{ atFrame: number }>('voice.stop()')
  await expect.poll(async () => (await loudest(page, atFrame + 800)).count).toBeGreaterThan(0)
}

function loudest(page: Page, from: number, to?: number): Promise<{ loudest: number; count: number }> {
  return page.evaluate(`voice.loudest(${from}, ${to ?? 'Infinity'})`)
}

function nextConnection() {
  return new Promise<{
    socket: WebSocket
    frames: Buffer[]
    texts: string[]
    path: string | undefined
  }>((resolve) => {
    sockets.once('connection', (socket, request) => {
      const frames: Buffer[] = []
      const texts: string[] = []
      socket.on('message', (content: RawData, isBinary: boolean) => {
        if (!(content instanceof Buffer)) return
        if (isBinary) frames.push(content)
        else texts.push(content.toString())
      })
      resolve({ socket, frames, texts, path: request.url })
    })
  })
}

/** The page, built as the client is, under the client's policy. */
async function servePage(): Promise<Server> {
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      write: false,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: { input: fileURLToPath(new URL('../web/voice-page/page.ts', import.meta.url)) },
    },
  })
  const results = Array.isArray(built) ? built : [built]
  const outputs = results.flatMap((result) => ('output' in result ? result.output : []))
  const files = new Map<string, string | Uint8Array>(
    outputs.map((file) => [`/${file.fileName}`, 'code' in file ? file.code : file.source]),
  )
  const script = outputs.find((file) => file.type === 'chunk' && file.isEntry)?.fileName ?? ''
  files.set('/', html.replace('SCRIPT', script))
  const answering = createServer((request, response) => {
    const path = request.url ?? ''
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html'
    response.setHeader('Content-Type', type).setHeader('Content-Security-Policy', policy)
    response.statusCode = files.has(path) ? 200 : 404
    response.end(files.get(path))
  })
  await new Promise<void>((resolve) => {
    answering.listen(0, '127.0.0.1', resolve)
  })
  return answering
}

/** Two seconds in which something like a voice rises and falls four times a second. */
function wav(): Buffer {
  const rate = 48_000
  const samples = Int16Array.from({ length: rate * 2 }, (_, place) => {
    const seconds = place / rate
    const loudness = Math.max(0, Math.sin(2 * Math.PI * 4 * seconds))
    const tones = [1, 2, 3, 5].map((tone) => Math.sin(2 * Math.PI * 160 * tone * seconds))
    return 5_000 * loudness * tones.reduce((sum, tone) => sum + tone, 0)
  })
  return waveFile(Buffer.from(samples.buffer), rate)
}
