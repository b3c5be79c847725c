import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../store/redis-server.ts'
import { writeConfiguration } from './prometheus-configuration.ts'

/** One series of an answer, with its values over time; of an instant query there is one. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly values: readonly (readonly [atSeconds: number, value: number])[]
}

export interface Range {
  readonly fromSeconds: number
  readonly toSeconds: number
  readonly stepSeconds: number
}

/** How a rule is, as Prometheus itself says. */
export interface RuleHealth {
  readonly name: string
  readonly query: string
  readonly health: string
}

const answerMs = 10_000
const outputMax = 100_000

/**
 * Debian's Prometheus with the configuration and the rules of `grafana/`, but for the interval: it scrapes and evaluates
 * every second. Whoever starts it stops it.
 */
export class PrometheusServer {
  readonly #child: ChildProcess
  readonly #directory: string
  readonly #port: number

  private constructor(child: ChildProcess, directory: string, port: number) {
    this.#child = child
    this.#directory = directory
    this.#port = port
    process.once('exit', this.#killNow)
  }

  /** Watches the server at `url`. Resolves when it answers. */
  static async start(url: string): Promise<PrometheusServer> {
    const directory = mkdtempSync(join(tmpdir(), 'maya-prometheus-'))
    const file = writeConfiguration(directory, url)
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/_(interval|timeout): 1[05]s$/gm, '_$1: 1s'))
    const port = await freePort()
    const child = spawn(
      '/usr/bin/prometheus',
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        // Else it waits for up to five seconds more before the first scrape.
        '--scrape.discovery-reload-interval=100ms',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, GOMAXPROCS: '1' } },
    )
    const server = new PrometheusServer(child, directory, port)
    await saysReady(child).catch((error: unknown) => server.stop().then(() => Promise.reject(error)))
    return server
  }

  /** As a panel of a single number asks. Throws when Prometheus does not take the expression. */
  async query(expression: string): Promise<readonly Series[]> {
    const { result } = await this.#get('query', { query: expression })
    return seriesOf(result)
  }

  /** As a panel over time asks. */
  async queryRange(expression: string, range: Range): Promise<readonly Series[]> {
    const { fromSeconds, toSeconds, stepSeconds } = range
    const parameters = { start: String(fromSeconds), end: String(toSeconds), step: String(stepSeconds) }
    const { result } = await this.#get('query_range', { query: expression, ...parameters })
    return seriesOf(result)
  }

  /** As Grafana's `label_values(metric, label)` asks. */
  async labelValues(metric: string, label: string): Promise<readonly string[]> {
    return this.#get(`label/${label}/values`, { 'match[]': metric })
  }

  /** Every rule that it has loaded. */
  async rules(): Promise<readonly RuleHealth[]> {
    const { groups } = await this.#get('rules', {})
    return groups.flatMap(({ rules }: { rules: readonly RuleHealth[] }) => rules)
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child
    const ended = (exitCode ?? signalCode) === null ? once(this.#child, 'close') : undefined
    this.#killNow()
    await ended
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #get(path: string, parameters: Readonly<Record<string, string>>): Promise<ApiAnswer['data']> {
    const search = new URLSearchParams(parameters).toString()
    const response = await fetch(`http://127.0.0.1:${this.#port}/api/v1/${path}?${search}`, {
      signal: AbortSignal.timeout(answerMs),
    })
    const { status, data, error } = toAnswer(await response.text())
    if (status !== 'success') throw new Error(`${error}: ${parameters['query'] ?? path}`)
    return data
  }

  /** Also when the process of the test ends before it could stop it. */
  readonly #killNow = (): void => {
    this.#child.kill('SIGKILL')
    process.off('exit', this.#killNow)
  }
}

/** As every address of the API answers. */
interface ApiAnswer {
  readonly status: 'success' | 'error'
  // oxlint-disable-next-line typescript/no-explicit-any -- each address has a shape of its own.
  readonly data: any
  readonly error?: string
}

function toAnswer(text: string): ApiAnswer {
  return JSON.parse(text)
}

/** Goes on reading what it says: it ends when nobody does. */
function saysReady(child: ChildProcess): Promise<void> {
  return new Promise((ready, failed) => {
    let output = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < outputMax) output += text
      if (output.includes('Server is ready to receive web requests')) ready()
    })
    child.once('error', failed)
    child.once('close', () => failed(new Error(`Prometheus did not start:\n${output}`)))
  })
}

interface Answered {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly values?: readonly (readonly [number, string])[]
}

function seriesOf(result: readonly Answered[]): readonly Series[] {
  return result.map(({ metric, value, values }) => ({
    labels: metric,
    values: (values ?? (value === undefined ? [] : [value])).map(([at, text]) => [at, Number(text)]),
  }))
}
