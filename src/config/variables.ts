import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

export type Variables = Readonly<Record<string, string | undefined>>

/** There is a `.env`, but it cannot be read. The message is a sentence for the operator. */
export class VariablesError extends Error {
  override readonly name = 'VariablesError'
}

/**
 * The variables of whatever is started in this directory, where the environment goes before `.env`. Throws a
 * `VariablesError`.
 */
export function readVariables(environment: Variables): Variables {
  return { ...parseEnv(readFile('.env')), ...environment }
}

/** Empty where there is none. */
function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    if (code === 'ENOENT') return ''
    throw new VariablesError(`${file} cannot be read (${code}).`, { cause: error })
  }
}
