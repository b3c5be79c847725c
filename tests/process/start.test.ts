import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { endGroup } from './end-group.ts'
import { launch, startServer, temporaryDirectory } from './server-process.ts'

describe('a start', () => {
  it('says where it is, which model and store it uses, how many sessions it takes and how it reads memory', async () => {
    const { output } = await startServer({ directory: temporaryDirectory() })
    await expect.poll(output).toMatch(/memory {4}/)
    expect(output()).toMatch(/^Maya is at http:\/\/127\.0\.0\.1:\d+$/m)
    expect(output()).toMatch(/model {5}house/)
    expect(output()).toMatch(/store {5}sqlite:data\/maya\.db/)
    expect(output()).toMatch(/sessions {2}up to 50, 50 MB reserved for each/)
    expect(output()).toMatch(/memory {4}.*(limit|no limit known).*MB used \((cgroup-v1|cgroup-v2|rss)\)/)
  })

  it('stops with exit code 78 on bad settings and names all of them', async () => {
    const environment = { PORT: 'eighty', MAYA_TURN_OVERLAP: 'never', MAYA_MASTER_KEY: 'secret-but-short' }
    const directory = temporaryDirectory()
    const { exited, output } = launch({
      directory,
      environment: { ...environment, MAYA_STORE_URL: 'memory:' },
    })
    expect(await exited).toBe(78)
    expect(output()).toMatch(/PORT is .*eighty/)
    expect(output()).toMatch(/MAYA_TURN_OVERLAP is .*never/)
    expect(output()).toContain('MAYA_MASTER_KEY')
    expect(output()).not.toContain('secret-but-short')
  })

  it('reads .env from the working directory, where the real environment wins', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, '.env'), 'MAYA_SESSIONS_PER_CONTAINER=7\nMAYA_STORE_URL=memory:\n')
    const { output } = await startServer({ directory, environment: { MAYA_STORE_URL: 'sqlite:other.db' } })
    await expect.poll(output).toMatch(/up to 7,/)
    expect(output()).toMatch(/store {5}sqlite:other\.db/)
  })

  it('stops with exit code 78 where .env cannot be read, and says why', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, '.env'))
    const { exited, output } = launch({ directory })
    expect(await exited).toBe(78)
    expect(output()).toBe('Maya does not start: .env cannot be read (EISDIR).\n')
  })

  it('warns when the settings promise more sessions than the memory holds, and says how many it holds', async () => {
    const environment = {
      MAYA_STORE_URL: 'memory:',
      MODAL_MEMORY_MB: '1024',
      MAYA_SESSIONS_PER_CONTAINER: '1000',
    }
    const { output } = await startServer({ directory: temporaryDirectory(), environment })
    await expect.poll(output).toMatch(/warning {3}1000 sessions of 50 MB do not fit in 1024 MB .* \d+ do\./)
  })

  it('says what is wrong with a database that it cannot use, and ends', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'data'))
    writeFileSync(join(directory, 'data/maya.db'), 'this is not a database, it is a poem about one')
    const { exited, output } = launch({ directory })
    expect(await exited).toBe(1)
    expect(output()).toMatch(/Maya does not start: .*maya\.db/)
  })

  it('says that its port is taken, and ends', async () => {
    const { url } = await startServer({ directory: temporaryDirectory() })
    const { exited, output } = launch({
      directory: temporaryDirectory(),
      environment: { PORT: new URL(url).port },
    })
    expect(await exited).toBe(1)
    expect(output()).toContain('EADDRINUSE')
  })
})

describe('npm start', () => {
  it('passes a signal on, so that a server is never left behind by a service manager', async () => {
    const { npm, output } = await npmStart()
    npm.kill('SIGTERM')
    // Not before the last process that could write there has ended.
    await once(npm, 'close')
    expect(output()).toContain('"closed"')
  })

  it('takes Ctrl-C for one signal, though the terminal and npm both tell the server', async () => {
    const { npm, output } = await npmStart()
    process.kill(-(npm.pid ?? 0), 'SIGINT')
    await once(npm, 'close')
    expect(output()).toContain('"signal":"SIGINT","msg":"closing"')
    expect(output()).toContain('"closed"')
  })
})

/** In a process group of its own, as a terminal makes one. */
async function npmStart() {
  const npm = spawn('npm', ['run', '--ignore-scripts', 'start'], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', MAYA_STORE_URL: 'memory:' },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  onTestFinished(() => endGroup(npm))
  let output = ''
  npm.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  await expect.poll(() => output, { timeout: 20_000 }).toContain('Maya is at')
  return { npm, output: () => output }
}
