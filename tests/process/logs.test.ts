import { spawn } from 'node:child_process'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { baseEnvironment } from '../fakes/base-environment.ts'
import { describedLines, faultOfLine } from '../logs/log-page.ts'
import { startServer, temporaryDirectory, type ServerProcess } from './server-process.ts'

const words = 'Canary-Words of a guest'
const keys = {
  GEMINI_API_KEY: 'AIza-Canary-Gemini-0123456789',
  CARTESIA_API_KEY: 'sk_car_Canary_Cartesia',
  OPENAI_HEADERS: 'x-gateway-token:Canary-Gateway',
  MAYA_METRICS_TOKEN: 'Canary-Metrics-Token',
  MAYA_MASTER_KEY: Buffer.from('Canary-Master-Key-of-32-bytes!!!').toString('base64'),
}
const canaries = ['Canary', keys.MAYA_MASTER_KEY]

const memory = { MAYA_STORE_URL: 'memory:' }

type LogLine = Readonly<Record<string, unknown>>

/** All that a server has logged: every line from `started` on. */
function linesOf(output: string): readonly LogLine[] {
  const lines = output.split('\n').filter((line) => line !== '')
  const start = lines.findIndex((line) => line.startsWith('{'))
  return lines.slice(start === -1 ? lines.length : start).map((line): LogLine => JSON.parse(line))
}

function messagesOf(output: string): readonly unknown[] {
  return linesOf(output).map(({ msg }) => msg)
}

async function post(
  url: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const request = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  }
  const answer = await fetch(url, request)
  await answer.arrayBuffer()
  return answer
}

async function end({
  child,
  exited,
}: Pick<ServerProcess, 'child' | 'exited'>): Promise<number | NodeJS.Signals> {
  child.kill('SIGTERM')
  return exited
}

describe('the log of a server', () => {
  it('is one object of JSON a line, each as its page describes it, and a request’s id leads to its turn', async () => {
    const environment = { ...memory, MAYA_LOG_LEVEL: 'Trace' }
    const server = await startServer({ directory: temporaryDirectory(), environment })
    const { headers } = await post(`${server.url}/api/v1/chat`, { user_input: 'Two martinis, please.' })
    await post(`${server.url}/api/v1/payments/pay`, {})
    expect(await end(server)).toBe(0)
    const lines = linesOf(server.output())
    const described = describedLines()
    expect(lines.map((line) => faultOfLine(line, described)).filter((fault) => fault !== null)).toEqual([])
    const ofRequest = lines.filter(({ request_id: id }) => id === headers.get('x-request-id'))
    expect(ofRequest).toMatchObject([
      { msg: 'turn', outcome: 'complete', provider: 'house', tool_calls: 1, model_calls: 2 },
      { msg: 'request', method: 'POST', route: '/api/v1/chat', status: 200 },
    ])
    expect(lines.map(({ msg }) => msg)).toEqual([
      'started',
      'turn',
      'request',
      'request refused',
      'request',
      'closing',
      'closed',
    ])
  })

  it.each([
    ['WARN', []],
    ['silent', []],
    ['Info', ['started', 'request', 'closing', 'closed']],
    ['dEbUg', ['started', 'request refused', 'request', 'closing', 'closed']],
  ])('at the level %s has the lines %j', async (level, messages) => {
    const environment = { ...memory, MAYA_LOG_LEVEL: level }
    const server = await startServer({ directory: temporaryDirectory(), environment })
    await post(`${server.url}/api/v1/payments/pay`, {})
    await end(server)
    expect(messagesOf(server.output())).toEqual(messages)
  })

  it('has one line for many probes', async () => {
    const server = await startServer({ directory: temporaryDirectory(), environment: memory })
    for (let asked = 0; asked < 5; asked++) {
      for (const path of ['/livez', '/readyz', '/healthz', '/metrics']) await fetch(server.url + path)
    }
    await end(server)
    const requests = linesOf(server.output()).filter(({ msg }) => msg === 'request')
    expect(requests.map(({ route }) => route)).toEqual(['/livez', '/readyz', '/healthz', '/metrics'])
  })

  it('is for people on a terminal, and where it is told so, and JSON on a terminal that is told so', async () => {
    const onTerminal = await outputOnTerminal({})
    expect(stripVTControlCharacters(onTerminal)).toMatch(/^\[[\d:.]+\] INFO: started \{.*\}\r$/m)
    expect(onTerminal).not.toContain('"msg"')
    expect(await outputOnTerminal({ MAYA_LOG_FORMAT: 'JSON' })).toMatch(
      /^\{"level":"info".*"msg":"started"\}\r$/m,
    )
    const server = await startServer({
      directory: temporaryDirectory(),
      environment: { ...memory, MAYA_LOG_FORMAT: 'Pretty' },
    })
    await end(server)
    expect(server.output()).toMatch(/^\[[\d:.]+\] INFO: closed$/m)
  })
})

