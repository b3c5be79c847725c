import type { PaymentProvider, ChargeOutcome } from '../../src/bar/payment-provider.ts'
import { tabOf } from '../../src/bar/tab.ts'
import { limits as realLimits, type Limits } from '../../src/config/limits.ts'
import type { BarState } from '../../src/bar/bar.ts'
import type { Agent } from '../../src/conversation/agent.ts'
import { Budgets, type BudgetBounds } from '../../src/conversation/budgets.ts'
import { noMask, type OutputMask } from '../../src/conversation/reply.ts'
import { barTools } from '../../src/conversation/tools/bar-tools.ts'
import type { Tool } from '../../src/conversation/tool.ts'
import type { TurnSpeechWish, TurnVoice } from '../../src/conversation/turn-context.ts'
import type { TurnEvent, TurnEvents } from '../../src/conversation/turn-events.ts'
import type { Model } from '../../src/llm/model.ts'
import type { RequestKey } from '../../src/log/events.ts'
import type { Bus } from '../../src/log/bus.ts'
import type { Store } from '../../src/log/store.ts'
import type { Present } from '../../src/sessions/cashier.ts'
import type { Session } from '../../src/sessions/session.ts'
import {
  SessionManager,
  type MemoryRoom,
  type SessionManagerOptions,
} from '../../src/sessions/session-manager.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { createMemoryBus } from '../../src/store/memory-bus.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { noKeys, serverModelOnly } from '../fakes/guest-keys.ts'
import { RecordingObserver } from '../fakes/recording-observer.ts'
import { ScriptedModel, type ScriptedReply } from '../fakes/scripted-model.ts'

export type ContainerOptions = Partial<Omit<SessionManagerOptions, 'parts' | 'memory' | 'loop'>> & {
  /** Begins every id that this container makes, so that two over one store can be told apart. */
  readonly name?: string
  readonly clock?: FakeClock
  readonly store?: Store
  readonly bus?: Bus
  readonly shared?: boolean
  readonly replies?: readonly ScriptedReply[]
  readonly model?: Model
  readonly tools?: readonly Tool[]
  readonly limits?: Partial<Limits>
  readonly payments?: PaymentProvider
  readonly memory?: MemoryRoom
  readonly loop?: SessionManagerOptions['loop']
  readonly overlap?: 'queue' | 'reject' | 'interrupt'
  readonly turnsQueuedMax?: number
  readonly turnMs?: number
  readonly budgets?: Partial<BudgetBounds>
  readonly promptTokensMax?: number
  readonly createMask?: () => OutputMask
  readonly stateOf?: (bar: BarState) => object
  readonly chooseVoice?: () => TurnVoice | null
}

const noBudgets: BudgetBounds = {
  turnTokensMax: 0,
  sessionTokensMax: 0,
  sessionToolCallsMax: 0,
  workspaceDailyTokensMax: 0,
  outputTokensMax: 100,
}

/** All of the service that lies below HTTP, as one container has it. */
export function startContainer(options: ContainerOptions = {}) {
  const { name = 'a', clock = new FakeClock(), replies = [], tools = barTools } = options
  const store = options.store ?? createMemoryStore({ clock, shared: options.shared ?? false })
  const script = new ScriptedModel(...replies)
  const { stateOf } = options
  const agent: Agent = { name: 'maya', instructions: 'Be brief.', tools, ...(stateOf && { stateOf }) }
  const observer = new RecordingObserver()
  const { happened } = observer
  const defects: unknown[] = []
  const limits = { ...realLimits, ...options.limits }
  let ids = 0
  const note = (what: string) => () => void happened.push(what)
  const sessions = new SessionManager({
    sessionsMax: 10,
    sessionBytes: 1000,
    expiryMs: 3600_000,
    idleMs: 60_000,
    cleanupIntervalMs: 300_000,
    createSessionId: () => `${name}-session-${++ids}`,
    onGone: () => {},
    observer: {
      sessionCreated: note('created'),
      sessionRejected: (reason) => happened.push(`rejected ${reason}`),
      sessionHibernated: note('hibernated'),
      sessionWoken: note('woken'),
      sessionExpired: note('expired'),
    },
    ...options,
    memory: options.memory ?? { roomBytes: Infinity, admissionBytes: null, pressure: false },
    loop: options.loop ?? { overloaded: false },
    parts: {
      store,
      bus: options.bus ?? createMemoryBus(),
      clock,
      limits,
      agents: new Map([[agent.name, agent]]),
      models: serverModelOnly(options.model ?? script),
      keys: noKeys,
      budgets: new Budgets({
        store,
        clock,
        bounds: { ...noBudgets, ...options.budgets },
        observer,
      }),
      promptTokensMax: options.promptTokensMax ?? 16_000,
      createMask: options.createMask ?? (() => noMask),
      payments: {
        provider: options.payments ?? new FakePayments(),
        clock,
        timeoutMs: limits.paymentMs,
        observer,
      },
      present: plainly,
      overlap: options.overlap ?? 'queue',
      turnsQueuedMax: options.turnsQueuedMax ?? 4,
      turnMs: options.turnMs ?? 120_000,
      createId: () => `${name}-${++ids}`,
      observer,
      reportDefect: (error) => defects.push(error),
    },
  })
  const { chooseVoice } = options
  return { sessions, clock, store, script, observer, happened, defects, limits, chooseVoice }
}

