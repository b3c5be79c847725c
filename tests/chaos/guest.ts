import assert from 'node:assert/strict'
import { sleep, systemClock } from '../../src/clock.ts'
import type { Random } from '../simulation/random.ts'
import { ask, NoAnswerError, openStream, type Answer, type Asked, type Stream } from './connection.ts'
import type { Fleet, Server } from './fleet.ts'
import { Hearing } from './hearing.ts'

/** What all guests of an evening did, to show that it was one. */
export interface Tally {
  sessions: number
  answers: number
  receipts: number
  /** Requests that nobody answered, or that were refused for the moment; each was made again. */
  retries: number
  /** Streams that went on at another server where they were left, and those that began anew there. */
  resumedElsewhere: number
  restarted: number
  stopped: number
}

export const nothingDone: Tally = {
  sessions: 0,
  answers: 0,
  receipts: 0,
  retries: 0,
  resumedElsewhere: 0,
  restarted: 0,
  stopped: 0,
}

export interface GuestOptions {
  readonly fleet: Fleet
  readonly random: Random
  readonly tally: Tally
  /** Aborted when nothing can be waited for any more. */
  readonly deadline: AbortSignal
}

export interface Receipt {
  readonly payment_id: string
  readonly total_cents: number
}

/** A payment that the guest made by hand, and what came of it. */
interface Payment {
  readonly asked: Asked
  /** Whether the server's first word may not be its last: a request that nobody answered can be under way still. */
  readonly isDoubtful: boolean
  readonly receipt: Receipt | undefined
}

interface Insistence {
  readonly pick?: () => Server
  /** Called for each time that nobody answered. */
  readonly onDoubt?: () => void
}

/** How long a guest waits for an answer, for a whole turn, and for a sign of life in a stream. */
const patienceMs = { answer: 3000, turn: 15_000, silence: 3000 } as const
const pauseMs = { first: 50, max: 500 } as const
const actionsMax = 40

const orders = [
  'Two martinis please.',
  'An IPA and a water, please.',
  'A negroni.',
  'Three lemonades and a rum, please.',
  'Remove one martini.',
  'What is on my tab?',
  'What do you have?',
]

/**
 * One guest with one session, who comes to a random server each time, asks again with the same key until there is an
 * answer, and remembers what it was told. Throws when it is told otherwise.
 */
export class Guest {
  readonly hearings: Hearing[] = []
  readonly payments: Payment[] = []
  token = ''
  readonly #options: GuestOptions
  readonly #doings: readonly (readonly [weight: number, does: () => Promise<unknown>])[]
  #keys = 0

