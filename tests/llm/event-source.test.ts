import { createServer } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EventSource, EventSourceError } from '../../src/llm/event-source.ts'
import type { ScriptedAnswer } from '../fakes/gemini-server.ts'
import { startServer } from './gemini-upstream.ts'

const request = { path: '/speak', headers: { 'content-type': 'application/json' }, body: '{}' }
const never = new AbortController().signal

function sourceAt(origin: string, bounds: { replyBytesMax?: number; eventBytesMax?: number } = {}) {
  const source = new EventSource({
    origin,
    replyBytesMax: 64 * 1024 * 1024,
    eventBytesMax: 1024 * 1024,
    ...bounds,
  })
  onTestFinished(() => source.close())
  return source
}

async function setup(...answers: readonly ScriptedAnswer[]) {
  const server = await startServer()
  server.answers(...answers)
  return { server, source: sourceAt(server.url) }
}

describe('an event source', () => {
  it('tells what has come before it tells that the connection broke', async () => {
    const { source } = await setup({ pieces: ['data: one\n\ndata: two\n\nda'], end: 'reset' })
    const reply = await source.post(request, never)
    expect(await reply.next()).toEqual(['one', 'two'])
    await expect(reply.next()).rejects.toMatchObject({ failure: 'broken-off' })
  })

  it('tells nothing more once its signal is aborted, not even what has come', async () => {
    const { server, source } = await setup({ pieces: ['data: one\n\n'], end: 'hang' })
    const stop = new AbortController()
    const reply = await source.post(request, stop.signal)
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
    stop.abort('enough')
    await expect(reply.next()).rejects.toBe('enough')
    await server.idle()
  })

  it("names the system's code, and no address, when nobody listens", async () => {
    const { server, source } = await setup()
    await server.stop()
    const error: unknown = await source.post(request, never).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ failure: 'unreachable', code: 'ECONNREFUSED' })
    expect(error).toBeInstanceOf(EventSourceError)
    expect(String(error)).not.toContain('127.0.0.1')
  })

  it('reads a refusal as a text, and not without end', async () => {
    const { server, source } = await setup({ status: 503, pieces: ['x'.repeat(200_000)], end: 'hang' })
    const reply = await source.post(request, never)
    expect(reply.status).toBe(503)
    expect(await reply.text()).toHaveLength(64 * 1024)
    reply.close()
    await server.idle()
  })

  it('makes the other side wait while nobody reads, and goes on where it was', async () => {
    const event = `data: ${'x'.repeat(64 * 1024)}\n\n`
    const events = 800
    let sent = 0
    const server = createServer((incoming, response) => {
      incoming.resume()
      const send = (): void => {
        if (sent === events) response.end()
        else {
          sent++
          response.write(event, send)
        }
      }
      send()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const reply = await sourceAt(`http://127.0.0.1:${port}`).post(request, never)
    // What the system's own buffers take is sent all the same.
    for (let before = -1; before !== sent;) {
      before = sent
      for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(sent).toBeLessThan(events)
    let heard = 0
    for (let data = await reply.next(); data !== undefined; data = await reply.next()) heard += data.length
    expect(heard).toBe(events)
  })
})
