import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import { newGuest } from '../fakes/guest.ts'
import { calls, says } from '../fakes/scripted-model.ts'
import { shareService } from '../fakes/test-service.ts'

const service = await shareService()
const { app, model } = service
const document = (await app.inject('/openapi.json')).json()

const operations: Record<string, readonly string[]> = {
  '/api/v1/sessions': ['post'],
  '/api/v1/session/status': ['get'],
  '/api/v1/session/keys': ['post'],
  '/api/v1/session/reset': ['post'],
  '/api/v1/session': ['delete'],
  '/api/v1/session/export': ['get'],
  '/api/v1/chat': ['post'],
  '/api/v1/chat/stream': ['get', 'post'],
  '/api/v1/chat/history': ['get'],
  '/api/v1/chat/stop': ['post'],
  '/api/v1/voice': ['get'],
  '/api/v1/menu': ['get'],
  '/api/v1/payments/tab': ['get'],
  '/api/v1/payments/tip': ['post'],
  '/api/v1/payments/pay': ['post'],
  '/api/v1/payments/confirm': ['post'],
  '/healthz': ['get'],
  '/livez': ['get'],
  '/readyz': ['get'],
  '/metrics': ['get'],
  '/metrics/fleet': ['get'],
}

const all = Object.entries(operations).flatMap(([path, methods]) =>
  methods.map((method) => ({ path, method })),
)

describe('/openapi.json', () => {
  it('is a valid OpenAPI 3.1 document', async () => {
    expect(document.openapi).toMatch(/^3\.1\./)
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true })
  })

  it('lists every route of the contract', () => {
    const listed = Object.entries<object>(document.paths).map(([path, item]) => [
      path,
      Object.keys(item).toSorted(),
    ])
    expect(Object.fromEntries(listed)).toMatchObject(operations)
  })

  it.each(all)('says what $method $path answers when it fails', ({ path, method }) => {
    const { responses, summary, tags } = document.paths[path][method]
    expect(summary).toEqual(expect.any(String))
    expect(tags).toHaveLength(1)
    for (const status of ['4XX', '5XX']) {
      const { schema } = responses[status].content['application/problem+json']
      expect(schema.required.toSorted()).toEqual(['code', 'detail', 'status', 'title', 'type'])
    }
    expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true)
  })

  it.each(all.filter(({ method, path }) => method !== 'get' && path !== '/api/v1/sessions'))(
    'names the key that $method $path takes',
    ({ path, method }) => {
      const parameters: readonly { name: string; in: string }[] = document.paths[path][method].parameters
      expect(parameters.map((parameter) => `${parameter.in} ${parameter.name}`)).toEqual(
        expect.arrayContaining(['header idempotency-key', 'header x-session-id', 'query session_id']),
      )
    },
  )

  it('has the fields that the answers have', async () => {
    const guest = await newGuest(service)
    model.add(calls(['add_to_order', { item_name: 'Martini', quantity: 1 }]), says('Here.'))
    const answers = [
      ['/api/v1/chat', 'post', await guest.post('/chat', { user_input: 'martini' })],
      ['/api/v1/session/status', 'get', await guest.get('/session/status')],
      ['/api/v1/session/export', 'get', await guest.get('/session/export')],
      ['/api/v1/payments/tab', 'get', await guest.get('/payments/tab')],
      ['/api/v1/payments/pay', 'post', await guest.post('/payments/pay')],
      ['/api/v1/chat/history', 'get', await guest.get('/chat/history')],
      ['/api/v1/menu', 'get', await guest.get('/menu')],
    ] as const
    for (const [path, method, answer] of answers) {
      const { schema } = document.paths[path][method].responses['200'].content['application/json']
      expect(Object.keys(answer.json()).toSorted()).toEqual(Object.keys(schema.properties).toSorted())
    }
  })
})
