import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simulatedPayments } from '../../src/bar/payments/simulated.ts'
import type { PaymentProvider } from '../../src/bar/payment-provider.ts'
import { menu } from '../../src/bar/menu.ts'
import type { BudgetBounds } from '../../src/conversation/budgets.ts'
import { maya } from '../../src/conversation/agents/maya.ts'
import { contentOf, wholeContentOf } from '../../src/conversation/messages.ts'
import { createHouseModel } from '../../src/llm/providers/house.ts'
import type { Model } from '../../src/llm/model.ts'
import { endOfRange } from '../../src/conversation/turn-events.ts'
import type { SessionEvent, TurnEnded } from '../../src/log/events.ts'
import type { TurnRecord } from '../../src/log/state.ts'
import { StoreError, type Store } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { createMemoryBus } from '../../src/store/memory-bus.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { createChaosModel } from './chaos-model.ts'
import { Checks } from './checks.ts'
import { Container, sessionsMax } from './container.ts'
import { Guest } from './guest.ts'
import type { PlantedBug } from './planted-bugs.ts'
import { Random } from './random.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly steps?: number
  readonly bug?: PlantedBug
}

/** What happened in one simulation, to show that it did something. */
export const happenings = [
  'appends',
  'turnsCompleted',
  'crashes',
  'pauses',
  'storeFailures',
  'compactions',
  'budgetEnds',
  'spokenTurns',
  'brokenIn',
  'messages',
] as const
export type SimulationReport = Readonly<Record<(typeof happenings)[number], number>>

export const nothingHappened: SimulationReport = {
  appends: 0,
  turnsCompleted: 0,
  crashes: 0,
  pauses: 0,
  storeFailures: 0,
  compactions: 0,
  budgetEnds: 0,
  spokenTurns: 0,
  brokenIn: 0,
  messages: 0,
}

