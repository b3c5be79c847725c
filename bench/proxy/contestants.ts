import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startServer, type ServerCommand, type ServerProcess } from '../harness/server-process.ts'
import { preparePython } from '../servers/python.ts'

export const proxyNames = ['nginx', 'none', 'maya', 'aiohttp', 'httpx'] as const
export type ProxyName = (typeof proxyNames)[number]
export type ContestantName = 'direct' | ProxyName
export const contestantNames: readonly ContestantName[] = ['direct', ...proxyNames]

/** How each is called in the tables. */
export const titles: Readonly<Record<ContestantName, string>> = {
  direct: '(Node, asked directly)',
  nginx: 'nginx',
  none: '(uvicorn alone)',
  maya: 'asgi_proxy',
  aiohttp: 'ASGI, aiohttp',
  httpx: 'Starlette, httpx',
}

/** The event loop of the ASGI servers. Modal's own is asyncio's. */
export const eventLoops = ['uvloop', 'asyncio'] as const
export type EventLoop = (typeof eventLoops)[number]

export function startUpstream(): Promise<ServerProcess> {
  const script = fileURLToPath(import.meta.resolve('./upstream.ts'))
  return startServer({ command: process.execPath, args: [script], environment: {} })
}

export async function startProxy(
  name: ProxyName,
  upstreamUrl: string,
  eventLoop: EventLoop,
): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'maya-bench-'))
  const command = name === 'nginx' ? nginxCommand(directory, upstreamUrl) : pythonCommand(name, eventLoop)
  const environment = { ...command.environment, UPSTREAM_URL: upstreamUrl }
  const server = await startServer({ ...command, environment, directory })
  return {
    ...server,
    async stop() {
      await server.stop()
      rmSync(directory, { recursive: true })
    },
  }
}

function pythonCommand(name: Exclude<ProxyName, 'nginx'>, eventLoop: EventLoop): ServerCommand {
  const script = join(import.meta.dirname, `../servers/proxy_${name}.py`)
  return { command: preparePython(), args: [script], environment: { EVENT_LOOP: eventLoop } }
}

/** Its port is known only when it starts, and nginx reads no environment. */
function nginxCommand(directory: string, upstreamUrl: string): ServerCommand {
  copyFileSync(join(import.meta.dirname, 'nginx.conf'), join(directory, 'nginx.conf'))
  writeFileSync(join(directory, 'node.conf'), `server ${new URL(upstreamUrl).host};\n`)
  const script =
    'echo "listen 127.0.0.1:$PORT;" > listen.conf && exec nginx -p "$PWD" -e stderr -c nginx.conf'
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin`
  return { command: 'sh', args: ['-c', script], environment: { PATH: path } }
}
