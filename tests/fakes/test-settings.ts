import { readSettings, type Settings } from '../../src/config/settings.ts'
import type { ProcessFacts } from '../../src/service.ts'
import { noRateLimits } from './no-rate-limits.ts'

export const facts: ProcessFacts = {
  residentBytes: () => 100 * 1024 * 1024,
  constrainedMemory: () => undefined,
  cpuSeconds: () => 1,
  uptimeSeconds: () => 1,
  nodeVersion: 'v24.0.0',
  version: '0.0.0-test',
}

/**
 * Not made anew by each service: the end of a text that a secret could begin with is held back, so that a test that
 * waits for `me` would wait for ever where a random key begins with an `e`.
 */
const masterKey = Buffer.from(Array.from({ length: 32 }, (_, place) => place)).toString('base64')

/** The settings that these variables make, on a memory store, with no pauses between words and no rate limits. */
export function settingsOf(environment: Readonly<Record<string, string>> = {}): Settings {
  const result = readSettings({
    MAYA_STORE_URL: 'memory:',
    MAYA_HOUSE_PACE_MS: '0',
    MAYA_MASTER_KEY: masterKey,
    ...noRateLimits,
    ...environment,
  })
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.settings
}
