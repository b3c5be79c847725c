import { limits } from '../../src/config/limits.ts'
import { newGuest } from '../fakes/guest.ts'
import { OtlpReceiver } from '../fakes/otlp-receiver.ts'
import { ScriptedModel } from '../fakes/scripted-model.ts'
import { startService, type TestServiceOptions } from '../fakes/test-service.ts'

/** Spans are sent as soon as they are there. */
export const quickLimits = { ...limits, traceBatchMs: 1 }

/** A service that sends its traces to a receiver, with one guest. */
export async function tracedService({ environment, ...options }: TestServiceOptions = {}) {
  const receiver = await OtlpReceiver.start()
  const model = new ScriptedModel()
  const service = await startService({
    model,
    limits: quickLimits,
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...environment },
    ...options,
  })
  return { receiver, model, service, guest: await newGuest(service) }
}
