import assert from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import { startServer, temporaryDirectory, type ServerProcess } from './server-process.ts'

const script = 'tests/process/crash-server.ts'

interface AskOptions {
  readonly method: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

interface Answer {
  readonly status: number
  readonly body: string
}

/** A guest who asks again, with the same key, whenever the server dies. */
class StubbornGuest {
  readonly #directory: string
  #server: ServerProcess
  #session = ''
  crashes = 0

  private constructor(directory: string, server: ServerProcess) {
    this.#directory = directory
    this.#server = server
  }

  static async enter(directory: string, environment: Record<string, string>): Promise<StubbornGuest> {
    return new StubbornGuest(directory, await startServer({ script, directory, environment }))
  }

  async openSession(): Promise<void> {
    const { body } = await this.ask('/api/v1/sessions', { method: 'POST' })
    this.#session = JSON.parse(body).session_id
  }

  get(path: string): Promise<Answer> {
    return this.ask(path, { method: 'GET' })
  }

  post(path: string, key: string, body: object): Promise<Answer> {
    return this.ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
    })
  }

  /** Does not ask again: rejects when the server dies before it answers. */
  async postOnce(path: string, key: string, body: object): Promise<Answer> {
    const response = await fetch(this.#server.url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', 'idempotency-key': key, 'x-session-id': this.#session },
    })
    return { status: response.status, body: await response.text() }
  }

  async ask(path: string, init: AskOptions): Promise<Answer> {
    const headers = { ...init.headers, ...(this.#session !== '' && { 'x-session-id': this.#session }) }
    for (;;) {
      try {
        const response = await fetch(this.#server.url + path, { ...init, headers })
        return { status: response.status, body: await response.text() }
      } catch {
        assert.equal(await this.#server.exited, 'SIGKILL', this.#server.output())
        this.crashes++
        this.#server = await startServer({ script, directory: this.#directory })
      }
    }
  }
}

/** The whole visit; how it looks in the end must not depend on when the server died. */
async function visit(environment: Record<string, string>): Promise<{ crashes: number }> {
  const guest = await StubbornGuest.enter(temporaryDirectory(), environment)
  await guest.openSession()
  const streamed = await guest.post('/api/v1/chat/stream', 'order', {
    user_input: 'Two martinis and an IPA.',
  })
  expect(streamed.status).toBe(200)
  expect(streamed.body.match(/"type":"tool_result"/g)).toHaveLength(2)
  expect(streamed.body).toContain('"content":"One moment. Here you are."')
  const tip = await guest.post('/api/v1/payments/tip', 'tip', { tip_percentage: 20 })
  expect(JSON.parse(tip.body)).toMatchObject({ tab_amount_cents: 32_00, tip_amount_cents: 6_40 })
  const paid = await guest.post('/api/v1/payments/pay', 'pay', { expected_total_cents: 38_40 })
  expect(JSON.parse(paid.body)).toMatchObject({
    receipt: { total_cents: 38_40 },
    tab: { balance_cents: 961_60 },
  })

  const { history, running_turn_id } = JSON.parse((await guest.get('/api/v1/chat/history')).body)
  expect(running_turn_id).toBeNull()
  expect(history).toMatchObject([
    { role: 'user' },
    { role: 'assistant', content: 'One moment. Here you are.' },
  ])
  const { ledger } = JSON.parse((await guest.get('/api/v1/session/export')).body)
  expect(ledger.map(({ what, cents }: { what: string; cents: number }) => `${what} ${cents}`)).toEqual([
    'items-added 2600',
    'items-added 600',
    'payment-started 3200',
    'payment-started 640',
    'payment-settled 3840',
  ])
  return { crashes: guest.crashes }
}

describe('a server that is killed', () => {
  it('after any append repeats no effect, and the retry goes on with what was begun', async () => {
    let appends = 0
    // The session itself is not retried: without an answer the guest does not know that there is one.
    while ((await visit({ DIE_AFTER_APPEND: String(appends + 2) })).crashes > 0) appends++
    // turn-started, model-replied, two effects, the last reply with its end, tip, and the payment's two steps.
    expect(appends).toBe(8)
  })

  // The log is then as it was after the append before; but the model has spoken, or the card was charged.
  it.each([3, 6, 9])('before append %i repeats no effect either', async (append) => {
    expect((await visit({ DIE_BEFORE_APPEND: String(append) })).crashes).toBe(1)
  })

  it('shows, started again, the open turn closed as interrupted and its effects standing', async () => {
    const guest = await StubbornGuest.enter(temporaryDirectory(), { DIE_AFTER_APPEND: '4' })
    await guest.openSession()
    await expect(
      guest.postOnce('/api/v1/chat', 'order', { user_input: 'Two martinis and an IPA.' }),
    ).rejects.toThrow('fetch failed')
    const { history, running_turn_id } = JSON.parse((await guest.get('/api/v1/chat/history')).body)
    expect(running_turn_id).toBeNull()
    expect(history).toMatchObject([{ role: 'user' }, { role: 'assistant', content: 'One moment. ' }])
    expect(JSON.parse((await guest.get('/api/v1/payments/tab')).body)).toMatchObject({
      tab_amount_cents: 26_00,
    })
    const turn = await guest.get(`/api/v1/chat/stream?turn_id=${history[0].turn_id}`)
    expect(turn.body).toContain('"code":"INTERRUPTED","message":"')
    expect(turn.body).toContain('"retryable":true')
  })
})
