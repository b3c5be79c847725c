import { connect } from 'node:net'
import type { LightMyRequestResponse } from 'fastify'
import pino from 'pino'
import { describe, expect, it } from 'vitest'
import type { Agent } from '../../src/conversation/agent.ts'
import { maya } from '../../src/conversation/agents/maya.ts'
import { ModelError } from '../../src/llm/model.ts'
import { EventReader, listen } from '../fakes/event-reader.ts'
import { newGuest } from '../fakes/guest.ts'
import { GuestProvider } from '../fakes/guest-provider.ts'
import { calls, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { startService, type TestServiceOptions } from '../fakes/test-service.ts'

/** What nobody but the guest may ever read again. */
const words = 'Canary-Words'
const key = 'Canary-Key'
const token = 'Canary-Token.Canary-Signature'
const metricsToken = 'Canary-Metrics-Token'

/** A bar with a tool that fails with the guest's words in its mouth. */
const clumsy: Agent = {
  ...maya,
  tools: [
    ...maya.tools,
    {
      name: 'clumsy',
      description: 'Fails.',
      parameters: {},
      decide(args) {
        throw new Error(`cannot do ${JSON.stringify(args)}`, { cause: new TypeError(words) })
      },
    },
  ],
}

/** A service that logs everything that it can log, and the text of its log. */
async function setup(options: TestServiceOptions = {}) {
  const lines: string[] = []
  const logger = pino({ level: 'trace', base: null }, { write: (line) => lines.push(line) })
  const model = new ScriptedModel()
  const service = await startService({
    logger,
    model,
    agents: [clumsy],
    environment: { MAYA_METRICS_TOKEN: metricsToken },
    ...options,
  })
  const guest = await newGuest(service)
  const metrics = async () => {
    const headers = { authorization: `Bearer ${metricsToken}` }
    return (await service.app.inject({ url: '/metrics', headers })).body
  }
  const secrets = ['Canary', guest.token, guest.token.slice(0, 22), guest.token.slice(23)]
  return { service, model, guest, metrics, secrets, log: () => lines.join('') }
}

function found(text: string, secrets: readonly string[]) {
  return secrets.filter((secret) => text.includes(secret))
}

describe('a guest’s words and every token', () => {
  it('are in no log, no metric and no error, whatever is asked', async () => {
    const { service, model, guest, metrics, secrets, log } = await setup()
    const problems: LightMyRequestResponse[] = []
    const keep = async (asked: Promise<LightMyRequestResponse>) => {
      const response = await asked
      if (response.statusCode >= 400) problems.push(response)
    }
    model.add(calls(['add_to_order', { item_name: words, quantity: 1, modifiers: [words] }]), says(words))
    await keep(guest.post('/chat', { user_input: words }, { key }))
    model.add(calls([words, { [words]: words }]), says(words))
    await keep(guest.post('/chat/stream', { user_input: words }, { key: `${key}-2` }))
    for (const path of ['/sessions', '/chat', '/chat/stream', '/chat/stop', '/session/reset']) {
      await keep(guest.post(path, { [words]: words }, { key: `${key}-3` }))
    }
    for (const path of ['/payments/tip', '/payments/pay', '/payments/confirm']) {
      await keep(guest.post(path, { [words]: words }))
    }
    await keep(guest.post('/payments/confirm', { confirmation_id: words, accept: true }, { key }))
    await keep(guest.post('/sessions', { agent: words }))
    await keep(guest.post('/chat', { user_input: words.repeat(1000) }))
    await keep(guest.post('/chat', { user_input: words.repeat(10_000) }))
    await keep(guest.get(`/chat/stream?message=${words}&idempotency_key=${key}&last_event_id=${words}`))
    await keep(guest.get(`/chat/stream?message=${words}`))
    await keep(guest.get(`/chat/stream?turn_id=${words}`))
    await keep(guest.get(`/chat/history?session_id=${token}`, { headers: { 'x-session-id': '' } }))
    for (const url of [`/${words}`, `/${words}%`, `/api/v1/chat/${token}`, `/?${words}`, `/:${words}(`]) {
      await keep(service.app.inject({ url, headers: { cookie: `maya_session=${token}` } }))
    }
    for (const headers of [{ 'x-session-id': token }, { cookie: `maya_session=${token}` }]) {
      await keep(service.app.inject({ url: '/api/v1/payments/tab', headers }))
    }
    const headers = { 'content-type': 'application/json' }
    const payload = `{"user_input": ${words}`
    await keep(service.app.inject({ method: 'POST', url: '/api/v1/chat', headers, payload }))
    const typed = { 'content-type': words }
    await keep(service.app.inject({ method: 'POST', url: '/api/v1/chat', headers: typed, payload: words }))
    await keep(service.app.inject({ url: '/metrics', headers: { authorization: `Bearer ${token}` } }))
    for (const name of ['x-request-id', 'traceparent', 'user-agent', 'x-forwarded-for']) {
      await keep(service.app.inject({ url: '/nothing', headers: { [name]: words } }))
    }
    await keep(guest.delete('/session', { key }))
    expect(problems.length).toBeGreaterThan(20)
    for (const { body } of problems) expect(found(body, secrets)).toEqual([])
    expect(log().split('\n').length).toBeGreaterThan(30)
    expect(found(log(), secrets)).toEqual([])
    expect(found(await metrics(), secrets)).toEqual([])
  })

  it('are in no log when something fails with them in its mouth', async () => {
    const payments = {
      name: 'clumsy',
      async charge(): Promise<never> {
        throw new Error(words)
      },
    }
    const { model, guest, secrets, log, metrics } = await setup({ payments })
    model.add(new Error(`cannot answer ${words}`, { cause: { prompt: words } }))
    const failed = await guest.post('/chat', { user_input: words })
    expect(failed.json().code).toBe('INTERNAL')
    expect(found(failed.body, secrets)).toEqual([])
    model.add(Object.assign(new Error(words), { prompt: words, statusCode: 400, validation: [words] }))
    expect(found((await guest.post('/chat', { user_input: words })).body, secrets)).toEqual([])
    model.add(calls(['clumsy', { item: words }]), says('Sorry.'))
    await guest.post('/chat', { user_input: 'x' })
    model.add(calls(['add_to_order', { item_name: 'Martini', quantity: 1 }]), says('Here.'))
    await guest.post('/chat', { user_input: 'x' })
    expect(found((await guest.post('/payments/pay')).body, secrets)).toEqual([])
    model.add(new ModelError('MODEL_BLOCKED', 'No.', { retryable: false, cause: new Error(words) }))
    expect(found((await guest.post('/chat', { user_input: words })).body, secrets)).toEqual([])
    expect(log()).toContain('defect')
    expect(log(), 'still says where it failed').toMatch(/canary\.test\.ts:\d+|scripted-model\.ts:\d+/)
    expect(found(log(), secrets)).toEqual([])
    expect(found(await metrics(), secrets)).toEqual([])
  })

  it('are in no log when they come as no HTTP, or to a stream that breaks off', async () => {
    const { service, model, guest, secrets, log } = await setup()
    const origin = await listen(service)
    const { port, hostname } = new URL(origin)
    for (const bytes of [
      `${words}\r\n\r\n`,
      `GET / HTTP/1.1\r\nX-Session-ID: ${token}\r\n${words}\r\n\r\n`,
    ]) {
      await new Promise((resolve) => {
        const socket = connect(Number(port), hostname, () => socket.end(bytes))
        socket.on('data', (data) => expect(found(String(data), secrets)).toEqual([]))
        socket.on('close', resolve)
        socket.on('error', () => {})
      })
    }
    model.add(says(words))
    const search = new URLSearchParams({ session_id: guest.token, message: words, idempotency_key: key })
    const reader = await EventReader.open(`${origin}/api/v1/chat/stream?${search.toString()}`)
    await reader.saw('session')
    await reader.leave()
    await guest.delete('/session')
    expect(found(log(), secrets)).toEqual([])
  })

  it('are in no log, no metric and no error when they are keys, whatever becomes of them', async () => {
    const provider = new GuestProvider()
    const { keyChecks, guestModel } = provider
    const { model, guest, secrets, log, metrics } = await setup({ keyChecks, guestModel })
    const keys = ['valid', 'rejected', 'unverified', 'broken', 'refused'].map((name) => `Canary-${name}-key`)
    const [valid = '', rejected = '', unverified = '', broken = '', refused = ''] = keys
    provider.answer(rejected, { status: 'rejected', reason: 'Nobody knows it.' })
    provider.answer(unverified, { status: 'unverified', reason: 'Nobody answers.' })
    provider.answer(broken, new Error(`cannot check ${broken}`, { cause: { key: broken } }))
    const cause = new Error(`refused ${refused}`)
    provider.say(valid, new Error(`cannot answer with ${valid}`, { cause: { key: valid } }))
    provider.say(refused, new ModelError('KEY_REJECTED', 'No.', { retryable: false, cause }))
    const bodies: string[] = []
    for (const brought of keys) {
      const stored = await guest.post('/session/keys', { gemini_key: brought, cartesia_key: brought })
      const chatted = await guest.post('/chat', { user_input: 'hi' })
      bodies.push(stored.body, chatted.body, (await guest.get('/session/export')).body)
      bodies.push((await guest.post('/session/keys', { gemini_key: [brought] })).body)
      bodies.push((await guest.post('/session/keys', { [brought]: brought })).body)
    }
    expect(model.requests).toEqual([])
    expect(log()).toContain('defect')
    expect(found(log(), secrets)).toEqual([])
    expect(found(await metrics(), secrets)).toEqual([])
    for (const body of bodies) expect(body).not.toContain('Canary')
  })
})
