// The reader and the server in a real memory cgroup with a limit. Where none can be made, the tests say why and skip.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi, type TestContext } from 'vitest'
import type { MemoryReading } from '../../src/memory/readers.ts'
import { baseEnvironment } from '../fakes/base-environment.ts'
import { createLimitedCgroup, type LimitedCgroup } from './cgroup.ts'

const MiB = 1024 * 1024
const blockBytes = 4 * MiB
const limitBytes = 512 * MiB

describe('the memory reader in a real cgroup', () => {
  it('tells limit and source of the cgroup, and follows a changed limit', async (context) => {
    const cgroup = limitedCgroup(context, limitBytes)
    const { hold } = startHolder(cgroup)
    expect(await hold(0)).toMatchObject({
      limitBytes,
      limitSource: cgroup.source,
      usageSource: cgroup.source,
      pressure: false,
    })
    cgroup.setLimit(384 * MiB)
    expect(await hold(0)).toMatchObject({ limitBytes: 384 * MiB })
  })

  it('sees memory as it is taken and given back', async (context) => {
    const { hold } = startHolder(limitedCgroup(context, limitBytes))
    const { usageBytes: before } = await hold(0)
    const { usageBytes: holding } = await hold(16)
    expect(holding - before).toBeGreaterThan(15 * blockBytes)
    expect(holding - before).toBeLessThan(20 * blockBytes)
    await vi.waitFor(
      async () => expect((await hold(0)).usageBytes).toBeLessThan(before + 4 * blockBytes),
      5000,
    )
  })

  it('begins and ends pressure, with five points between', async (context) => {
    const { hold } = startHolder(limitedCgroup(context, limitBytes))
    const { usageBytes: base } = await hold(0)
    const holdAt = async (utilization: number): Promise<boolean> => {
      const seen = await vi.waitFor(async () => {
        const reading = await hold(Math.round((limitBytes * utilization - base) / blockBytes))
        expect(Math.abs(reading.usageBytes / limitBytes - utilization)).toBeLessThan(0.01)
        return reading
      }, 5000)
      return seen.pressure
    }
    expect(await holdAt(0.475)).toBe(false)
    expect(await holdAt(0.55)).toBe(true)
    expect(await holdAt(0.475)).toBe(true)
    expect(await holdAt(0.4)).toBe(false)
    expect(await holdAt(0.475)).toBe(false)
  })
})

describe('the server in a real cgroup', () => {
  it('reports the limit of the cgroup and where it was read', async (context) => {
    const cgroup = limitedCgroup(context, limitBytes)
    const { metrics } = await startServer(cgroup, { MODAL_MEMORY_MB: '4096' })
    const seen = await metrics()
    expect(seen.value('maya_container_memory_limit_bytes')).toBe(limitBytes)
    expect(seen.value('maya_container_memory_usage_bytes')).toBeGreaterThan(20 * MiB)
    expect(seen.value('maya_container_memory_usage_bytes')).toBeLessThan(limitBytes / 2)
    expect(seen.value('maya_memory_source_info', 'what="limit"', `source="${cgroup.source}"`)).toBe(1)
    expect(seen.value('maya_memory_source_info', 'what="usage"', `source="${cgroup.source}"`)).toBe(1)
  })

  it('admits as many sessions as the limit has room for, however many come at once', async (context) => {
    const cgroup = limitedCgroup(context, 1024 * MiB)
    const settings = { MAYA_CONTAINER_MEMORY_THRESHOLD: '0.8', MAYA_DEFAULT_SESSION_MEMORY_MB: '200' }
    const { post, metrics } = await startServer(cgroup, settings)
    // 819 MiB less what the server itself uses, which is more than 19 and less than 219: three times 200.
    expect((await metrics()).value('maya_sessions_admissible')).toBe(3)

    const responses = await Promise.all(Array.from({ length: 20 }, () => post('/api/v1/sessions')))
    const refused = responses.filter(({ status }) => status !== 201)
    expect(refused).toHaveLength(17)
    for (const response of refused) {
      expect(response.status).toBe(503)
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await response.json()).toMatchObject({ status: 503, code: 'MEMORY_PRESSURE' })
    }
    const seen = await metrics()
    expect(seen.value('maya_active_sessions')).toBe(3)
    expect(seen.value('maya_sessions_admissible')).toBe(0)
    expect(seen.value('maya_container_memory_pressure')).toBe(0)
  })

  it('is unhealthy and admits nobody while another process takes the memory, and recovers', async (context) => {
    const cgroup = limitedCgroup(context, limitBytes)
    const { get, post, metrics } = await startServer(cgroup, { MAYA_DEFAULT_SESSION_MEMORY_MB: '10' })
    const { hold } = startHolder(cgroup)
    expect((await get('/healthz')).status).toBe(200)
    const session = await post('/api/v1/sessions')
    expect(session.status).toBe(201)
    const { usageBytes } = await hold(0)

    await hold(Math.ceil((limitBytes * 0.85 - usageBytes) / blockBytes))
    const health = await vi.waitFor(async () => {
      const response = await get('/healthz')
      expect(response.status).toBe(503)
      return response.json()
    }, 5000)
    expect(health).toMatchObject({ status: 'unhealthy', checks: ['Container memory pressure detected'] })
    expect((await metrics()).value('maya_container_memory_pressure')).toBe(1)
    const refused = await post('/api/v1/sessions')
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'MEMORY_PRESSURE' }])
    expect((await get('/livez')).status).toBe(200)
    const sessionId = String(session.headers.get('x-session-id'))
    const status = await get('/api/v1/session/status', { 'x-session-id': sessionId })
    expect(await status.json()).toMatchObject({ is_active: true })

    await hold(0)
    await vi.waitFor(async () => expect((await get('/healthz')).status).toBe(200), 5000)
    expect((await post('/api/v1/sessions')).status).toBe(201)
  })
})

