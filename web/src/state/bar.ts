import { computed, effect, signal } from '@preact/signals'
import type { Patience } from '../api/persist.ts'
import { createRequests } from '../api/requests.ts'
import type { MenuWire } from '../api/wire.ts'
import { createListener, type ListenMode } from '../voice/listener.ts'
import type { Speaker } from '../voice/speaker.ts'
import { createApiKey } from './api-key.ts'
import { Chat } from './chat.ts'
import { createComposerText } from './composer.ts'
import { OwnKeys } from './keys.ts'
import { Notice } from './notice.ts'
import type { OtherTabs } from './other-tabs.ts'
import { Outbox } from './outbox.ts'
import { pageState } from './page-state.ts'
import { Payments } from './payments.ts'
import { GuestQuestion } from './question.ts'
import { createSettings } from './settings.ts'
import type { Shelf } from './shelf.ts'
import { Speech } from './speech.ts'
import { Tab } from './tab.ts'
import { Visit } from './visit.ts'

export interface BarOptions {
  readonly fetch: typeof fetch
  readonly patience: Patience
  /** What is remembered as long as this browser tab is open, and what this browser remembers. */
  readonly tabShelf: Shelf
  readonly browserShelf: Shelf
  readonly otherTabs: OtherTabs
  readonly speaker: Speaker
}

export type Bar = ReturnType<typeof createBar>

/** Everything that the page knows and does, without a document. */
export function createBar(options: BarOptions) {
  const { speaker, otherTabs } = options
  const parts = createParts(options)
  const { notice, settings, speech } = parts
  const joined = joinParts(parts, options)
  const { visit, chat } = joined
  const actions = createActions({ ...parts, ...joined }, () => otherTabs.tell())
  const listener = createListener({
    listens: computed(() => speech.offer.value?.listens === true),
    isMayaSpeaking: computed(() => speaker.status.value === 'speaking'),
    onSpeechStart: () => chat.bargeIn(),
    onFinal: (text) => void actions.send(text),
  })
  effect(() => {
    if (listener.problem.value !== null) notice.say(listener.problem.value)
  })
  otherTabs.onTold = () => void visit.refresh()
  return {
    ...parts,
    ...joined,
    ...actions,
    listener,
    /** How the guest speaks, as chosen last. */
    listenMode: signal<ListenMode>('push_to_talk'),
    isSettingsOpen: signal(false),
    /** The bar is full, and this guest is not in yet. */
    isFull: computed(() => visit.session === null && notice.wait.value?.problem.isFull === true),
    pageState: computed(() =>
      pageState({
        isEntering: visit.isEntering.value,
        isIn: visit.session !== null,
        isOffline: notice.isOffline.value,
        speaker: speaker.status.value,
        listener: listener.status.value,
        isAnswering: chat.isAnswering.value,
        current: chat.current,
      }),
    ),
    toggleVoice(): void {
      const { voice } = settings.settings.value
      settings.change({ voice: !voice })
      // The rest is there to be read: this is no interruption.
      if (voice) speech.stop()
    },
  }
}

type Parts = ReturnType<typeof createParts>

/** The parts that need no other one. */
function createParts({ fetch, patience, tabShelf, browserShelf, speaker }: BarOptions) {
  const notice = new Notice()
  const settings = createSettings(browserShelf)
  const apiKey = createApiKey(tabShelf)
  return {
    notice,
    settings,
    apiKey,
    requests: createRequests({ fetch, clock: patience.clock, apiKey: () => apiKey.value }),
    question: new GuestQuestion(),
    tab: new Tab(),
    outbox: new Outbox(tabShelf),
    composer: createComposerText(),
    speech: new Speech({ speaker, settings, onVoiceFailed: (sentence) => notice.say(sentence) }),
    /** What a screen reader says. */
    announcement: signal(''),
    menu: signal<MenuWire | null>(null),
  }
}

/** The parts that speak with each other. */
function joinParts(parts: Parts, options: BarOptions) {
  const { notice, requests, question, tab, outbox, composer, speech, announcement, apiKey } = parts
  const { patience, tabShelf, browserShelf, otherTabs } = options
  const announce = (text: string): void => {
    // The same words again are news only when they differ.
    announcement.value = announcement.value === text ? `${text}\u00A0` : text
  }
  const visit: Visit = new Visit({
    requests,
    patience,
    notice,
    outbox,
    tab,
    chat: () => chat,
    onSession(status) {
      keys.open(status.has_valid_keys === true)
      void speech.readOffer(requests)
    },
    onShown: () => payments.restore(),
    askApiKey: (sentence) => apiKey.ask(sentence),
  })
  const session = (): string | null => visit.session
  const onChange = (): void => otherTabs.tell()
  const keys = new OwnKeys({
    requests,
    shelf: browserShelf,
    session,
    onChange: () => void speech.readOffer(requests),
  })
  const payments = new Payments({
    tab,
    question,
    shelf: tabShelf,
    session,
    date: () => patience.clock.date(),
    change: (path, body) => visit.change(path, body),
    say: (sentence) => notice.say(sentence),
    announce,
    reload: () => visit.showTab(),
    onDone: () => composer.focus(),
    onChange,
  })
  const chat: Chat = new Chat({
    requests,
    patience,
    notice,
    outbox,
    speech,
    stopTurn: (body) => visit.guard(() => visit.change('/chat/stop', body)),
    announce,
    onEvent: (event) => payments.take(event),
    putBack: (words) => composer.putBack(words),
    onChange,
    onSessionGone: () => void visit.enter(),
    isOpen: () => visit.session !== null,
    onMissed: () => void visit.refresh(),
    onKeyRejected: () => keys.reject(),
  })
  return { visit, keys, payments, chat }
}

/** What the guest does that is the affair of several parts. */
function createActions(parts: Parts & ReturnType<typeof joinParts>, tellOthers: () => void) {
  const { visit, notice, payments, chat, question, speech, outbox, composer, menu } = parts
  return {
    /** Says something, if there is anything to say. */
    send(text: string): boolean {
      const words = text.trim()
      if (words === '') return false
      if (outbox.isFull) {
        notice.say('Too many messages are waiting already. Please wait until they are sent.')
        return false
      }
      notice.say('')
      payments.withdraw()
      chat.send(words)
      // It waits for the session, and a guest who was not let in tries again with it.
      if (visit.session === null && !visit.isEntering.value) void visit.enter()
      return true
    },
    async startOver(): Promise<void> {
      const text =
        'The conversation, your order and your tab begin anew. What you have not paid is forgotten.'
      if (!(await question.ask({ title: 'Start over?', text, yes: 'Start over' }))) return
      speech.stop()
      await visit.change('/session/reset', {})
      outbox.empty()
      payments.withdraw()
      notice.say('')
      await visit.refresh()
      tellOthers()
      composer.focus()
    },
    async open(): Promise<void> {
      void visit.guard(async () => (menu.value = await visit.patiently<MenuWire>('/menu')))
      await visit.enter()
    },
  }
}