export type Container = ReturnType<typeof startContainer>

/** A container with one session in it, and what a guest can do there. */
export async function openSession(options: ContainerOptions = {}) {
  const container = startContainer(options)
  const { id } = await container.sessions.create({ agent: 'maya', workspace: 'default' })
  return { ...container, ...guestOf(container, id), id }
}

/** A guest of this session, as its requests reach this container. */
export function guestOf(
  {
    sessions,
    store,
    chooseVoice,
  }: Pick<Container, 'sessions' | 'store'> & { readonly chooseVoice?: Container['chooseVoice'] | undefined },
  id: string,
) {
  const use = <Result>(run: (session: Session) => Result | Promise<Result>) =>
    sessions.use(id, 'default', (session) => {
      // In the place of its own choice, so that tests see what is lent and given back.
      if (chooseVoice !== undefined) Object.assign(session.keys, { lendVoice: chooseVoice })
      return run(session)
    })
  return {
    use,
    /** The turn's events as soon as the message was taken in. */
    send: (userInput: string, key?: string): Promise<TurnEvents> =>
      use(async (session) => session.send({ userInput, request: requestOf(key, userInput) })),
    /** As `send`, for an answer that is spoken. */
    ask: (userInput: string, { key, ...wish }: Partial<TurnSpeechWish> & { readonly key?: string } = {}) =>
      use(async (session): Promise<TurnEvents> => {
        const speech = { voice: null, speed: 1, ...wish }
        return session.send({ userInput, request: requestOf(key, userInput), speech })
      }),
    /** Everything that the turn told, once it has ended. */
    say: (userInput: string, key?: string): Promise<readonly TurnEvent[]> =>
      use(async (session) => {
        const events = await session.send({ userInput, request: requestOf(key, userInput) })
        await events.whenEnded
        return toldBy(events)
      }),
    state: () => use((session) => session.log.state),
    log: () => store.events(id),
  }
}

function requestOf(key: string | undefined, question: string): RequestKey | undefined {
  return key === undefined ? undefined : { key, fingerprint: question }
}

/** What a reader gets who begins now. */
export function toldBy(events: TurnEvents): readonly TurnEvent[] {
  const reader = events.attach(null, () => {})
  if (reader === undefined) throw new Error('There is no place for a reader.')
  const told: TurnEvent[] = []
  for (let record = reader.next(); record !== undefined; record = reader.next()) told.push(record.event)
  reader.close()
  return told
}

/** All text of these events, as a guest sees it. */
export function textOf(told: readonly TurnEvent[]): string {
  return told.map((event) => (event.type === 'text-chunk' ? event.content : '')).join('')
}

/** Says everything plainly: what is wanted here is which answer it was. */
const plainly: Present = {
  tab: (bar) => ({ status: 200, body: tabOf(bar) }),
  settled: (receipt, bar) => ({ status: 200, body: { receipt, tab: tabOf(bar) } }),
  declined: (reason) => ({ status: 502, body: { reason } }),
}

type Answer = ChargeOutcome['status'] | 'unknown' | 'never'

/** Settles every charge, or answers as the script says; remembers what it has taken. */
export class FakePayments implements PaymentProvider {
  readonly name = 'fake'
  readonly asked: string[] = []
  /** What was really taken, by payment. */
  readonly taken = new Map<string, number>()
  readonly #script: Answer[]

  constructor(...script: readonly Answer[]) {
    this.#script = [...script]
  }

  async charge({
    paymentId,
    amountCents,
  }: {
    paymentId: string
    amountCents: number
  }): Promise<ChargeOutcome> {
    this.asked.push(paymentId)
    const answer = this.#script.shift() ?? 'settled'
    if (answer === 'declined') return { status: 'declined', reason: 'No money.' }
    this.taken.set(paymentId, amountCents)
    // The charge went through, only the answer did not.
    if (answer === 'never') return new Promise(() => {})
    if (answer === 'unknown') throw new Error('The connection broke.')
    return { status: 'settled', reference: `ref-${paymentId}` }
  }
}