/** Runs one simulated evening. Rejects with what went wrong; the same seed goes wrong in the same way. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const undo = options.bug?.patch?.()
  const directory = mkdtempSync(join(tmpdir(), 'maya-simulation-'))
  try {
    return await new Evening(options, directory).run()
  } finally {
    undo?.()
    rmSync(directory, { recursive: true, force: true })
  }
}

class Evening {
  readonly #options: SimulationOptions
  readonly #directory: string
  readonly #random: Random
  readonly #clock = new FakeClock()
  readonly #bus = createMemoryBus()
  readonly #checks = new Checks(() => this.#clock.now())
  readonly #problems: unknown[] = []
  /** What was begun and has not ended, with the process that does it. */
  readonly #acting = new Map<Promise<void>, Container>()
  #containers: Container[] = []
  #containersMade = 0
  readonly #report = { ...nothingHappened }
  #tokensLogged = 0

  constructor(options: SimulationOptions, directory: string) {
    this.#options = options
    this.#directory = directory
    this.#random = new Random(options.seed)
  }

  async run(): Promise<SimulationReport> {
    const store = await this.#openStore()
    const model = this.#model()
    const count = this.#random.between(1, 3)
    for (let index = 0; index < count; index++) this.#containers.push(this.#newContainer(store, model))
    const guests = Array.from(
      { length: this.#random.between(1, 6) },
      () => new Guest(this.#random, (problem) => this.#problems.push(problem)),
    )
    for (let step = 0; step < (this.#options.steps ?? 60); step++) {
      this.#disturb(store, model)
      const container = this.#random.pick(this.#containers)
      this.#do(container, this.#random.pick(guests).act(container))
      await this.#pass(this.#random.pick([0, 0, 10, 300, 2000, 12_000, 40_000]))
      this.#check()
    }
    await this.#closeUp(guests)
    await this.#checkDay(store)
    await store.close()
    return this.#report
  }

  #do(container: Container, acting: Promise<void>): void {
    const done = acting
      .catch((error: unknown) => void this.#problems.push(error))
      .finally(() => this.#acting.delete(done))
    this.#acting.set(done, container)
  }

  async #pass(durationMs: number): Promise<void> {
    await this.#clock.advanceAsync(durationMs)
    await settle()
  }

  /** What the world does to the containers. */
  #disturb(store: Store, model: Model): void {
    const index = this.#random.between(0, this.#containers.length - 1)
    const container = this.#containers[index]
    assert(container !== undefined)
    const choice = this.#random.next()
    if (choice < 0.05) {
      this.#report.crashes++
      container.die()
      this.#containers[index] = this.#newContainer(store, model)
    } else if (choice < 0.12) {
      this.#report.pauses++
      container.pause()
    } else if (choice < 0.3) container.resume()
    else if (choice < 0.36) {
      this.#report.storeFailures++
      container.storeFailures = this.#random.between(1, 4)
    } else if (choice < 0.4) this.#do(container, container.sessions.sweep().catch(ignoreStoreError))
  }

  #check(): void {
    if (this.#problems.length > 0) throw this.#problems[0]
    for (const { sessions, isAlive } of this.#containers) {
      if (isAlive) assert(sessions.liveCount <= sessionsMax, 'more sessions are live than were admitted')
    }
  }

  /** The last guests leave, everything is repaired, and nothing may be left. */
  async #closeUp(guests: readonly Guest[]): Promise<void> {
    for (const container of this.#containers) {
      container.storeFailures = 0
      container.resume()
    }
    await this.#settleActs()
    for (const guest of guests) this.#checkMemories(guest)
    for (const guest of guests) guest.disconnect()
    for (const container of this.#containers) {
      this.#do(container, container.sessions.drain(AbortSignal.abort()))
    }
    await settle()
    await this.#settleActs()
    for (const { name, sessions, timerCount, turnRunCount } of this.#containers) {
      assert.equal(sessions.liveCount, 0, `${name} still has live sessions`)
      assert.equal(timerCount, 0, `${name} has left timers`)
      assert.equal(turnRunCount, 0, `${name} has turns of which no end was reported`)
    }
  }

  /** Time goes on until everything that guests began has ended. */
  async #settleActs(): Promise<void> {
    const isWaiting = (): boolean => [...this.#acting.values()].some(({ isAlive }) => isAlive)
    for (let minutes = 0; isWaiting() && minutes < 30; minutes++) await this.#pass(60_000)
    this.#check()
    assert(!isWaiting(), 'something that a guest began never ends')
  }

  /** What a guest was told is complete is in the log, word for word. */
  #checkMemories({ sessionId, completed }: Guest): void {
    const state = sessionId === undefined ? undefined : this.#checks.state(sessionId)
    if (state === undefined) return
    for (const { turnId, content } of completed) {
      const turn: TurnRecord | undefined = state.turns.find((candidate) => candidate.turnId === turnId)
      if (turn === undefined) continue // It was before a reset.
      // Who read it after its guest broke in was told no more than was heard.
      const all = [contentOf(turn), wholeContentOf(turn)]
      assert(
        all.includes(content) || isCut(turn, content),
        `${turnId} is not in the log as the guest heard it`,
      )
      this.#report.turnsCompleted++
    }
  }

  #newContainer(store: Store, model: Model): Container {
    const name = `c${++this.#containersMade}`
    return new Container({
      name,
      store,
      bus: this.#bus,
      model,
      clock: this.#clock,
      random: this.#random,
      agent: maya,
      payments: this.#payments(),
      budgets: this.#budgets(),
      promptTokensMax: this.#random.pick([16_000, 2000]),
      bug: this.#options.bug,
      onAppend: (append, { name: author }) => {
        this.#report.appends++
        for (const event of append.events) this.#count(event)
        this.#try(() => this.#checks.append(append, author))
      },
      onLease: (id, owner, durationMs) => this.#checks.lease(id, owner, durationMs),
      onDefect: (error) => this.#onDefect(error),
      onMessage: () => this.#report.messages++,
    })
  }

  /** Small ones in some evenings. */
  #budgets(): BudgetBounds {
    const isTight = this.#options.seed % 3 === 0
    return {
      turnTokensMax: isTight ? 4000 : 0,
      sessionTokensMax: isTight ? 8000 : 0,
      sessionToolCallsMax: isTight ? 10 : 0,
      workspaceDailyTokensMax: isTight ? 15_000 : 1_000_000,
      outputTokensMax: 100,
    }
  }

  #count(event: SessionEvent): void {
    if (event.type === 'turn-heard') this.#report.brokenIn++
    if (event.type === 'turn-ended' && event.outcome === 'complete' && isSpoken(event))
      this.#report.spokenTurns++
    if (event.type === 'history-compacted') this.#report.compactions++
    if (event.type === 'turn-ended' && event.code === 'BUDGET_EXHAUSTED') this.#report.budgetEnds++
    const usage = event.type === 'turn-ended' ? event.unreportedUsage : 'usage' in event && event.usage
    if (usage) this.#tokensLogged += usage.inputTokens + usage.outputTokens
  }

  /** The day has counted all that the logs say was used, and what those could not say whose turn was taken away. */
  async #checkDay(store: Store): Promise<void> {
    const day = Math.floor(this.#clock.date() / 86_400_000)
    const counted = await store.count(`tokens ${day} default`, 0, 0)
    if (this.#options.seed % 2 === 0) return assert.equal(counted, 0, 'the house model cost something')
    assert(counted >= 0, 'more was given back than was reserved')
    // A reply whose append was not answered can be in the log twice: as said, and as what was lost.
    if (this.#report.storeFailures > 0) return
    assert(counted >= this.#tokensLogged, 'less was counted than the logs say')
  }

  /** Mostly in memory; every eighth evening on a real SQLite file. */
  #openStore(): Promise<Store> {
    if (this.#options.seed % 8 !== 0)
      return Promise.resolve(createMemoryStore({ clock: this.#clock, shared: true }))
    return openSqliteStore({ path: join(this.#directory, 'maya.db'), clock: this.#clock })
  }

  /** Half of the evenings with a model that does anything, half with the house. */
  #model(): Model {
    if (this.#options.seed % 2 === 1) return createChaosModel(this.#random, this.#clock)
    const items = menu.categories.flatMap(({ name, items: served }) =>
      served.map((item) => ({ ...item, category: name })),
    )
    return createHouseModel({
      clock: this.#clock,
      paceMs: this.#random.pick([0, 30, 800]),
      vocabulary: { items, modifiers: menu.modifiers },
    })
  }

  /** Takes its time now and then, declines now and then, and always says the same of the same payment. */
  #payments(): PaymentProvider {
    return {
      name: 'simulated',
      charge: async (charge, signal) => {
        if (this.#random.chance(0.1)) throw new Error('simulated: the provider did not answer')
        if (charge.amountCents % 7 === 0) return { status: 'declined', reason: 'simulated' }
        return simulatedPayments.charge(charge, signal)
      },
    }
  }

  #onDefect(error: unknown): void {
    const isPlanned = error instanceof Error && error.message.startsWith('simulated:')
    if (!isPlanned) this.#problems.push(error)
  }

  #try(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.#problems.push(error)
    }
  }
}

/** It ended under the last number of its range, and not because its process died. */
function isSpoken({ lastNumber }: TurnEnded): boolean {
  return lastNumber === endOfRange(lastNumber)
}

/** Whether the content was told between two reports of how much was heard. */
function isCut(turn: TurnRecord, content: string): boolean {
  const isBetween = content.startsWith(contentOf(turn)) && wholeContentOf(turn).startsWith(content)
  return turn.heardCharacters !== undefined && isBetween
}

function ignoreStoreError(error: unknown): void {
  if (!(error instanceof StoreError)) throw error
}
