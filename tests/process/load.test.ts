// The load command with real processes: a server that is visited, and those that cannot be.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { endGroup } from './end-group.ts'
import { runCommand, serve, startCommand } from './operator-process.ts'
import { startServer, temporaryDirectory, type ServerProcess } from './server-process.ts'

const memory = { MAYA_STORE_URL: 'memory:' }
const quick = ['--guests', '3', '--ramp', '0', '--think', '1']

function startMaya(environment: Readonly<Record<string, string>> = {}) {
  return startServer({ directory: temporaryDirectory(), environment: { ...memory, ...environment } })
}

async function metricOf({ url }: ServerProcess, series: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find((one) => one.startsWith(`${series} `)) ?? ''
  return Number(line.slice(series.length))
}

/** Lets a load run until the server has answered so many turns, then interrupts it. */
async function loadUntil(server: ServerProcess, turns: number, words: readonly string[] = quick) {
  const load = startCommand('load', [...words, server.url])
  const answered = (): Promise<number> => metricOf(server, 'maya_turns_total{outcome="complete"}')
  await expect.poll(answered, { timeout: 60_000, interval: 200 }).toBeGreaterThanOrEqual(turns)
  load.child.kill('SIGINT')
  return load.ended
}

describe('a load', () => {
  it('is answered, shows how long it took, and leaves no session behind', async () => {
    const server = await startMaya()
    const { code, output, words } = await loadUntil(server, 12)
    expect([code, words]).toEqual([
      0,
      expect.stringContaining('3 guests for 1 min send at most 360 messages.'),
    ])
    expect(output).toMatch(/^\d+ s with 3 guests at http:\S+, stopped early\n\d+ turns answered, 0 failed/)
    expect(output).toMatch(/^first text +\d+ +\d+ ms/m)
    expect(output).toMatch(/^whole turn\n( {2}.*\n)+/m)
    expect(output).toMatch(/^sessions +0 +\d+ +0$/m)
    expect(output).toContain('All 3 guests fitted at once.')
    expect(await metricOf(server, 'maya_active_sessions')).toBe(0)
  })

  it.each([
    ['Ctrl-C, of which the terminal and npm both tell it', (pid: number) => process.kill(-pid, 'SIGINT')],
    ['a signal that npm alone has got', (pid: number) => process.kill(pid, 'SIGTERM')],
    ['the end of its terminal', (pid: number) => process.kill(-pid, 'SIGHUP')],
  ])('that npm runs leaves no session behind after %s', async (_what, interrupt) => {
    const server = await startMaya()
    const npm = spawn('npm', ['run', '--silent', 'load', '--', ...quick, server.url], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    })
    onTestFinished(() => endGroup(npm))
    let output = ''
    npm.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    await expect.poll(() => metricOf(server, 'maya_active_sessions'), { timeout: 60_000 }).toBe(3)
    if (npm.pid !== undefined) interrupt(npm.pid)
    // Not before the last process that could write there has ended.
    await once(npm, 'close')
    expect(output).toContain('stopped early')
    expect(await metricOf(server, 'maya_active_sessions')).toBe(0)
  })

  it('hears the answers where it is wished', async () => {
    const { code, output } = await loadUntil(await startMaya(), 2, [...quick, '--spoken'])
    expect([code, output]).toEqual([0, expect.stringMatching(/^first sound +\d/m)])
  })

  it('tells who found no room, and what would make it', async () => {
    const server = await startMaya({ MAYA_SESSIONS_PER_CONTAINER: '2' })
    const { code, output } = await loadUntil(server, 3)
    expect(code).toBe(1)
    expect(output).toContain('2 of 3 guests fitted at once; refused with SESSION_LIMIT.\n1 never came in.\n')
    expect(output).toContain('with SESSION_LIMIT (raised by MAYA_SESSIONS_PER_CONTAINER).')
  })

  it('is held back by rate limits without failing, and names the one that did', async () => {
    const server = await startMaya({ MAYA_APP_RATE_LIMIT: '2' })
    const load = startCommand('load', [...quick, server.url])
    const limited = (): Promise<number> => metricOf(server, 'maya_rate_limited_total{limit="app"}')
    await expect.poll(limited, { timeout: 60_000, interval: 200 }).toBeGreaterThan(0)
    load.child.kill('SIGTERM')
    const { code, output } = await load.ended
    expect(code).toBe(0)
    expect(output).toMatch(/Refused \d+ times with RATE_LIMITED \(raised by MAYA_APP_RATE_LIMIT\)\./)
  })

  it('opens sessions with the key that they need, and says so where it has none', async () => {
    const keys = { MAYA_API_KEYS: 'key-0123456789-abcdef:north' }
    const server = await startMaya(keys)
    const closed = await runCommand('load', [...quick, server.url])
    expect([closed.code, closed.words]).toEqual([2, expect.stringContaining('set MAYA_API_KEYS')])
    const load = startCommand('load', [...quick, server.url], { environment: keys })
    await expect.poll(() => metricOf(server, 'maya_sessions_created_total'), { timeout: 60_000 }).toBe(3)
    load.child.kill('SIGINT')
    expect((await load.ended).code).toBe(0)
  })

  it('goes on when the server dies, counts what it did not answer, and is exit code 1', async () => {
    const server = await startMaya()
    const load = startCommand('load', [...quick, server.url])
    const created = (): Promise<number> => metricOf(server, 'maya_sessions_created_total')
    await expect.poll(created, { timeout: 60_000 }).toBe(3)
    server.child.kill('SIGKILL')
    await server.exited
    // The line of the progress after ten seconds.
    await expect.poll(load.words, { timeout: 60_000 }).toMatch(/failed [1-9]/)
    load.child.kill('SIGINT')
    const { code, output } = await load.ended
    expect(code).toBe(1)
    expect(output).toMatch(/failed \((CANNOT_CONNECT|BROKEN_OFF) \d/)
  })
})

describe('the command', () => {
  it('says what it would send to another machine, and sends nothing', async () => {
    const { code, words } = await runCommand('load', [
      '--guests',
      '20',
      '--minutes',
      '2',
      'https://bar.invalid',
    ])
    expect(code).toBe(2)
    expect(words).toContain('https://bar.invalid is not this machine, and its models may cost money.')
    expect(words).toContain('20 guests for 2 min send at most 600 messages. Add --yes if that is wished.')
    const wished = await runCommand('load', ['--yes', 'https://bar.invalid'])
    expect([wished.code, wished.words]).toEqual([3, expect.stringContaining('cannot be reached')])
  })

  it('is exit code 3 where no Maya answers', async () => {
    const url = await serve((_request, response) => response.end('<h1>It works!</h1>'))
    const { code, words } = await runCommand('load', [url])
    expect([code, words]).toEqual([3, expect.stringContaining('that is no Maya')])
  })

  it.each([
    [[], 'One URL is needed'],
    [['--guests', '501', 'http://localhost'], '--guests is "501"; allowed is a whole number from 1 to 500.'],
    [['--minutes', '0', 'http://localhost'], '--minutes is "0"; allowed is'],
    [['--ramp', '61', 'http://localhost'], '--ramp is "61"; allowed is a whole number from 0 to 60.'],
  ])('called with %j is exit code 2 and says what is allowed', async (words, reason) => {
    const result = await runCommand('load', words)
    expect([result.code, result.words]).toEqual([2, expect.stringContaining(reason)])
  })

  it('explains itself', async () => {
    const { code, output } = await runCommand('load', ['-h'])
    expect([code, output]).toEqual([0, expect.stringContaining('npm run load -- [options] URL')])
  })
})
