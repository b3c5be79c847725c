import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { systemClock } from './clock.ts'
import {
  capacityWarning,
  describeProblem,
  readSettings,
  secretsIn,
  settingWarnings,
  type Settings,
} from './config/settings.ts'
import { readVariables, VariablesError, type Variables } from './config/variables.ts'
import { createLibraryLogger } from './http/library-logger.ts'
import { withoutEcho } from './interrupts.ts'
import { StoreError } from './log/store.ts'
import { LineRedaction } from './logs/line-redaction.ts'
import { createLog } from './logs/log.ts'
import { createLogger } from './logs/logger.ts'
import { LineOutput } from './logs/line-output.ts'
import { describeDefect } from './security/redaction.ts'
import { MasterKeyError } from './security/master-key.ts'
import { describeModels } from './service-models.ts'
import { describeVoice } from './service-voices.ts'
import { createService, type ProcessFacts, type Service } from './service.ts'

/** `configuration` is EX_CONFIG of sysexits.h. */
const exitCodes = { configuration: 78, failure: 1 } as const

/** What is left of the shutdown after the turns were given their time, to close connections and store. */
const closingMs = 5000

/** Of lines that are gathered before they are written, and of those that wait for a reader. */
const logBytes = { gathered: 4096, waitingMax: 1024 * 1024 } as const

/** Made by the build. */
const pageFile = join(import.meta.dirname, '../web/dist/index.html')

const settings = settingsOrExit()
const isPretty = settings.logFormat === 'auto' ? process.stdout.isTTY : settings.logFormat === 'pretty'
const output = new LineOutput({
  fileDescriptor: 1,
  clock: systemClock,
  gatheredBytes: isPretty ? 0 : logBytes.gathered,
  waitingBytesMax: logBytes.waitingMax,
})
const redaction = new LineRedaction(secretsIn(settings))
const logger = await createLogger({
  level: settings.logLevel,
  format: isPretty ? 'pretty' : 'json',
  redaction,
  destination: output,
})
const log = createLog(logger)
output.reportLosses(log)
// A server does not end because nobody hears its first words.
process.stdout.on('error', () => {})
const service = await serviceOrExit(settings)
closeOnSignal(service)
await listenOrExit(service)
sayHello(service)
logStart(service)

function settingsOrExit(): Settings {
  const result = readSettings(variablesOrExit())
  if (result.ok) return result.settings
  const problems = result.problems.map((problem) => `  ${describeProblem(problem)}\n`)
  process.stderr.write(`Maya does not start, because of these settings:\n${problems.join('')}`)
  process.exit(exitCodes.configuration)
}

function variablesOrExit(): Variables {
  try {
    return readVariables(process.env)
  } catch (error) {
    if (!(error instanceof VariablesError)) throw error
    process.stderr.write(`Maya does not start: ${error.message}\n`)
    process.exit(exitCodes.configuration)
  }
}

async function serviceOrExit(from: Settings): Promise<Service> {
  try {
    return await createService({
      settings: from,
      facts: processFacts(),
      logger,
      onSecrets: (secrets) => redaction.know(secrets),
      onStoreWait: (reason) => process.stderr.write(`${reason} Waiting for it ...\n`),
    })
  } catch (error) {
    if (error instanceof MasterKeyError) return exitWith(exitCodes.configuration, error.message)
    if (error instanceof StoreError) return exitWith(exitCodes.failure, error.message)
    return exitWith(exitCodes.failure, inspect(error))
  }
}

function closeOnSignal(running: Service): void {
  const delay = settings.shutdownMs + closingMs
  const options = {
    delay,
    skip: ['SIGINT' as const],
    logger: createLibraryLogger(log),
    onTimeout: () => giveUp(() => log('closing was too slow', { ms: delay })),
    onSecondSignal: (signal: string) => giveUp(() => log('told to close again', { signal })),
    onSecondError: (error: unknown) => giveUp(() => log('defect', { err: describeDefect(error) })),
  }
  // Left to ourselves above, and then handled as the others are.
  process.on(
    'SIGINT',
    withoutEcho(systemClock, () => process.emit('SIGTERM', 'SIGINT')),
  )
  closeWithGrace(options, async ({ err, signal }) => {
    if (err === undefined) log('closing', { signal })
    else log('closing after a fatal error', { err: describeDefect(err) })
    try {
      await running.close(settings.shutdownMs)
      log('closed')
    } finally {
      await output.end()
    }
  })
}

function giveUp(say: () => void): void {
  say()
  output.endNow()
}

async function listenOrExit({ app }: Service): Promise<void> {
  const { host, port } = settings
  try {
    await app.listen({ host, port })
  } catch (error) {
    exitWith(exitCodes.failure, error instanceof Error ? error.message : String(error))
  }
}

function exitWith(code: number, reason: string): never {
  process.stderr.write(`Maya does not start: ${redaction.maskText(reason)}\n`)
  process.exit(code)
}

function processFacts(): ProcessFacts {
  return {
    residentBytes: () => process.memoryUsage.rss(),
    constrainedMemory: () => process.constrainedMemory(),
    cpuSeconds() {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    },
    uptimeSeconds: () => process.uptime(),
    nodeVersion: process.version,
    version: versionOf(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')),
    containerName: process.env['MODAL_TASK_ID'],
  }
}

function versionOf(packageJson: string): string {
  const parsed: unknown = JSON.parse(packageJson)
  const isNamed = typeof parsed === 'object' && parsed !== null && 'version' in parsed
  return isNamed ? String(parsed.version) : 'unknown'
}

/** What a newcomer wants to know, in words; all that follows is for machines. */
function sayHello({ app, store, memory, sessions }: Service): void {
  const { limitBytes, limitSource, usageBytes, usageSource } = memory.reading
  const limit = limitBytes === null ? 'no limit known' : `limit ${inMb(limitBytes)} MB (${limitSource})`
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : settings.port
  const host = settings.host === '0.0.0.0' || settings.host === '::' ? 'localhost' : settings.host
  const lines = [
    `Maya is at http://${host}:${port}`,
    `  model     ${describeModels(settings)}`,
    `  voice     ${describeVoice(settings)}`,
    `  store     ${store.description}`,
    `  sessions  up to ${sessions.sessionsMax}, ${inMb(settings.sessionMemoryBytes)} MB reserved for each`,
    `  memory    ${limit}, ${inMb(usageBytes)} MB used (${usageSource})`,
    ...warnings(service).map((warning) => `  warning   ${warning}`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** The same for machines. */
function logStart({ app, store, memory, sessions }: Service): void {
  const { nodeVersion, version } = processFacts()
  const address = app.server.address()
  log('started', {
    version,
    node: nodeVersion,
    port: typeof address === 'object' ? address?.port : undefined,
    model: describeModels(settings),
    voice: describeVoice(settings),
    store: store.description,
    sessions_max: sessions.sessionsMax,
    memory_limit_bytes: memory.reading.limitBytes,
    warnings: warnings(service),
  })
}

function warnings({ memory }: Service): readonly string[] {
  const { limitBytes, usageBytes } = memory.reading
  const { sessionsMax, sessionMemoryBytes, memoryThreshold: threshold } = settings
  const capacity = capacityWarning({ sessionsMax, sessionMemoryBytes, limitBytes, threshold, usageBytes })
  return [
    ...settingWarnings(settings),
    ...(capacity === null ? [] : [capacity]),
    ...(existsSync(pageFile) ? [] : ['The page is not built, so there is only the API: npm run build.']),
  ]
}

function inMb(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}
