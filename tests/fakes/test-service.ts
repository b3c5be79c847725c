import { afterAll, onTestFinished } from 'vitest'
import type { Store } from '../../src/log/store.ts'
import { createService, type Service, type ServiceOptions } from '../../src/service.ts'
import { FakeClock } from './fake-clock.ts'
import { FakeEventLoop } from './fake-event-loop.ts'
import { ScriptedModel } from './scripted-model.ts'
import { facts, settingsOf } from './test-settings.ts'

const noLimits = () => ({ usageBytes: 1, usageSource: 'rss', limitBytes: null, limitSource: 'none' }) as const

export type TestServiceOptions = Partial<ServiceOptions> & {
  readonly environment?: Readonly<Record<string, string>>
}

/** A whole service, to be closed by whoever asked for it, on a machine without limits whose event loop is never late. */
function createTestService({ environment, ...parts }: TestServiceOptions = {}): Promise<Service> {
  const watchLoop = new FakeEventLoop().watch
  return createService({
    settings: settingsOf(environment),
    facts,
    readMemory: noLimits,
    watchLoop,
    ...parts,
  })
}

/** A whole service for one test, closed at its end. */
export async function startService(options: TestServiceOptions = {}): Promise<Service> {
  const service = await createTestService(options)
  onTestFinished(() => close(service, options))
  return service
}

/** Leaves running turns no time, also where time moves only when it is told to. */
async function close(service: Service, { clock }: TestServiceOptions): Promise<void> {
  const closed = service.close(0)
  if (clock instanceof FakeClock) await clock.advanceAsync(0)
  await closed
}

/**
 * A whole service for all tests of a file: to start one takes longer than most tests do. Each test brings guests
 * of its own and adds to the model's script exactly what they will hear.
 */
export async function shareService(options: TestServiceOptions = {}) {
  const model = new ScriptedModel()
  const environment = { MAYA_SESSIONS_PER_CONTAINER: '1000', ...options.environment }
  const service = await createTestService({ model, ...options, environment })
  afterAll(() => close(service, options))
  return { ...service, model }
}

/** The same store for several services, none of which closes it. */
export function openForAll(store: Store): Store {
  return { ...store, close: async () => {} }
}
