// A bounded, polite load of scripted guests, so that an operator can size a container.
import { randomUUID } from 'node:crypto'
import { every } from './clock.ts'
import { watchEventLoop } from './event-loop/delays.ts'
import { withoutEcho } from './interrupts.ts'
import { commandClock } from './operator/command-clock.ts'
import { parseWords, readAddress, readNumber, UsageError } from './operator/command-options.ts'
import { createConnection } from './operator/connection.ts'
import { askHealth } from './operator/health.ts'
import { ApiKeyError } from './operator/load-guest.ts'
import { messagesMax, runLoad, type LoadPlan } from './operator/load-run.ts'
import { loadSummary, type LoadOutcome } from './operator/load-summary.ts'
import { LoadTally } from './operator/load-tally.ts'
import { NoAnswerError } from './operator/no-answer.ts'
import { readApiKey, readEnvironment, readMetricsToken } from './operator/operator-environment.ts'
import { progressLine } from './operator/progress.ts'
import type { ServerAddress } from './operator/server-address.ts'
import { ServerWatch } from './operator/server-watch.ts'

const exitCodes = { answered: 0, failed: 1, usage: 2, unreachable: 3 } as const

const usage = `Lets scripted guests order, tip and pay at a Maya, and says how it bore them.

  npm run load -- [options] URL

  --guests N    at the same time: 1 to 500 (10)
  --minutes N   how long: 1 to 60 (1)
  --ramp N      seconds in which they come, one after the other
                (a quarter of the time, at most 30)
  --think N     seconds of a guest's mean pause before a message: 1 to 60 (8);
                below 6 the limit of 10 messages a minute is met
  --spoken      answers are spoken, too
  --yes         the URL is not this machine: its models may cost money
  --pay         guests pay there, too; they always do on this machine.
                Nobody does after a receipt that is not of the simulated bar
  --help

Waits as long as the server wishes when it refuses. Ctrl-C ends it at once, with
the summary. Sessions are ended. MAYA_METRICS_TOKEN and the first of MAYA_API_KEYS
are read from the environment or .env. Exit code: 0 all turns were answered, 1
some failed or somebody was never let in, 2 wrong use, 3 no Maya answers there.
`

interface Wish {
  readonly address: ServerAddress
  readonly plan: LoadPlan
  readonly isSpoken: boolean
  readonly mayPay: boolean
  readonly token: string | undefined
  readonly apiKey: string | undefined
}

