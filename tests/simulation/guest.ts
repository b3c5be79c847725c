import assert from 'node:assert/strict'
import type { TurnEvents, TurnReader } from '../../src/conversation/turn-events.ts'
import { ServiceError } from '../../src/errors.ts'
import { ModelError } from '../../src/llm/model.ts'
import type { RequestKey } from '../../src/log/events.ts'
import { StoreError } from '../../src/log/store.ts'
import type { Answer } from '../../src/sessions/cashier.ts'
import type { Message, Session } from '../../src/sessions/session.ts'
import { limits, type Container } from './container.ts'
import type { Random } from './random.ts'

const stopped = () => ({ status: 200, body: null })

const messages = ['Two martinis please.', 'yes', 'no', 'The bill!', 'And another one.', 'What do you have?']

/** What a guest got to know of one turn. */
interface Hearing {
  readonly turnId: string
  text: string
  lastNumber: number
  complete: string | undefined
  leave: (() => void) | undefined
}

/** One guest of the simulation: remembers what it was told, and complains when it is told otherwise. */
export class Guest {
  readonly #random: Random
  readonly #complain: (problem: unknown) => void
  #sessionId: string | undefined
  #hearings = new Map<string, Hearing>()
  #sent: (Message & { readonly request: RequestKey; readonly number: number })[] = []
  #keys = 0

  constructor(random: Random, complain: (problem: unknown) => void) {
    this.#random = random
    this.#complain = complain
  }

  get sessionId(): string | undefined {
    return this.#sessionId
  }

  /** What every reader was told is complete: it must be in the log. */
  get completed(): readonly { readonly turnId: string; readonly content: string }[] {
    return [...this.#hearings.values()].flatMap(({ turnId, complete }) =>
      complete === undefined ? [] : [{ turnId, content: complete }],
    )
  }

  /** Does something that a guest may do. Refusals are part of life; anything else that is thrown is a defect. */
  async act(container: Container): Promise<void> {
    try {
      if (this.#sessionId === undefined) await this.#enter(container)
      else await this.#use(container, this.#sessionId)
    } catch (error) {
      if (error instanceof ServiceError && error.code === 'SESSION_NOT_FOUND') this.#forget()
      else if (!(error instanceof ServiceError || error instanceof StoreError || error instanceof ModelError))
        throw error
    }
  }

  /** Closes its connections, as when the browser is closed. */
  disconnect(): void {
    for (const hearing of this.#hearings.values()) this.#leave(hearing)
  }

  async #enter(container: Container): Promise<void> {
    const { id } = await container.sessions.create({ agent: 'maya', workspace: 'default' })
    this.#sessionId = id
  }

  #use(container: Container, id: string): Promise<unknown> {
    const { sessions } = container
    const choice = this.#random.next()
    return sessions.use(id, 'default', async (session) => {
      if (choice < 0.4) return this.#send(container, session)
      if (choice < 0.55) return this.#sendAgain(container, session)
      if (choice < 0.7) return this.#comeBack(container, session)
      if (choice < 0.75) return this.disconnect()
      if (choice < 0.8) return this.#breakIn(session)
      if (choice < 0.88)
        return this.#once((key) => session.cashier.tip({ kind: 'percentage', percentage: 20 }, key))
      if (choice < 0.95) return this.#once((key) => session.cashier.pay({ request: key }))
      if (choice < 0.97) return session.reset(undefined, { status: 200, body: null })
      if (choice < 0.98) return this.#end(container, session)
      return undefined
    })
  }

  async #send(container: Container, session: Session): Promise<void> {
    const request = this.#newKey('chat')
    const speech = this.#random.chance(0.4) ? { voice: null, speed: 1 } : null
    const sent = { userInput: this.#random.pick(messages), request, speech, number: this.#keys }
    this.#sent = [...this.#sent, sent].slice(-3)
    await this.#listen(container, session, await session.send(sent))
  }

  /** Asks the same again, as long as the session must still know it. */
  async #sendAgain(container: Container, session: Session): Promise<void> {
    const known = this.#sent.filter(({ number }) => this.#keys - number < limits.requestsKeptMax)
    if (known.length === 0) return
    await this.#listen(container, session, await session.send(this.#random.pick(known)))
  }

  /** Stops whatever runs, or a turn of which not all was heard. */
  async #breakIn(session: Session): Promise<void> {
    const turnIds = [...this.#hearings.keys()]
    if (turnIds.length === 0 || this.#random.chance(0.5)) return void (await session.stop(undefined, stopped))
    const turnId = this.#random.pick(turnIds)
    const heardCharacters = this.#random.between(0, 60)
    await session.stop(undefined, stopped, { turnId, heardCharacters })
  }

  async #comeBack(container: Container, session: Session): Promise<void> {
    const turnIds = [...this.#hearings.keys()]
    if (turnIds.length === 0) return
    await this.#listen(container, session, await session.findTurn(this.#random.pick(turnIds)))
  }

  /** Reads a turn from where it was left, and checks every event against what it knows. */
  async #listen(container: Container, session: Session, events: TurnEvents): Promise<void> {
    const { turnId } = events
    const hearing = this.#hearings.get(turnId) ?? newHearing(turnId)
    this.#hearings.set(turnId, hearing)
    this.#leave(hearing)
    const after = hearing.lastNumber === 0 ? null : hearing.lastNumber
    if (after !== null && events.isReadToEnd(after)) return
    const release = session.hold()
    const reader = events.attach(after, () => pump())
    if (reader === undefined) return release()
    const pump = (): void => {
      if (!container.isRunning) return
      try {
        hear(hearing, reader)
      } catch (error) {
        this.#complain(error)
      }
    }
    hearing.leave = () => {
      reader.close()
      release()
    }
    if (reader.isRestart) Object.assign(hearing, { text: '', lastNumber: 0, complete: undefined })
    pump()
    void events.whenEnded.then(() => this.#leave(hearing))
  }

  /** Asks something that changes money, often twice; the answers must be one. */
  async #once(ask: (key: RequestKey) => Promise<Answer>): Promise<void> {
    const request = this.#newKey('money')
    const answer = await ask(request)
    if (this.#random.chance(0.5))
      assert.deepEqual(await ask(request), answer, 'the same request got two answers')
  }

  async #end(container: Container, session: Session): Promise<void> {
    await container.sessions.end(session)
    assert.equal(session.runningTurnId, null, 'a session that has ended still runs a turn')
    this.#forget()
  }

  #forget(): void {
    this.disconnect()
    this.#sessionId = undefined
    this.#hearings = new Map()
    this.#sent = []
  }

  #leave(hearing: Hearing): void {
    hearing.leave?.()
    hearing.leave = undefined
  }

  #newKey(operation: string): RequestKey {
    const key = `${operation}-${++this.#keys}`
    return { key, fingerprint: key }
  }
}

function newHearing(turnId: string): Hearing {
  return { turnId, text: '', lastNumber: 0, complete: undefined, leave: undefined }
}

function hear(hearing: Hearing, reader: TurnReader): void {
  for (let record = reader.next(); record !== undefined; record = reader.next()) {
    assert(
      record.number > hearing.lastNumber,
      `${hearing.turnId}: event ${record.number} came twice or out of order`,
    )
    hearing.lastNumber = record.number
    const { event } = record
    if (event.type === 'text-chunk') hearing.text += event.content
    if (event.type !== 'complete') continue
    assert.equal(hearing.text, event.content, `${hearing.turnId}: the text has a gap or a repeat`)
    hearing.complete = event.content
  }
}
