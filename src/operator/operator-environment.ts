import { token } from '../config/kinds.ts'
import { readVariables, VariablesError, type Variables } from '../config/variables.ts'
import { UsageError } from './command-options.ts'

const secret = token(1, 512)

/** What the server would read in this directory. Throws a `UsageError`. */
export function readEnvironment(environment: Variables): Variables {
  try {
    return readVariables(environment)
  } catch (error) {
    if (error instanceof VariablesError) throw new UsageError(error.message, { cause: error })
    throw error
  }
}

/** The token that the metrics may want. Throws a `UsageError`. */
export function readMetricsToken({ MAYA_METRICS_TOKEN: text = '' }: Variables): string | undefined {
  return readSecret('MAYA_METRICS_TOKEN', text.trim())
}

/** The first of the keys that sessions may need. Throws a `UsageError`. */
export function readApiKey({ MAYA_API_KEYS: text = '' }: Variables): string | undefined {
  const [key] = text.trim().split(/\s*[:,]/)
  return readSecret('MAYA_API_KEYS', key)
}

function readSecret(variable: string, text = ''): string | undefined {
  if (text === '') return undefined
  const value = secret.parse(text)
  if (value === undefined) throw new UsageError(`${variable} holds what no header can hold.`)
  return value
}