const options = {
  guests: { type: 'string', default: '10' },
  minutes: { type: 'string', default: '1' },
  ramp: { type: 'string' },
  think: { type: 'string', default: '8' },
  spoken: { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
  pay: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const answerMs = 15_000
const rampSecondsMax = 30
/** How often the bar of a terminal is drawn, and a line written elsewhere. */
const barMs = 500
const lineMs = 10_000

// A reader that has read enough is no failure.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
process.exitCode = await run(process.argv.slice(2))

async function run(words: readonly string[]): Promise<number> {
  try {
    const wish = readWish(words)
    if (wish !== null) return await load(wish)
    process.stdout.write(usage)
    return exitCodes.answered
  } catch (error) {
    if (error instanceof UsageError) return complain(`${error.message}\n\n${usage}`, exitCodes.usage)
    if (error instanceof ApiKeyError) return complain(`${error.message}\n`, exitCodes.usage)
    if (error instanceof NoAnswerError) return complain(`${error.message}\n`, exitCodes.unreachable)
    throw error
  }
}

function complain(text: string, exitCode: number): number {
  process.stderr.write(text)
  return exitCode
}

async function load(wish: Wish): Promise<number> {
  const { address, plan, token } = wish
  const connection = createConnection(address, commandClock)
  try {
    const signal = new AbortController().signal
    // Whether it is well is not asked: a sick Maya may be what is to be looked at.
    await askHealth({ connection, path: '/healthz', timeoutMs: answerMs }, signal)
    const watch = await ServerWatch.begin({ connection, token, timeoutMs: answerMs }, commandClock)
    process.stderr.write(`${describePlan(plan)}\n`)
    const outcome = await drive(wish, watch)
    process.stdout.write(loadSummary(outcome))
    const { failed, otherFailures, neverAdmitted } = outcome.tally
    return failed + otherFailures.size + neverAdmitted === 0 ? exitCodes.answered : exitCodes.failed
  } finally {
    connection.close()
  }
}

/** Runs the load under the eyes of the watch, until it is over or a signal ends it. */
async function drive(wish: Wish, watch: ServerWatch | null): Promise<LoadOutcome> {
  const { address, plan, isSpoken, mayPay, apiKey } = wish
  const tally = new LoadTally()
  const stopping = stopAtSignal()
  const till = { isOpen: mayPay }
  const startedMs = commandClock.now()
  const elapsedMs = (): number => commandClock.now() - startedMs
  const endProgress = showProgress(() =>
    progressLine({
      elapsedMs: elapsedMs(),
      durationMs: plan.durationMs,
      guests: plan.guests,
      tally,
      // In the last one the line would be broken, and every bar stay where it is. Some terminals have 0.
      charactersMax: (process.stderr.columns || 80) - 1,
    }),
  )
  watch?.start()
  const delays = watchEventLoop()
  try {
    await runLoad(
      {
        plan,
        tally,
        till,
        isSpoken,
        apiKey,
        clock: commandClock,
        random: Math.random,
        newKey: randomUUID,
        connect: () => createConnection(address, commandClock),
      },
      stopping,
    )
  } finally {
    delays.stop()
    endProgress()
    watch?.stop()
  }
  const seconds = elapsedMs() / 1000
  return {
    url: address.url,
    plan,
    tally,
    seconds,
    wasStopped: stopping.aborted,
    server: (await watch?.end()) ?? null,
    ownDelayMs: { p99: delays.quantileSeconds(0.99) * 1000, max: delays.quantileSeconds(1) * 1000 },
    wasPaymentReal: mayPay && !till.isOpen,
  }
}

/** The first signal ends the load, a second one the process. */
function stopAtSignal(): AbortSignal {
  const stopping = new AbortController()
  const stop = withoutEcho(commandClock, () => {
    if (stopping.signal.aborted) process.exit(exitCodes.failed)
    stopping.abort()
  })
  // The last one comes when the terminal is closed.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop)
  return stopping.signal
}

/** A bar that is drawn again and again on a terminal, else a line from time to time. */
function showProgress(lineNow: () => string): () => void {
  const { stderr } = process
  const show = (): void => void stderr.write(stderr.isTTY ? `\r${lineNow()}\u001B[K` : `${lineNow()}\n`)
  if (stderr.isTTY) show()
  const stop = every(commandClock, stderr.isTTY ? barMs : lineMs, show)
  return () => {
    stop()
    show()
    if (stderr.isTTY) stderr.write('\n\n')
  }
}

/** Null where only help is wished. */
function readWish(words: readonly string[]): Wish | null {
  const { values, positionals } = parseWords(words, options)
  if (values.help) return null
  const address = readAddress(positionals)
  const plan = readPlan(values)
  const variables = readEnvironment(process.env)
  if (!address.isThisMachine && !values.yes) {
    const where = `${address.url} is not this machine, and its models may cost money.`
    throw new UsageError(`${where} ${describePlan(plan)} Add --yes if that is wished.`)
  }
  return {
    address,
    plan,
    isSpoken: values.spoken,
    mayPay: address.isThisMachine || values.pay,
    token: readMetricsToken(variables),
    apiKey: readApiKey(variables),
  }
}

function readPlan(values: {
  readonly guests: string
  readonly minutes: string
  readonly ramp?: string | undefined
  readonly think: string
}): LoadPlan {
  const seconds = readNumber('--minutes', values.minutes, [1, 60]) * 60
  const ramp = values.ramp ?? String(Math.min(rampSecondsMax, seconds / 4))
  return {
    guests: readNumber('--guests', values.guests, [1, 500]),
    durationMs: seconds * 1000,
    rampMs: readNumber('--ramp', ramp, [0, seconds]) * 1000,
    thinkMs: readNumber('--think', values.think, [1, 60]) * 1000,
  }
}

function describePlan(plan: LoadPlan): string {
  const { guests, durationMs } = plan
  const minutes = durationMs / 60_000
  return `${guests} guests for ${minutes} min send at most ${messagesMax(plan)} messages.`
}
