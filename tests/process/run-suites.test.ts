// tests/run.ts is told to stop while suites run. Theirs is an npm that starts a process and waits for it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { portOf } from '../store/tcp-relay.ts'
import { temporaryDirectory } from './server-process.ts'

const npm = `#!/bin/sh
"$NODE" -e 'require("node:net").connect(process.env.PORT)' &
wait
`

/** Processes of suites connect to it as long as they live. */
async function startMeetingPlace() {
  const server = createServer().listen(0, '127.0.0.1')
  const sockets: Socket[] = []
  server.on('connection', (socket) => sockets.push(socket.on('error', () => {}).resume()))
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { server, sockets }
}

it.each(['SIGHUP', 'SIGINT', 'SIGTERM'] as const)(
  'leaves no process behind at %s',
  async (signal) => {
    const { server, sockets } = await startMeetingPlace()
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'npm'), npm, { mode: 0o755 })
    const PATH = `${directory}:${process.env['PATH']}`
    const run = spawn(process.execPath, [resolve('tests/run.ts')], {
      cwd: directory,
      env: { PATH, NODE: process.execPath, PORT: String(portOf(server)) },
      stdio: 'ignore',
    })
    while (sockets.length < 2) await once(server, 'connection')
    const ended = sockets.map((socket) => once(socket, 'close'))
    run.kill(signal)
    expect(await once(run, 'exit')).toEqual([null, signal])
    await Promise.all(ended)
  },
  20_000,
)