  constructor(options: GuestOptions) {
    this.#options = options
    this.#doings = [
      [30, () => this.#order()],
      [12, () => this.#orderWhole()],
      [10, () => this.#tip()],
      [10, () => this.#pay()],
      [8, () => this.#payByWord()],
      [8, () => this.#stop()],
      [6, () => Promise.all([this.#order(), this.#order()])],
      [6, () => this.#askAgain()],
      [6, () => this.#attach()],
      [8, () => this.#look()],
    ]
  }

  /** Comes, does this and that, and leaves when it is told to or has had enough. */
  async stay(isOver: () => boolean): Promise<void> {
    const { body, status } = await this.#insist({ method: 'POST', path: '/sessions', body: {} })
    assert.equal(status, 201)
    this.token = body.session_id
    this.#options.tally.sessions++
    for (let actions = 0; actions < actionsMax && !isOver(); actions++) {
      await this.#pick()()
      await this.#pause(this.#options.random.between(20, 600))
    }
  }

  /** When all is well again: asks once more for what has no certain answer, and looks whether all servers agree. */
  async settle(): Promise<void> {
    for (const payment of this.payments.filter(({ isDoubtful }) => isDoubtful))
      await this.#charge(payment.asked)
    const { places } = this.#options.fleet
    const seen = await Promise.all(places.map(({ server }) => this.#seeAt(server)))
    for (const other of seen) assert.deepEqual(other, seen[0], 'two servers do not agree')
    assert.equal(seen[0]?.history.running_turn_id, null, 'a turn is still running')
  }

  async #seeAt(server: Server) {
    const at = { pick: () => server }
    const { body: tab } = await this.#insist({ method: 'GET', path: '/payments/tab' }, at)
    const { body: history } = await this.#insist({ method: 'GET', path: '/chat/history' }, at)
    return { tab, history }
  }

  #pick(): () => Promise<unknown> {
    const weights = this.#doings.map(([weight]) => weight)
    let place = this.#options.random.next() * weights.reduce((sum, weight) => sum + weight, 0)
    const chosen = this.#doings.find(([weight]) => (place -= weight) < 0)
    assert(chosen !== undefined)
    return chosen[1]
  }

  #order(): Promise<Hearing> {
    return this.#say(this.#options.random.pick(orders))
  }

  async #say(message: string): Promise<Hearing> {
    const hearing = new Hearing(this.#newKey('say'), message)
    this.hearings.push(hearing)
    await this.#hearOut(hearing)
    return hearing
  }

  async #orderWhole(): Promise<void> {
    const hearing = new Hearing(this.#newKey('whole'), this.#options.random.pick(orders))
    this.hearings.push(hearing)
    await this.#askWhole(hearing)
  }

  async #tip(): Promise<void> {
    const tip_percentage = this.#options.random.pick([10, 15, 20, null])
    const asked = { method: 'POST', path: '/payments/tip', body: { tip_percentage } } as const
    const tip = { ...asked, key: this.#newKey('tip') }
    const { status, body } = await this.#insist(tip)
    if (status === 200 && this.#options.random.chance(0.3))
      assert.deepEqual((await this.#insist(tip)).body, body, 'the same tip got two answers')
  }

  async #pay(): Promise<void> {
    const { body: tab } = await this.#insist({ method: 'GET', path: '/payments/tab' })
    if (tab.total_cents === 0) return
    const body = { expected_total_cents: tab.total_cents }
    await this.#charge({ method: 'POST', path: '/payments/pay', key: this.#newKey('pay'), body })
  }

  /** Asks the agent for the bill, and grants it by word or with the button. */
  async #payByWord(): Promise<void> {
    const { confirmationId } = await this.#say('The bill, please.')
    if (confirmationId === undefined) return
    if (this.#options.random.chance(0.5)) {
      await this.#say('yes')
      return
    }
    const body = { confirmation_id: confirmationId, accept: true }
    await this.#charge({ method: 'POST', path: '/payments/confirm', key: this.#newKey('confirm'), body })
  }

  /** Pays, and now and then asks for the same again: there is one receipt. */
  async #charge(asked: Asked): Promise<void> {
    let isDoubtful = false
    const { status, body } = await this.#insist(asked, { onDoubt: () => (isDoubtful = true) })
    const receipt: Receipt | undefined = status === 200 ? body.receipt : undefined
    this.payments.push({ asked, receipt, isDoubtful: isDoubtful && receipt === undefined })
    if (receipt === undefined) return
    this.#options.tally.receipts++
    if (this.#options.random.chance(0.3))
      assert.deepEqual((await this.#insist(asked)).body, body, 'the same payment got two answers')
  }

  /** Breaks off and has the turn stopped, mostly by another server. */
  async #stop(): Promise<void> {
    const { random, tally } = this.#options
    const hearing = new Hearing(this.#newKey('say'), random.pick(orders))
    this.hearings.push(hearing)
    await this.#listen(hearing, random.between(2, 8))
    const body = hearing.turnId === undefined || random.chance(0.3) ? {} : { turn_id: hearing.turnId }
    const stop = { method: 'POST', path: '/chat/stop', key: this.#newKey('stop'), body } as const
    const { status, body: answer } = await this.#insist(stop)
    assert.equal(status, 200)
    if (answer.stopped === true) tally.stopped++
    await this.#hearOut(hearing)
  }

  /** Asks again what has its answer, with or without a stream. */
  async #askAgain(): Promise<void> {
    const known = this.#randomHearing()
    if (known === undefined) return
    const again = new Hearing(known.key, known.message)
    await (this.#options.random.chance(0.5) ? this.#hearOut(again) : this.#askWhole(again))
    assertSame(again, known)
  }

  /** Reads a turn that is over once more, as another device of the guest does. */
  async #attach(): Promise<void> {
    const known = this.#randomHearing()
    if (known?.turnId === undefined) return
    const again = new Hearing(known.key, known.message)
    while (!again.isOver) {
      await this.#listenTo(again, { method: 'GET', path: `/chat/stream?turn_id=${known.turnId}` })
      assert(!again.isInterrupted, `the turn ${known.turnId} has its answer and is said to have none`)
    }
    assertSame(again, known)
  }

  /** Everything that was told is in the history of whichever server is asked. */
  async #look(): Promise<void> {
    const { body } = await this.#insist({ method: 'GET', path: '/chat/history' })
    const history: readonly { role: string; turn_id: string; content: string }[] = body.history
    const said = new Map(
      history.filter(({ role }) => role === 'assistant').map(({ turn_id, content }) => [turn_id, content]),
    )
    for (const { turnId = '', complete } of this.hearings) {
      if (complete !== undefined) assert.equal(said.get(turnId) ?? '', complete, 'an answer is not as it was')
    }
  }

  #randomHearing(): Hearing | undefined {
    const complete = this.hearings.filter((hearing) => hearing.complete !== undefined)
    return complete.length === 0 ? undefined : this.#options.random.pick(complete)
  }

  async #askWhole(hearing: Hearing): Promise<void> {
    const { key, message } = hearing
    const body = { user_input: message }
    const { status, body: answer } = await this.#insist({ method: 'POST', path: '/chat', key, body })
    assert.equal(status, 200, JSON.stringify(answer))
    hearing.takeWhole(answer.turn_id, answer.response_text)
    this.#options.tally.answers++
  }

  /** Listens until there is an answer, however often the connection breaks or is broken off. */
  async #hearOut(hearing: Hearing): Promise<void> {
    const { random, tally } = this.#options
    while (!hearing.isOver) {
      await this.#listen(hearing, random.chance(0.4) ? random.between(1, 12) : Infinity)
    }
    assert.equal(hearing.failure, undefined)
    tally.answers++
  }

  /** As the page does, as EventSource does, or attached to what is running. */
  #listen(hearing: Hearing, eventsMax: number): Promise<void> {
    const { key, message, lastEventId, turnId, isInterrupted } = hearing
    const { random } = this.#options
    const path = '/chat/stream'
    const isRunning = turnId !== undefined && !isInterrupted
    if (isRunning && random.chance(0.4))
      return this.#listenTo(
        hearing,
        { method: 'GET', path: `${path}?turn_id=${turnId}`, lastEventId },
        eventsMax,
      )
    if (random.chance(0.3)) {
      const query = new URLSearchParams({ message, idempotency_key: key }).toString()
      return this.#listenTo(hearing, { method: 'GET', path: `${path}?${query}`, lastEventId }, eventsMax)
    }
    const body = { user_input: message }
    return this.#listenTo(hearing, { method: 'POST', path, key, lastEventId, body }, eventsMax)
  }

  /** Listens once, at one server, up to so many events. */
  async #listenTo(hearing: Hearing, asked: Asked, eventsMax = Infinity): Promise<void> {
    const server = this.#anyServer()
    try {
      const stream = await openStream(server.url, { ...asked, token: this.token }, patienceMs.silence)
      if (stream.answer === undefined) return await this.#read(stream, { hearing, server, asked, eventsMax })
      const { status, body, isForNow } = stream.answer
      // A turn that its server had announced and not begun is known to nobody when that server is gone.
      if (status === 404 && body.code === 'TURN_NOT_FOUND') hearing.isInterrupted = true
      else
        assert(
          isForNow,
          `${JSON.stringify({ asked, hearing })} was answered with ${status} ${JSON.stringify(body)}`,
        )
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error
    }
    await this.#wait()
  }

  async #read(
    { events }: Stream,
    reading: { hearing: Hearing; server: Server; asked: Asked; eventsMax: number },
  ): Promise<void> {
    const { hearing, server, asked, eventsMax } = reading
    let count = 0
    for await (const event of events) {
      hearing.hear(event, asked.lastEventId)
      if (event.data.type === 'session') this.#countResume(hearing, server, asked)
      if (++count >= eventsMax) break
    }
  }

  #countResume(hearing: Hearing, server: Server, { lastEventId }: Asked): void {
    const { tally } = this.#options
    const wasElsewhere = hearing.server !== undefined && hearing.server !== server.url
    if (lastEventId !== undefined && wasElsewhere) {
      if (hearing.lastEventId === lastEventId) tally.resumedElsewhere++
      else tally.restarted++
    }
    hearing.server = server.url
  }

  /** Asks one server after the other until one gives an answer that stays. */
  async #insist(
    asked: Asked,
    { pick = this.#anyServer, onDoubt = () => {} }: Insistence = {},
  ): Promise<Answer> {
    const ms = asked.path === '/chat' ? patienceMs.turn : patienceMs.answer
    for (;;) {
      try {
        const answer = await ask(pick().url, { ...asked, token: this.token }, ms)
        if (!answer.isForNow) {
          assert(answer.status < 500 || answer.body.code === 'PAYMENT_FAILED', JSON.stringify(answer))
          assert.notEqual(answer.status, 404, JSON.stringify(answer))
          return answer
        }
      } catch (error) {
        if (!(error instanceof NoAnswerError)) throw error
        onDoubt()
      }
      await this.#wait()
    }
  }

  /** Before the next attempt. */
  #wait(): Promise<void> {
    this.#options.tally.retries++
    return this.#pause(this.#options.random.between(pauseMs.first, pauseMs.max))
  }

  #pause(ms: number): Promise<void> {
    return sleep(systemClock, ms, this.#options.deadline)
  }

  readonly #anyServer = (): Server => this.#options.fleet.pick(this.#options.random)

  #newKey(what: string): string {
    return `${what}-${++this.#keys}`
  }
}

function assertSame(again: Hearing, known: Hearing): void {
  assert.equal(again.turnId, known.turnId, 'the same question became two turns')
  assert.equal(again.complete, known.complete, 'the same question got two answers')
}
