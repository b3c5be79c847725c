import { sleep, type Clock } from '../../src/clock.ts'
import { limits as realLimits, type Limits } from '../../src/config/limits.ts'
import type { Agent } from '../../src/conversation/agent.ts'
import { Budgets, type BudgetBounds } from '../../src/conversation/budgets.ts'
import { noMask } from '../../src/conversation/reply.ts'
import { present } from '../../src/http/wire.ts'
import type { Model } from '../../src/llm/model.ts'
import type { Bus } from '../../src/log/bus.ts'
import { StoreError, type Append, type AppendResult, type Store } from '../../src/log/store.ts'
import { SessionManager } from '../../src/sessions/session-manager.ts'
import type { PaymentProvider } from '../../src/bar/payment-provider.ts'
import { VoiceError } from '../../src/voice/text-to-speech.ts'
import { FakeVoice, untilAborted } from '../fakes/fake-voice.ts'
import { noKeys, serverModelOnly } from '../fakes/guest-keys.ts'
import type { PlantedBug } from './planted-bugs.ts'
import type { Random } from './random.ts'

/** Small bounds, so that a short simulation reaches them. */
export const limits: Limits = {
  ...realLimits,
  turnsKeptMax: 6,
  requestsKeptMax: 12,
  eventsPerSnapshot: 8,
  turnEventsKeptMax: 1,
  turnEventBytesMax: 4096,
  turnAudioBytesMax: 64 * 1024,
  readerLagBytesMax: 2048,
  modelCallsPerTurnMax: 4,
  toolCallsPerTurnMax: 6,
  sweepStepMax: 2,
}

export const sessionsMax = 4
const expiryMs = 10 * 60_000

export interface ContainerOptions {
  readonly name: string
  readonly store: Store
  readonly bus: Bus
  readonly clock: Clock
  readonly random: Random
  readonly model: Model
  readonly agent: Agent
  readonly payments: PaymentProvider
  readonly budgets: BudgetBounds
  readonly promptTokensMax: number
  readonly bug: PlantedBug | undefined
  /** Told of every append that the store took, and of who made it. */
  readonly onAppend: (append: Append, container: Container) => void
  /** Told of every lease that the store gave or prolonged. */
  readonly onLease: (id: string, owner: string, durationMs: number) => void
  readonly onDefect: (error: unknown) => void
  /** Told of every message from one container to another. */
  readonly onMessage: () => void
}

/** One simulated server process: it can stand still, lose its store for moments, and die. */
export class Container {
  readonly name: string
  readonly sessions: SessionManager
  readonly #options: ContainerOptions
  readonly #waiting: (() => void)[] = []
  /** Timers that this process has set and that are still to fire. */
  readonly #timers = new Set<object>()
  /** What ends each of its subscriptions. */
  readonly #subscriptions = new Set<() => void>()
  /** How far its clock is off. */
  readonly #skewMs: number
  /** Runs of turns that have begun and are still to end. */
  readonly #runs = new Set<object>()
  #isDead = false
  #isPaused = false
  #ids = 0
  storeFailures = 0

