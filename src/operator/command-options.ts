import { parseArgs, type ParseArgsConfig } from 'node:util'
import { integer } from '../config/kinds.ts'
import { allowedAddress, parseServerAddress, type ServerAddress } from './server-address.ts'

/** Words or variables that a command cannot use. The message is a sentence without what may be a secret. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type Options = NonNullable<ParseArgsConfig['options']>

/** Like `parseArgs`, but what is wrong is a `UsageError`. */
export function parseWords<const Known extends Options>(words: readonly string[], options: Known) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true })
  } catch (error) {
    const isOurs =
      error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
    if (!isOurs) throw error
    throw new UsageError(error.message, { cause: error })
  }
}

/** The one address that a command was given. */
export function readAddress(positionals: readonly string[]): ServerAddress {
  const [text, ...others] = positionals
  const address = text === undefined || others.length > 0 ? undefined : parseServerAddress(text)
  if (address === undefined) throw new UsageError(`One URL is needed: ${allowedAddress}.`)
  return address
}

/** A whole number that an option was given. */
export function readNumber(option: string, text: string, [min, max]: readonly [number, number]): number {
  const kind = integer(min, max)
  const value = kind.parse(text)
  if (value === undefined)
    throw new UsageError(`${option} is ${kind.show(text)}; allowed is ${kind.allowed}.`)
  return value
}