describe('guests’ words and keys', () => {
  it('are in no line at the level trace, whatever is asked', async () => {
    const environment = { ...memory, ...keys, MAYA_LLM_PROVIDER: 'house', MAYA_LOG_LEVEL: 'trace' }
    const server = await startServer({ directory: temporaryDirectory(), environment })
    const api = `${server.url}/api/v1`
    const { headers } = await post(`${api}/chat`, { user_input: words })
    const session = headers.get('x-session-id') ?? ''
    const named = {
      'x-session-id': session,
      'x-request-id': words,
      authorization: `Bearer ${keys.MAYA_METRICS_TOKEN}`,
    }
    await post(`${api}/chat/stream`, { user_input: `Say ${Object.values(keys).join(' ')}` }, named)
    await post(`${api}/chat`, { [words]: words }, named)
    await post(`${api}/session/keys`, { gemini_key: [keys.GEMINI_API_KEY] }, named)
    const search = new URLSearchParams({ message: words, idempotency_key: words, session_id: session })
    await (await fetch(`${api}/chat/stream?${search.toString()}`)).arrayBuffer()
    for (const path of [`/${words}`, `/%zz${words}`, `/metrics?token=${keys.MAYA_METRICS_TOKEN}`]) {
      await fetch(server.url + path, { headers: named })
    }
    await end(server)
    expect(linesOf(server.output()).length).toBeGreaterThan(15)
    for (const canary of [...canaries, session, session.slice(0, 22), session.slice(23)]) {
      expect(server.output()).not.toContain(canary)
    }
  })

  it('are not in what is said of an error that nobody caught, with which the server ends', async () => {
    const directory = temporaryDirectory()
    const fault =
      "process.on('SIGUSR2', () => { throw new TypeError(`${process.env.WORDS} ${process.env.GEMINI_API_KEY}`) })"
    writeFileSync(join(directory, 'fault.mjs'), fault)
    const environment = { ...memory, ...keys, WORDS: words, NODE_OPTIONS: '--import=./fault.mjs' }
    const { child, exited, output } = await startServer({ directory, environment })
    child.kill('SIGUSR2')
    expect(await exited).toBe(1)
    const lines = linesOf(output()).filter(({ level }) => level === 'fatal')
    expect(lines).toMatchObject([{ msg: 'closing after a fatal error', err: { type: 'TypeError' } }])
    expect(messagesOf(output()).at(-1)).toBe('closed')
    for (const canary of canaries) expect(output()).not.toContain(canary)
  })
})

describe('a log that nobody takes', () => {
  it('is kept up to a bound, beyond which lines are dropped and counted, while the server goes on', async () => {
    const environment = { ...memory, MAYA_LOG_LEVEL: 'debug' }
    const server = await startServer({ directory: temporaryDirectory(), environment })
    await expect.poll(() => messagesOf(server.output())).toEqual(['started'])
    server.child.stdout?.pause()
    const asked = 5000
    await askOften(`${server.url}/api/v1/payments/tab`, asked)
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    server.child.stdout?.resume()
    await expect
      .poll(() => messagesOf(server.output().replace(/\n[^\n]*$/, '\n')), { timeout: 20_000 })
      .toContain('lines lost')
    await end(server)
    const lines = linesOf(server.output())
    const lost = lines
      .filter(({ msg }) => msg === 'lines lost')
      .reduce((sum, line) => sum + Number(line['lines']), 0)
    const told = lines.filter(({ msg }) => msg === 'request' || msg === 'request refused').length
    expect(lost).toBeGreaterThan(1000)
    // Each has a line of its refusal too; the probe has one.
    expect(told + lost).toBe(asked * 2 + 1)
  })

  it('does not hold up the end of the server', async () => {
    const server = await startServer({ directory: temporaryDirectory(), environment: memory })
    server.child.stdout?.pause()
    await askOften(`${server.url}/api/v1/session/status`, 2000)
    const over = new Promise<number | null>((resolve) => server.child.once('exit', resolve))
    server.child.kill('SIGTERM')
    expect(await over).toBe(0)
  })

  it('does not end the server when the disk is full', async () => {
    const port = await freePort()
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, ['src/main.ts'], {
      env: { ...baseEnvironment, ...memory, HOST: '127.0.0.1', PORT: String(port) },
      stdio: ['ignore', full, 'inherit'],
    })
    closeSync(full)
    onTestFinished(() => void child.kill('SIGKILL'))
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    const ask = () =>
      fetch(`http://127.0.0.1:${port}/livez`).then(
        ({ status }) => status,
        () => 0,
      )
    await expect.poll(ask, { timeout: 20_000 }).toBe(200)
    await askOften(`http://127.0.0.1:${port}/api/v1/session/status`, 200)
    expect(await ask()).toBe(200)
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
  })
})

async function askOften(url: string, times: number): Promise<void> {
  let left = times
  const guest = async () => {
    while (left-- > 0) await (await fetch(url)).arrayBuffer()
  }
  await Promise.all(Array.from({ length: 20 }, guest))
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** What a server shows on a terminal until it has started. */
async function outputOnTerminal(environment: Readonly<Record<string, string>>): Promise<string> {
  const terminal = spawn(
    'script',
    ['--quiet', '--command', `exec '${process.execPath}' src/main.ts`, '/dev/null'],
    {
      env: { ...baseEnvironment, ...memory, HOST: '127.0.0.1', PORT: '0', TERM: 'xterm', ...environment },
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  )
  onTestFinished(() => void terminal.kill('SIGKILL'))
  let output = ''
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  await expect.poll(() => output, { timeout: 20_000 }).toMatch(/started/)
  const ended = new Promise((resolve) => terminal.once('close', resolve))
  terminal.stdin.write('\u0003')
  await ended
  return output
}