  constructor(options: ContainerOptions) {
    this.name = options.name
    this.#skewMs = options.random.between(-2000, 2000)
    this.#options = options
    const { random, agent, model, payments } = options
    const clock = this.#clock()
    const observer = this.#observer()
    this.sessions = new SessionManager({
      loop: { overloaded: false },
      parts: {
        store: this.#store(),
        bus: this.#bus(),
        clock,
        limits,
        agents: new Map([[agent.name, agent]]),
        models: serverModelOnly(model),
        keys: { ...noKeys, voices: { ...noKeys.voices, own: this.#voice() } },
        budgets: new Budgets({ store: this.#store(), clock, bounds: options.budgets, observer }),
        promptTokensMax: options.promptTokensMax,
        createMask: () => noMask,
        payments: { provider: payments, clock, timeoutMs: limits.paymentMs, observer },
        present,
        overlap: random.pick(['queue', 'queue', 'reject', 'interrupt']),
        turnsQueuedMax: 2,
        turnMs: 60_000,
        createId: () => `${this.name}-${++this.#ids}`,
        observer,
        reportDefect: options.onDefect,
      },
      memory: { roomBytes: Infinity, admissionBytes: null, pressure: false },
      sessionsMax,
      sessionBytes: 1,
      expiryMs,
      idleMs: 20_000,
      cleanupIntervalMs: 30_000,
      createSessionId: () => `session-${this.name}-${++this.#ids}`,
      onGone: () => {},
      observer,
    })
    this.sessions.start()
  }

  get isAlive(): boolean {
    return !this.#isDead
  }

  get timerCount(): number {
    return this.#timers.size
  }

  get turnRunCount(): number {
    return this.#runs.size
  }

  get isRunning(): boolean {
    return !this.#isDead && !this.#isPaused
  }

  /** kill -9: nothing that it began goes on. */
  die(): void {
    this.#isDead = true
    for (const unsubscribe of this.#subscriptions) unsubscribe()
  }

  /** kill -STOP */
  pause(): void {
    this.#isPaused = true
  }

  /** kill -CONT */
  resume(): void {
    this.#isPaused = false
    for (const goOn of this.#waiting.splice(0)) goOn()
  }

  /** Lets `step` run when the process runs; never, when it is dead. */
  #whenRunning(step: () => void): void {
    if (this.#isDead) return
    if (!this.#isPaused) step()
    else this.#waiting.push(() => this.#whenRunning(step))
  }

  #running(): Promise<void> {
    return new Promise((resolve) => this.#whenRunning(resolve))
  }

  /** Of each run of a turn the end is reported once, and nothing after it. */
  #observer() {
    const { onDefect } = this.#options
    return {
      ...silentObserver,
      turnBegan: () => {
        const run = {}
        this.#runs.add(run)
        const assertRunning = (): void => {
          if (!this.#runs.has(run)) onDefect(new Error('Something is reported of a turn that has ended.'))
        }
        return {
          firstText: assertRunning,
          firstAudio: assertRunning,
          stepEnded: assertRunning,
          ended: () => {
            assertRunning()
            this.#runs.delete(run)
          },
        }
      },
    }
  }

  #clock(): Clock {
    const { clock } = this.#options
    return {
      now: () => clock.now(),
      date: () => clock.date() + this.#skewMs,
      after: (delayMs, callback) => {
        const timer = {}
        this.#timers.add(timer)
        const cancel = clock.after(delayMs, () => {
          this.#timers.delete(timer)
          this.#whenRunning(callback)
        })
        return () => {
          this.#timers.delete(timer)
          cancel()
        }
      },
    }
  }

  /** Speaks at once, or takes its time; now and then it fails, and now and then it never answers. */
  #voice() {
    const { random, clock } = this.#options
    const before = async (_sentence: string, signal: AbortSignal): Promise<void> => {
      await this.#running()
      const choice = random.next()
      if (choice < 0.05) throw new VoiceError('VOICE_UNAVAILABLE', 'simulated: no voice')
      if (choice < 0.08) await untilAborted(signal)
      if (choice < 0.3) await sleep(clock, random.between(1, 4000), signal)
      await this.#running()
    }
    return { ...noKeys.voices.own, textToSpeech: new FakeVoice({ before }) }
  }

  /** Messages that come late or never, but one after the other. */
  #bus(): Bus {
    const { bus, bug, random, clock, onMessage } = this.#options
    const late: Bus = {
      publish: async (channel, message) => {
        await this.#running()
        this.#failSometimes()
        const listeners = await bus.publish(channel, message)
        await this.#running()
        return listeners
      },
      subscribe: async (channel, listener) => {
        await this.#running()
        this.#failSometimes()
        const hear = async (before: Promise<void>, message: string): Promise<void> => {
          await before
          const delayMs = random.pick([0, 0, 0, 5, 400, 5000])
          if (delayMs > 0) await new Promise<void>((resolve) => clock.after(delayMs, resolve))
          await this.#running()
          if (this.#subscriptions.has(end)) listener(message)
        }
        let heard = Promise.resolve()
        const unsubscribe = await bus.subscribe(channel, (message) => {
          if (random.chance(0.03)) return
          onMessage()
          heard = hear(heard, message)
        })
        const end = (): void => {
          this.#subscriptions.delete(end)
          unsubscribe()
        }
        this.#subscriptions.add(end)
        return end
      },
      close: async () => {},
    }
    return bug?.bus?.(late) ?? late
  }

  #store(): Store {
    const { store, bug, onLease } = this.#options
    const reach = async <Result>(operation: () => Promise<Result>): Promise<Result> => {
      await this.#running()
      this.#failSometimes()
      const result = await operation()
      await this.#running()
      return result
    }
    const faulty: Store = {
      description: 'simulated',
      shared: true,
      append: (append) => reach(() => this.#append(append)),
      load: (id) => reach(() => store.load(id)),
      events: (id) => reach(() => store.events(id)),
      version: (id) => reach(() => store.version(id)),
      saveSnapshot: (id, snapshot) => reach(() => store.saveSnapshot(id, snapshot)),
      touch: (id, expiresAt) => reach(() => store.touch(id, expiresAt)),
      expired: (now, max) => reach(() => store.expired(now, max)),
      ids: (after, max) => reach(() => store.ids(after, max)),
      remove: (id, expiredBefore) => reach(() => store.remove(id, expiredBefore)),
      acquireLease: (id, owner, ms) =>
        reach(async () => {
          const isHeld = await store.acquireLease(id, owner, ms)
          if (isHeld) onLease(id, owner, ms)
          return isHeld
        }),
      renewLease: (id, owner, ms) =>
        reach(async () => {
          const isHeld = await store.renewLease(id, owner, ms)
          if (isHeld) onLease(id, owner, ms)
          return isHeld
        }),
      releaseLease: (id, owner) => reach(() => store.releaseLease(id, owner)),
      count: (name, amount, expiresAt) => reach(() => store.count(name, amount, expiresAt)),
      close: async () => {},
    }
    return bug?.store?.(faulty) ?? faulty
  }

  async #append(append: Append): Promise<AppendResult> {
    const { store, onAppend, random } = this.#options
    const result = await store.append(append)
    if (result.ok) onAppend(append, this)
    // The worst of all failures: it was written, and nobody says so.
    if (result.ok && this.storeFailures > 0 && random.chance(0.5))
      throw new StoreError('simulated: no answer')
    return result
  }

  #failSometimes(): void {
    if (this.storeFailures === 0) return
    this.storeFailures--
    throw new StoreError('simulated: not reached')
  }
}

const silentObserver = {
  sessionCreated() {},
  sessionRejected() {},
  sessionHibernated() {},
  sessionWoken() {},
  sessionExpired() {},
  budgetExhausted() {},
  paymentEnded() {},
}
