import { describe, expect, it } from 'vitest'
import { OtlpReceiver } from '../fakes/otlp-receiver.ts'
import { startServer, temporaryDirectory, type ServerProcess } from './server-process.ts'

const turnName = 'invoke_agent maya'
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

async function orderAt({ url }: ServerProcess): Promise<Response> {
  const opened = await fetch(`${url}/api/v1/sessions`, { method: 'POST' })
  return fetch(`${url}/api/v1/chat`, {
    method: 'POST',
    body: JSON.stringify({ user_input: 'Two martinis please.' }),
    headers: {
      'content-type': 'application/json',
      'x-session-id': opened.headers.get('x-session-id') ?? '',
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    },
  })
}

const preloaded = new URL('loaded-modules.ts', import.meta.url).href

/** Which packages of OpenTelemetry a server has loaded after an order. */
async function loaded(environment: Readonly<Record<string, string>>) {
  const server = await startServer({
    directory: temporaryDirectory(),
    environment: { NODE_OPTIONS: `--import=${preloaded}`, ...environment },
  })
  expect((await orderAt(server)).status).toBe(200)
  const names = [...server.output().matchAll(/^loaded (\S+)$/gm)].map(([, name]) => name)
  expect(names).toContain('fastify')
  return names.filter((name) => name?.startsWith('@opentelemetry/'))
}

describe('a server with a receiver of traces', () => {
  it('sends the trace of an order, and at SIGTERM what it has not sent yet', async () => {
    const receiver = await OtlpReceiver.start()
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20canary',
    }
    const server = await startServer({ directory: temporaryDirectory(), environment })
    expect((await orderAt(server)).status).toBe(200)
    const [turn] = await receiver.until(turnName)
    expect(turn).toMatchObject({ traceId, attributes: { 'maya.turn.outcome': 'complete' } })
    expect(receiver.spans.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['append', 'chat house', 'execute_tool add_to_order']),
    )
    await orderAt(server)
    server.child.kill('SIGTERM')
    expect(await server.exited).toBe(0)
    expect(receiver.spans.filter(({ name }) => name === turnName)).toHaveLength(2)
    expect(server.output()).toContain(traceId)
    expect(server.output()).not.toContain('canary')
  })

  it.each(['gone', 'hang'] as const)('ends in time where the receiver is not well (%s)', async (mood) => {
    const receiver = await OtlpReceiver.start()
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, MAYA_SHUTDOWN_SECONDS: '1' }
    const server = await startServer({ directory: temporaryDirectory(), environment })
    if (mood === 'gone') await receiver.stop()
    else receiver.mood = mood
    expect((await orderAt(server)).status).toBe(200)
    server.child.kill('SIGTERM')
    expect(await server.exited).toBe(0)
    expect(server.output()).toContain('"msg":"spans lost"')
    expect(server.output()).toContain('"msg":"closed"')
  })
})

describe('a server without one', () => {
  it('loads nothing of OpenTelemetry but what prom-client loads', async () => {
    const receiver = await OtlpReceiver.start()
    expect(await loaded({})).toEqual(['@opentelemetry/api'])
    expect(await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })).toContain('@opentelemetry/sdk-trace')
  })
})
