// How a Maya is, as a small table for people, JSON for machines, and an exit code for cron.
import { styleText } from 'node:util'
import { commandClock } from './operator/command-clock.ts'
import { parseWords, readAddress, readNumber, UsageError } from './operator/command-options.ts'
import { createConnection } from './operator/connection.ts'
import { NoAnswerError } from './operator/no-answer.ts'
import { readEnvironment, readMetricsToken } from './operator/operator-environment.ts'
import type { ServerAddress } from './operator/server-address.ts'
import { statusJson } from './operator/status-json.ts'
import { reportStatus, type StatusReport } from './operator/status-report.ts'
import { statusText } from './operator/status-text.ts'

const exitCodes = { healthy: 0, unhealthy: 1, usage: 2, unreachable: 3 } as const

const usage = `How a Maya is: health, sessions, memory, and what it does.

  npm run status -- [options] URL

  --seconds N   between the two readings that show what happens now: 0 to 600
                (3 for one container; 12 for several, who tell it every 10 s)
  --timeout N   seconds for each answer: 1 to 300 (10)
  --json        for machines
  --help

MAYA_METRICS_TOKEN, from the environment or .env, opens the metrics of a server
that has one. Exit code: 0 healthy and open for new sessions, 1 not so, 2 wrong
use or no such token, 3 no Maya answers there.
`

interface Wish {
  readonly address: ServerAddress
  readonly token: string | undefined
  readonly seconds: number | null
  readonly timeoutMs: number
  readonly isJson: boolean
}

const options = {
  seconds: { type: 'string' },
  timeout: { type: 'string', default: '10' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

// A reader that has read enough, as head does, is no failure.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
process.exitCode = await run(process.argv.slice(2))

async function run(words: readonly string[]): Promise<number> {
  try {
    const wish = readWish(words)
    if (wish !== null) return await show(wish)
    process.stdout.write(usage)
    return exitCodes.healthy
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n\n${usage}`)
    return exitCodes.usage
  }
}

async function show(wish: Wish): Promise<number> {
  const { address, isJson } = wish
  const connection = createConnection(address, commandClock)
  try {
    const { signal } = new AbortController()
    const report = await reportStatus({ ...wish, connection, clock: commandClock }, signal)
    process.stdout.write(isJson ? statusJson(report) : statusText(report, paint))
    return exitCodeOf(report)
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error
    const { code, message } = error
    if (isJson)
      process.stdout.write(
        `${JSON.stringify({ url: address.url, is_healthy: false, problems: [message], code })}\n`,
      )
    else process.stderr.write(`${message}\n`)
    return exitCodes.unreachable
  } finally {
    connection.close()
  }
}

function exitCodeOf({ isHealthy, metricsRefused }: StatusReport): number {
  if (!isHealthy) return exitCodes.unhealthy
  return metricsRefused === null ? exitCodes.healthy : exitCodes.usage
}

function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

/** Null where only help is wished. */
function readWish(words: readonly string[]): Wish | null {
  const { values, positionals } = parseWords(words, options)
  if (values.help) return null
  const { seconds } = values
  return {
    address: readAddress(positionals),
    token: readMetricsToken(readEnvironment(process.env)),
    seconds: seconds === undefined ? null : readNumber('--seconds', seconds, [0, 600]),
    timeoutMs: readNumber('--timeout', values.timeout, [1, 300]) * 1000,
    isJson: values.json,
  }
}
