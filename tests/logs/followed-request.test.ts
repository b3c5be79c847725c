import { expect, it } from 'vitest'
import { says } from '../fakes/scripted-model.ts'
import { tracedService } from '../traces/traced-service.ts'

it('one request is found in its answer, its line, the line of its turn and the span of that', async () => {
  const lines: (readonly [string, object])[] = []
  const write = (fields: object, message: string) => void lines.push([message, fields])
  const logger = { debug: write, info: write, warn: write, error: write, fatal: write }
  const { model, guest, receiver } = await tracedService({ logger })
  model.add(says('Hello.'))
  const { headers, statusCode } = await guest.post('/chat', { user_input: 'Hi.' })
  expect(statusCode).toBe(200)
  const id = headers['x-request-id']
  const ofRequest = () => lines.filter(([, fields]) => 'request_id' in fields && fields.request_id === id)
  await expect.poll(() => ofRequest().map(([message]) => message)).toEqual(['turn', 'request'])
  const spanOfTurn = () => receiver.spans.find(({ name }) => name === 'invoke_agent maya')
  await expect.poll(spanOfTurn).toBeDefined()
  const { traceId, spanId } = spanOfTurn() ?? {}
  expect(ofRequest()[0]?.[1]).toMatchObject({ trace_id: traceId, span_id: spanId })
})
