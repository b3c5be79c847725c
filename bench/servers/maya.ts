// The whole server with a model that says what the message asks for. Started by a bench; talks with it over IPC.
import pino from 'pino'
import { readSettings } from '../../src/config/settings.ts'
import type { Model, ModelEvent } from '../../src/llm/model.ts'
import { createService } from '../../src/service.ts'
import { answerQuestions } from '../harness/child.ts'
import { chunkText, pauseOf, scriptOf } from './script.ts'
import { cpuMs, memoryUse } from './usage.ts'

export type MayaControls = typeof controls

const [storeUrl = 'memory:', tracesTo = '', traceContent = ''] = process.argv.slice(2)

const drink = { item_name: 'Martini', quantity: 1, modifiers: [] }

const model: Model = {
  name: 'scripted',
  isGeneral: true,
  async *stream({ messages }, signal): AsyncIterable<ModelEvent> {
    const user = messages.findLast(({ role }) => role === 'user')
    const { chunks, pause, isOrder } = scriptOf(user?.role === 'user' ? user.text : '')
    if (isOrder === true && messages.at(-1) === user) {
      yield { type: 'tool-call', call: { callId: 'drink', name: 'add_to_order', arguments: drink } }
      yield { type: 'finish', reason: 'stop', usage: { inputTokens: 100, outputTokens: 10 } }
      return
    }
    if (chunks === 0) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    for (let chunk = 0; chunk < chunks; chunk++) {
      if (pause !== 'none' && chunk > 0) await pauseOf(pause)
      signal.throwIfAborted()
      yield { type: 'text-delta', text: chunkText }
    }
    yield { type: 'finish', reason: 'stop', usage: { inputTokens: 100, outputTokens: chunks } }
  },
}

const result = readSettings({
  MAYA_STORE_URL: storeUrl,
  OTEL_EXPORTER_OTLP_ENDPOINT: tracesTo,
  MAYA_TRACE_CONTENT: traceContent,
  // Servers over one Redis have one; what it is makes no difference here.
  MAYA_MASTER_KEY: Buffer.alloc(32, 'bench').toString('base64'),
  MAYA_SESSIONS_PER_CONTAINER: '100000',
  MAYA_TURN_SECONDS: '3600',
  MAYA_SESSION_RATE_LIMIT: '0',
  MAYA_BURST_LIMIT: '0',
  MAYA_APP_RATE_LIMIT: '0',
  // A server that is measured at its end is still asked for sessions.
  MAYA_EVENT_LOOP_DELAY_MS: '0',
})
if (!result.ok) throw new Error(JSON.stringify(result.problems))

const service = await createService({
  settings: result.settings,
  model,
  // As in `main.ts`, so that what a line costs is measured, too.
  logger: pino({ base: null }, pino.destination({ dest: '/dev/null', sync: false, minLength: 4096 })),
  facts: {
    residentBytes: () => process.memoryUsage.rss(),
    constrainedMemory: () => undefined,
    cpuSeconds: () => cpuMs() / 1000,
    uptimeSeconds: () => process.uptime(),
    nodeVersion: process.version,
    version: 'bench',
  },
  // What is measured here is not how many sessions this machine has room for.
  readMemory: () => ({ usageBytes: 1, usageSource: 'rss', limitBytes: null, limitSource: 'none' }),
})

const url = await service.app.listen({ host: '127.0.0.1', port: 0 })

const controls = {
  url: () => url,
  cpuMs,
  memoryUse,
  /** What the server itself believes, as in `maya_session_memory_bytes`. */
  sessionBytes: () => service.sessions.liveBytes,
  turnsRunning: () => service.sessions.turnsRunning,
  /** Of the last 30 to 60 seconds, as in `maya_event_loop_delay_seconds`. */
  loopDelaysMs: (quantiles: readonly number[]) =>
    quantiles.map((quantile) => service.loop.delaySeconds(quantile) * 1000),
}
answerQuestions(controls, () => service.close(0))
