import { signal } from '@preact/signals'
import { persist, type Patience } from '../api/persist.ts'
import { Problem } from '../api/problem.ts'
import { newKey, type RequestOptions, type Requests } from '../api/requests.ts'
import type { ExportWire, HistoryWire, StatusWire } from '../api/wire.ts'
import type { Chat } from './chat.ts'
import type { Notice } from './notice.ts'
import type { Outbox } from './outbox.ts'
import type { Tab } from './tab.ts'

export interface VisitOptions {
  readonly requests: Requests
  readonly patience: Patience
  readonly notice: Notice
  readonly outbox: Outbox
  readonly tab: Tab
  readonly chat: () => Chat
  /** Called when the session is known, before anything of it is shown. */
  readonly onSession: (status: StatusWire) => void
  /** Called whenever conversation and tab have been read anew. */
  readonly onShown: () => void
  /** Asks the guest for a key of this bar; false when they have none. */
  readonly askApiKey: (sentence: string) => Promise<boolean>
}

const noCookies = 'Please allow cookies for this page, or Maya cannot remember you.'

/** The guest's session: found or made, looked at again whenever something may have changed, and left when it is gone. */
export class Visit {
  readonly #options: VisitOptions
  readonly #session = signal<string | null>(null)
  readonly isEntering = signal(true)
  #hadSession = false
  #entering: Promise<void> | undefined
  #refreshing: Promise<void> | undefined
  #isStale = false

  constructor(options: VisitOptions) {
    this.#options = options
  }

  /** When the session was made, which tells it from another one; null before there is one. */
  get session(): string | null {
    return this.#session.value
  }

  /** Runs what the guest or the page wants; a problem becomes a line, an ended session a new one. */
  async guard(action: () => Promise<unknown>): Promise<void> {
    try {
      await action()
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem
      if (problem.isSessionGone) await this.enter()
      else this.#options.notice.say(problem.message)
    }
  }

  /** Finds the guest's session or makes one, and shows all that belongs to it. */
  enter(): Promise<void> {
    this.#entering ??= this.#enter().finally(() => {
      this.#entering = undefined
      this.isEntering.value = false
    })
    return this.#entering
  }

  /**
   * Looks again at what the server has. Asked for while it is looking, it looks once more. A guest who was not let in
   * is not asked again for every look at the page.
   */
  refresh(): Promise<void> {
    if (this.#session.value === null) return this.#entering ?? Promise.resolve()
    this.#isStale = true
    this.#refreshing ??= this.guard(() => this.#refreshWhileStale()).finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** Asks the server, as often as it takes. */
  patiently<Body>(path: string, options?: RequestOptions): Promise<Body> {
    const { requests, patience, notice } = this.#options
    return persist(() => requests.receive<Body>(path, options), { ...patience, tell: notice.waiter() })
  }

  /** Changes something, once, however often it has to be sent. */
  change<Body>(path: string, body: object): Promise<Body> {
    return this.patiently(path, { method: 'POST', headers: { 'idempotency-key': newKey() }, body })
  }

  async #enter(): Promise<void> {
    const { notice } = this.#options
    this.isEntering.value = true
    try {
      await this.#open()
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem
      this.#session.value = null
      notice.say(problem.isSessionGone ? noCookies : problem.message)
    }
  }

  async #open(): Promise<void> {
    const { outbox, chat, onSession, notice } = this.#options
    const before = this.#session.value
    const found = await this.#find()
    const status = found.is_active ? found : await this.#make()
    const session = status.created_at ?? null
    if (before !== null && session !== before) chat().clear()
    this.#session.value = session
    if (session !== null) outbox.open(session)
    if (!found.is_active && this.#hadSession) {
      notice.say('Your last visit has ended. Here is a fresh tab.')
    }
    this.#hadSession = true
    onSession(status)
    await this.#show()
  }

  async #find(): Promise<StatusWire> {
    try {
      return await this.#asMember(() => this.patiently<StatusWire>('/session/status'))
    } catch (problem) {
      if (!(problem instanceof Problem) || !problem.isSessionGone) throw problem
      this.#hadSession = true
      return { is_active: false }
    }
  }

  #make(): Promise<StatusWire> {
    return this.#asMember(() => this.patiently<StatusWire>('/sessions', { method: 'POST' }))
  }

  /** Where the bar is for members, the guest is asked for a key until one fits or the guest gives up. */
  async #asMember<Result>(attempt: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await attempt()
      } catch (problem) {
        const isRefused = problem instanceof Problem && problem.code === 'API_KEY_REQUIRED'
        if (!isRefused || !(await this.#options.askApiKey(problem.message))) throw problem
      }
    }
  }

  async #refreshWhileStale(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false
      await this.#show()
    }
  }

  /**
   * Shows conversation and tab as the server has them. A history that was asked for before a turn began or ended here
   * is older than what is shown: then it is asked for again.
   */
  async #show(): Promise<void> {
    const { chat, tab, onShown } = this.#options
    for (;;) {
      const { revision } = chat()
      const { version, tab: before } = { version: tab.version, tab: tab.tab.value }
      const [{ history, running_turn_id: runningId }, exported] = await Promise.all([
        this.patiently<HistoryWire>('/chat/history'),
        this.patiently<ExportWire>('/session/export'),
      ])
      if (exported.created_at !== this.#session.value) return this.#open()
      // Unless the guest or Maya has changed the tab meanwhile: then that is newer.
      if (tab.tab.value === before && tab.version === version) tab.show(exported.tab, exported.order)
      if (chat().revision !== revision) continue
      chat().show(history, runningId)
      return onShown()
    }
  }

  /** Looks at the tab again, and only at it. */
  async showTab(): Promise<void> {
    const { tab, order } = await this.patiently<ExportWire>('/session/export')
    this.#options.tab.show(tab, order)
  }
}