function limitedCgroup(context: TestContext, bytes: number): LimitedCgroup {
  const result = createLimitedCgroup(bytes)
  if (!result.ok) return context.skip(`no cgroup can be made here: ${result.reason}`)
  onTestFinished(() => result.cgroup.remove())
  return result.cgroup
}

type Seen = MemoryReading & { readonly pressure: boolean }

/** Starts a process that holds as many blocks of memory as it is asked to, and answers with what it then sees. */
function startHolder(cgroup: LimitedCgroup): { readonly hold: (blocks: number) => Promise<Seen> } {
  const script = new URL('memory-child.ts', import.meta.url).pathname
  const { stdin, stdout, stderr } = cgroup.spawn(
    [process.execPath, '--expose-gc', script, String(blockBytes), '0.5'],
    process.env,
  )
  stderr.pipe(process.stderr)
  const lines = createInterface(stdout)[Symbol.asyncIterator]()
  return {
    async hold(blocks) {
      stdin.write(`${blocks}\n`)
      const { value } = await lines.next()
      return JSON.parse(value ?? '')
    },
  }
}

async function startServer(cgroup: LimitedCgroup, settings: Readonly<Record<string, string>>) {
  const port = await freePort()
  const main = new URL('../../src/main.ts', import.meta.url).pathname
  const child = cgroup.spawn([process.execPath, main], {
    ...baseEnvironment,
    HOST: '127.0.0.1',
    PORT: String(port),
    MAYA_STORE_URL: 'memory:',
    MAYA_LLM_PROVIDER: 'house',
    ...settings,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
  const url = (path: string): string => `http://127.0.0.1:${port}${path}`
  const get = (path: string, headers: Record<string, string> = {}) => fetch(url(path), { headers })
  const post = (path: string) =>
    fetch(url(path), { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
  const metrics = async () => parseMetrics(await (await get('/metrics')).text())

  for (;;) {
    if (child.exitCode !== null) throw new Error(`The server did not start: ${output}`)
    if (
      await get('/livez').then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break
    await delay(50)
  }
  return { get, post, metrics }
}

function parseMetrics(text: string) {
  return {
    /** The value of the series of this name whose labels contain all of `labels`. */
    value(name: string, ...labels: readonly string[]): number | undefined {
      const line = text
        .split('\n')
        .find((each) => /^\w+/.exec(each)?.[0] === name && labels.every((label) => each.includes(label)))
      return line === undefined ? undefined : Number(line.split(' ').at(-1))
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}
