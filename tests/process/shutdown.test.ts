import { describe, expect, it } from 'vitest'
import { startServer, temporaryDirectory, type ServerProcess } from './server-process.ts'

/** The house answers some ten words; at this pace that takes seconds. */
const slow = { MAYA_HOUSE_PACE_MS: '150' }
const verySlow = { MAYA_HOUSE_PACE_MS: '5000', MAYA_SHUTDOWN_SECONDS: '1' }

async function openSession({ url }: ServerProcess): Promise<string> {
  const response = await fetch(`${url}/api/v1/sessions`, { method: 'POST' })
  return JSON.parse(await response.text()).session_id
}

/** Sends a message and returns its stream as soon as the answer has begun. */
async function beginTurn({ url }: ServerProcess, session: string) {
  const response = await fetch(`${url}/api/v1/chat/stream`, {
    method: 'POST',
    body: JSON.stringify({ user_input: 'Two martinis please.' }),
    headers: { 'content-type': 'application/json', 'x-session-id': session, 'idempotency-key': 'order' },
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const readUntil = async (isEnough: () => boolean): Promise<string> => {
    while (!isEnough()) {
      const { done = true, value = '' } = (await reader?.read()) ?? {}
      if (done) break
      text += value
    }
    return text
  }
  await readUntil(() => text.includes('text_chunk') || text.includes('tool_result'))
  return { rest: () => readUntil(() => false) }
}

describe('SIGTERM', () => {
  it('lets a running turn finish, refuses new sessions meanwhile, and exits with 0', async () => {
    const server = await startServer({ directory: temporaryDirectory(), environment: slow })
    const session = await openSession(server)
    const { rest } = await beginTurn(server, session)
    server.child.kill('SIGTERM')
    await expect.poll(async () => (await fetch(`${server.url}/readyz`)).status).toBe(503)
    const refused = await fetch(`${server.url}/api/v1/sessions`, { method: 'POST' })
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).not.toBeNull()
    expect(await refused.json()).toMatchObject({ code: 'DRAINING' })
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    expect(await rest()).toContain('"type":"complete"')
    expect(await server.exited).toBe(0)
  })

  it('closes a turn as interrupted at the end of its patience, and the retry after the restart goes on', async () => {
    const directory = temporaryDirectory()
    const server = await startServer({ directory, environment: verySlow })
    const session = await openSession(server)
    const { rest } = await beginTurn(server, session)
    server.child.kill('SIGTERM')
    const text = await rest()
    expect(text).toContain('"code":"INTERRUPTED"')
    expect(text).toContain('"retryable":true')
    expect(await server.exited).toBe(0)

    const again = await startServer({ directory })
    const response = await fetch(`${again.url}/api/v1/chat`, {
      method: 'POST',
      body: JSON.stringify({ user_input: 'Two martinis please.' }),
      headers: { 'content-type': 'application/json', 'x-session-id': session, 'idempotency-key': 'order' },
    })
    expect(response.status).toBe(200)
    const answer = JSON.parse(await response.text())
    expect(answer.current_order).toMatchObject([{ item_name: 'Martini', quantity: 2 }])
    expect(answer.history).toHaveLength(2)
  })

  it('ends at once on a second signal', async () => {
    const server = await startServer({
      directory: temporaryDirectory(),
      environment: { MAYA_HOUSE_PACE_MS: '5000' },
    })
    await beginTurn(server, await openSession(server))
    server.child.kill('SIGTERM')
    await expect.poll(async () => (await fetch(`${server.url}/readyz`)).status).toBe(503)
    server.child.kill('SIGTERM')
    expect(await server.exited).toBe(1)
  })
})
