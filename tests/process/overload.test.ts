// A real server whose event loop is really kept busy: by guests who all talk at once.
import { expect, it } from 'vitest'
import { startServer, temporaryDirectory, type ServerProcess } from './server-process.ts'

async function openSession({ url }: ServerProcess): Promise<string> {
  const response = await fetch(`${url}/api/v1/sessions`, { method: 'POST' })
  expect(response.status).toBe(201)
  return JSON.parse(await response.text()).session_id
}

/** Asks and reads the whole answer. */
async function say({ url }: ServerProcess, session: string, userInput: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/chat/stream`, {
    method: 'POST',
    body: JSON.stringify({ user_input: userInput }),
    headers: { 'content-type': 'application/json', 'x-session-id': session },
  })
  return response.text()
}

async function metric({ url }: ServerProcess, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find((each) => each.startsWith(`${name} `))
  return Number(line?.split(' ').at(-1))
}

const checksOf = async ({ url }: ServerProcess, path: string): Promise<unknown> =>
  JSON.parse(await (await fetch(`${url}${path}`)).text()).checks

const guests = 24
const patience = { timeout: 60_000, interval: 200 }

it('admits nobody new while its guests keep the loop busy, and again when they have gone', async () => {
  const server = await startServer({
    directory: temporaryDirectory(),
    environment: { MAYA_STORE_URL: 'memory:', MAYA_LLM_PROVIDER: 'house', MAYA_EVENT_LOOP_DELAY_MS: '10' },
  })
  const sessions = await Promise.all(Array.from({ length: guests }, () => openSession(server)))
  const guest = await openSession(server)
  const going = new AbortController()
  const talks = sessions.map(async (session) => {
    while (!going.signal.aborted) await say(server, session, 'What do you have, and what do you recommend?')
  })
  const create = () => fetch(`${server.url}/api/v1/sessions`, { method: 'POST' })

  await expect.poll(() => metric(server, 'maya_event_loop_overloaded'), patience).toBe(1)
  const refused = await create()
  expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'OVERLOADED' }])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await checksOf(server, '/readyz')).toEqual(['The event loop is overloaded'])
  expect(await checksOf(server, '/healthz')).toEqual(['Event loop overload detected'])
  expect((await fetch(`${server.url}/livez`)).status).toBe(200)
  expect(await say(server, guest, 'A martini, please.')).toContain('"type":"complete"')

  going.abort()
  await Promise.all(talks)
  await expect.poll(async () => (await create()).status, patience).toBe(201)
  expect(await checksOf(server, '/healthz')).toEqual([])
  expect(await metric(server, 'maya_event_loop_overloaded')).toBe(0)
})
