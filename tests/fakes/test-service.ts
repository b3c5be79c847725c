import { onTestFinished } from 'vitest'
import { readSettings, type Settings } from '../../src/config/settings.ts'
import { createService, type ProcessFacts, type Service, type ServiceOptions } from '../../src/service.ts'

export const facts: ProcessFacts = {
  residentBytes: () => 100 * 1024 * 1024,
  constrainedMemory: () => undefined,
  cpuSeconds: () => 1,
  uptimeSeconds: () => 1,
  nodeVersion: 'v24.0.0',
  version: '0.0.0-test',
}

/** The settings that these variables make, on a memory store and with no pauses between words. */
export function settingsOf(environment: Readonly<Record<string, string>> = {}): Settings {
  const result = readSettings({ MAYA_STORE_URL: 'memory:', MAYA_HOUSE_PACE_MS: '0', ...environment })
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.settings
}

/** A whole service for one test, closed at its end. Memory is that of a machine without limits. */
export async function startService(
  options: Partial<ServiceOptions> & { readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<Service> {
  const { environment, ...parts } = options
  const readMemory = () =>
    ({ usageBytes: 1, usageSource: 'rss', limitBytes: null, limitSource: 'none' }) as const
  const service = await createService({ settings: settingsOf(environment), facts, readMemory, ...parts })
  onTestFinished(() => service.close(0))
  return service
}
