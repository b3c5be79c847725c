import { pino, stdTimeFunctions, type DestinationStream, type LevelWithSilent, type Logger } from 'pino'
import type { LineRedaction } from './line-redaction.ts'

export interface LoggerOptions {
  readonly level: LevelWithSilent
  /** One object of JSON a line, or lines for people. */
  readonly format: 'json' | 'pretty'
  readonly redaction: Pick<LineRedaction, 'apply'>
  readonly destination: DestinationStream
}

/** Writes lines with their level and their time (ISO 8601, UTC). */
export async function createLogger({
  level,
  format,
  redaction,
  destination,
}: LoggerOptions): Promise<Logger> {
  const dress = format === 'pretty' ? await loadPrettyPrinter() : (line: string) => line
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: (line) => dress(redaction.apply(line)) },
    },
    destination,
  )
}

/** Loaded only where it is used: a server seldom writes to a terminal. */
async function loadPrettyPrinter(): Promise<(line: string) => string> {
  const { isColorSupported, prettyFactory } = await import('pino-pretty')
  const print = prettyFactory({
    colorize: isColorSupported,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
  })
  return (line) => print(line) ?? ''
}
