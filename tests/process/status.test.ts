// The status command against a real server, and against servers that are none or wish nobody well.
import { mkdirSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runCommand, serve } from './operator-process.ts'
import { startServer, temporaryDirectory } from './server-process.ts'

const memory = { MAYA_STORE_URL: 'memory:' }
const token = 'a-token-of-the-metrics'

function startMaya(environment: Readonly<Record<string, string>> = {}) {
  return startServer({ directory: temporaryDirectory(), environment: { ...memory, ...environment } })
}

describe('the status of a real server', () => {
  it('is a table for people on 80 columns, without colours where nobody sees them, and exit code 0', async () => {
    const { url } = await startMaya()
    await fetch(`${url}/api/v1/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"user_input":"A beer, please."}',
    })
    const { code, output, words } = await runCommand('status', ['--seconds', '1', `${url}/`])
    expect([code, words]).toEqual([0, ''])
    expect(output).toContain(`${url} is healthy and takes new sessions\n`)
    expect(output).toMatch(/^this container +1\/50 /m)
    expect(output).toMatch(/^turns a minute +0 +\d/m)
    expect(Math.max(...output.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80)
    expect(output).not.toContain('\u001B')
  })

  it('is JSON for machines', async () => {
    const { url } = await startMaya()
    const { code, output } = await runCommand('status', ['--json', '--seconds=0', url])
    expect(code).toBe(0)
    const status = { url, is_healthy: true, problems: [], containers: [{ sessions: 0, sessions_max: 50 }] }
    const report = JSON.parse(output)
    expect(report).toMatchObject(status)
    const names = [
      'url',
      'is_healthy',
      'problems',
      'metrics_refused',
      'containers',
      'now',
      'since_start',
      'notes',
    ]
    expect(Object.keys(report)).toEqual(names)
  })

  it('is exit code 1, with the reason, where nobody is let in any more', async () => {
    const { url } = await startMaya({ MAYA_SESSIONS_PER_CONTAINER: '1' })
    await fetch(`${url}/api/v1/sessions`, { method: 'POST' })
    const { code, output } = await runCommand('status', ['--seconds', '0', url])
    expect(code).toBe(1)
    expect(output).toContain('is not healthy\n  Takes no new sessions: No room for another session\n')
  })

  it('wants the token that the metrics want, and finds it in .env', async () => {
    const { url } = await startMaya({ MAYA_METRICS_TOKEN: token })
    const closed = await runCommand('status', [url])
    expect([closed.code, closed.output]).toEqual([2, expect.stringContaining('set MAYA_METRICS_TOKEN')])
    expect(closed.output).toContain('is healthy')
    const wrong = { MAYA_METRICS_TOKEN: 'another-token-0123' }
    const refused = await runCommand('status', [url], { environment: wrong })
    expect([refused.code, refused.output]).toEqual([
      2,
      expect.stringContaining('refuse this MAYA_METRICS_TOKEN'),
    ])
    expect(refused.output).not.toContain('another-token')
    const directory = temporaryDirectory()
    writeFileSync(join(directory, '.env'), `MAYA_METRICS_TOKEN=${token}\n`)
    const open = await runCommand('status', ['--seconds', '0', url], { directory })
    expect([open.code, open.output]).toEqual([0, expect.stringContaining('this container')])
  })

  it('is exit code 2, with the reason, where .env cannot be read', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, '.env'))
    const { code, words } = await runCommand('status', ['http://127.0.0.1:1'], { directory })
    expect([code, words]).toEqual([2, expect.stringMatching(/^\.env cannot be read \(EISDIR\)\.\n/)])
  })
})

describe('a status of what is no Maya', () => {
  const hostile: readonly (readonly [what: string, listener: RequestListener, reason: RegExp])[] = [
    [
      'a page of a proxy',
      (_request, response) =>
        response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
      /answers 502 with text\/html: that is no Maya/,
    ],
    [
      'other JSON',
      (_request, response) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}'),
      /answers 200 with application\/json: that is no Maya/,
    ],
    [
      'a redirect to itself',
      ({ url = '' }, response) => response.writeHead(302, { location: `${url}?key=secret` }).end(),
      /redirects to http:\/\/127\.0\.0\.1:\d+\/healthz, which is not followed/,
    ],
    [
      'more than anybody can read',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const more = (): void => {
          while (response.write(' '.repeat(65_536)));
        }
        response.on('drain', more)
        more()
      },
      /answers with more than 64 KB/,
    ],
    ['nothing at all', () => {}, /has not answered within 1 s/],
    [
      'a byte now and then',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const drip = setInterval(() => response.write(' '), 100)
        response.on('close', () => clearInterval(drip))
      },
      /has not answered within 1 s/,
    ],
    [
      'half an answer',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '100' })
        response.write('{"status"')
        setTimeout(() => response.destroy(), 50)
      },
      /The connection to .* broke \(ECONNRESET\)/,
    ],
    ['no HTTP', ({ socket }) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), /speaks no HTTP \(HPE_/],
  ]

  it.each(hostile)(
    'that answers with %s is exit code 3 and one sentence',
    async (_what, listener, reason) => {
      const url = await serve(listener)
      const { code, output, words } = await runCommand('status', ['--timeout', '1', url])
      expect([code, output]).toEqual([3, ''])
      expect(words).toMatch(reason)
      expect(words.trimEnd().split('\n')).toHaveLength(1)
      expect(words).not.toContain('secret')
    },
  )

  it('where nobody listens, no name is known, or TLS is not spoken, says which', async () => {
    const url = await serve((_request, response) => response.end())
    expect(await reasonOf('http://127.0.0.1:1')).toEqual([3, expect.stringContaining('Nobody listens there')])
    expect(await reasonOf('http://nobody.invalid')).toEqual([3, expect.stringContaining('name of the host')])
    expect(await reasonOf(url.replace('http', 'https'))).toEqual([3, expect.stringContaining('TLS with')])
  })

  it('is told to machines as JSON, too', async () => {
    const { code, output } = await runCommand('status', ['--json', 'http://127.0.0.1:1'])
    expect(code).toBe(3)
    expect(JSON.parse(output)).toEqual({
      url: 'http://127.0.0.1:1',
      is_healthy: false,
      problems: [expect.stringContaining('cannot be reached')],
      code: 'CANNOT_CONNECT',
    })
  })

  it('prints no credentials of the URL, and sends them', async () => {
    const seen: unknown[] = []
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.end()
    })
    const { output, words } = await runCommand('status', [url.replace('//', '//ada:pa55word@')])
    expect(output + words).not.toContain('pa55word')
    expect(seen).toEqual([`Basic ${Buffer.from('ada:pa55word').toString('base64')}`])
  })
})

async function reasonOf(address: string) {
  const { code, words } = await runCommand('status', ['--timeout', '5', address])
  return [code, words]
}

describe('the command', () => {
  it.each([
    [[], 'One URL is needed'],
    [['localhost:8000'], 'One URL is needed'],
    [['http://a', 'http://b'], 'One URL is needed'],
    [['--seconds', 'many', 'http://a'], '--seconds is "many"; allowed is a whole number from 0 to 600.'],
    [['--timeout', '0', 'http://a'], '--timeout is "0"; allowed is'],
    [['--colour', 'http://a'], "Unknown option '--colour'"],
  ])('called with %j is exit code 2 and says what is allowed', async (words, reason) => {
    const result = await runCommand('status', words)
    expect([result.code, result.output]).toEqual([2, ''])
    expect(result.words).toContain(reason)
    expect(result.words).toContain('npm run status -- [options] URL')
  })

  it('explains itself', async () => {
    const { code, output } = await runCommand('status', ['--help'])
    expect([code, output]).toEqual([0, expect.stringContaining('Exit code: 0 healthy')])
  })
})
