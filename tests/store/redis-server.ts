import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RedisAddress } from '../../src/store/redis-connection.ts'
import { portOf } from './tcp-relay.ts'

export interface RedisServerOptions {
  /** Keeps every change on the disk before it is answered, so that a restart loses none; default false. */
  readonly isAppendOnly?: boolean
  readonly password?: string
  /** Speaks TLS only, with a certificate of its own for `localhost`; default false. */
  readonly isTls?: boolean
  /** More settings, as arguments of redis-server. */
  readonly settings?: readonly string[]
}

/** A real redis-server on a free port, in a directory of its own. Whoever starts it stops it. */
export class RedisServer {
  readonly port: number
  readonly #options: RedisServerOptions
  readonly #directory: string
  #child: ChildProcess | undefined

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port
    this.#options = options
    this.#directory = mkdtempSync(join(tmpdir(), 'maya-redis-'))
    if (options.isTls === true) makeCertificate(this.#directory)
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options)
    await server.start()
    return server
  }

  get address(): RedisAddress {
    const { password = null, isTls = false } = this.#options
    return { host: 'localhost', port: this.port, isTls, user: null, password, database: 0 }
  }

  /** As `MAYA_STORE_URL` has it. */
  get url(): string {
    const { password, isTls = false } = this.#options
    const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`
    return `${isTls ? 'rediss' : 'redis'}://${credentials}localhost:${this.port}`
  }

  /** The certificate of a server that speaks TLS, in PEM. */
  get certificate(): string {
    return readFileSync(join(this.#directory, 'certificate.pem'), 'utf8')
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const child = spawn('redis-server', this.#arguments(), { stdio: ['ignore', 'pipe', 'ignore'] })
    this.#child = child
    process.once('exit', this.#killNow)
    let output = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      output += String(chunk)
      if (output.includes('Ready to accept connections')) {
        child.stdout.on('data', () => {}) // What it says from now on must not hold it up.
        return
      }
    }
    throw new Error(`redis-server did not start:\n${output}`)
  }

  /** Sends it a signal, such as SIGSTOP; SIGKILL is `kill`. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name)
  }

  /** Ends it at once. It can be started again, with what it has on its disk. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'exit')
    this.#killNow()
    await ended
  }

  /** Ends it as a platform does, with SIGTERM: it closes its file first. It can be started again. */
  async terminate(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
    this.#killNow()
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** Also when the process of the test ends before it could stop it. */
  readonly #killNow = (): void => {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
    process.off('exit', this.#killNow)
  }

  #arguments(): readonly string[] {
    const { isAppendOnly = false, isTls = false, password, settings = [] } = this.#options
    const file = (name: string): string => join(this.#directory, name)
    const certificate = ['--tls-cert-file', file('certificate.pem'), '--tls-key-file', file('key.pem')]
    return [
      '--bind',
      '127.0.0.1',
      '--dir',
      this.#directory,
      '--save',
      '',
      ...(isTls ? ['--port', '0', '--tls-port', String(this.port)] : ['--port', String(this.port)]),
      ...(isTls ? [...certificate, '--tls-auth-clients', 'no'] : []),
      ...(isTls ? ['--tls-ca-cert-file', file('certificate.pem')] : []),
      ...(isAppendOnly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []),
      ...(password === undefined ? [] : ['--requirepass', password]),
      ...settings,
    ]
  }
}

/** Free at this moment: redis-server cannot choose one itself. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

function makeCertificate(directory: string): void {
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const files = ['-keyout', 'key.pem', '-out', 'certificate.pem']
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, ...files], { cwd: directory, stdio: 'ignore' })
}
