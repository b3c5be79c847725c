import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import closeWithGrace from 'close-with-grace'
import pino from 'pino'
import { every, systemClock } from './clock.ts'
import {
  capacityWarning,
  describeProblem,
  readSettings,
  settingWarnings,
  type Settings,
} from './config/settings.ts'
import { StoreError } from './log/store.ts'
import { MasterKeyError } from './security/master-key.ts'
import { describeModels } from './service-models.ts'
import { describeVoice } from './service-voices.ts'
import { createService, type ProcessFacts, type Service } from './service.ts'

/** `configuration` is EX_CONFIG of sysexits.h. */
const exitCodes = { configuration: 78, failure: 1 } as const

/** What is left of the shutdown after the turns were given their time, to close connections and store. */
const closingMs = 5000
const logFlushMs = 1000

/** Made by the build. */
const pageFile = join(import.meta.dirname, '../web/dist/index.html')

const settings = settingsOrExit()
const destination = pino.destination({ dest: 1, sync: false, minLength: 4096, maxLength: 1024 * 1024 })
const logger = pino({ level: settings.logLevel, base: null }, destination)
every(systemClock, logFlushMs, () => destination.flush())
const service = await serviceOrExit(settings)
closeWithGrace({ delay: settings.shutdownMs + closingMs, logger }, async ({ err, signal }) => {
  if (err !== undefined) logger.fatal({ err }, 'closing after a fatal error')
  else logger.info({ signal }, 'closing')
  await service.close(settings.shutdownMs)
  logger.info('closed')
  destination.flushSync()
})
await listenOrExit(service)
sayHello(service)

function settingsOrExit(): Settings {
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {}
  const result = readSettings({ ...file, ...process.env })
  if (result.ok) return result.settings
  const problems = result.problems.map((problem) => `  ${describeProblem(problem)}\n`)
  process.stderr.write(`Maya does not start, because of these settings:\n${problems.join('')}`)
  process.exit(exitCodes.configuration)
}

async function serviceOrExit(from: Settings): Promise<Service> {
  try {
    return await createService({
      settings: from,
      facts: processFacts(),
      logger,
      onStoreWait: (reason) => process.stderr.write(`${reason} Waiting for it ...\n`),
    })
  } catch (error) {
    if (error instanceof MasterKeyError) return exitWith(exitCodes.configuration, error)
    if (error instanceof StoreError) return exitWith(exitCodes.failure, error)
    throw error
  }
}

async function listenOrExit({ app }: Service): Promise<void> {
  const { host, port } = settings
  try {
    await app.listen({ host, port })
  } catch (error) {
    exitWith(exitCodes.failure, error)
  }
}

function exitWith(code: number, error: unknown): never {
  process.stderr.write(`Maya does not start: ${error instanceof Error ? error.message : String(error)}\n`)
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
