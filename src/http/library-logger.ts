import type { FastifyBaseLogger } from 'fastify'
import type { Log } from '../logs/log.ts'
import { describeDefect, framesOf } from '../security/redaction.ts'

/** Who spoke, and who had it speak. */
const framesMax = 3

/**
 * What libraries say. They quote requests and errors in their words, so of a warning or an error only the place in
 * their code is written, with the kind and the place of the error; and nothing of what they say below that.
 */
export function createLibraryLogger(log: Log): FastifyBaseLogger {
  return new LibraryLogger(log)
}

class LibraryLogger implements FastifyBaseLogger {
  readonly level = 'warn'
  readonly #log: Log
  readonly #requestId: string | undefined

  constructor(log: Log, requestId?: string) {
    this.#log = log
    this.#requestId = requestId
  }

  child({ request_id: requestId }: Readonly<Record<string, unknown>>): LibraryLogger {
    return new LibraryLogger(this.#log, typeof requestId === 'string' ? requestId : this.#requestId)
  }

  trace(): void {}
  debug(): void {}
  info(): void {}
  silent(): void {}

  warn(said: unknown): void {
    this.#say('library warning', said)
  }

  error(said: unknown): void {
    this.#say('library error', said)
  }

  fatal(said: unknown): void {
    this.#say('library error', said)
  }

  #say(line: 'library warning' | 'library error', said: unknown): void {
    const error = errorIn(said)
    this.#log(line, {
      request_id: this.#requestId,
      // Without this function and the one that called it.
      at: framesOf(new Error()).slice(2, 2 + framesMax),
      err: error && describeDefect(error),
    })
  }
}

function errorIn(said: unknown): Error | undefined {
  if (said instanceof Error) return said
  const isWithError = typeof said === 'object' && said !== null && 'err' in said
  return isWithError && said.err instanceof Error ? said.err : undefined
}
