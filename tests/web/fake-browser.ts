import { signal } from '@preact/signals'
import { createBar, type Bar } from '../../web/src/state/bar.ts'
import type { OtherTabs } from '../../web/src/state/other-tabs.ts'
import { createShelf } from '../../web/src/state/shelf.ts'
import type { Mouth } from '../../web/src/voice/mouth.ts'
import type { Heard, Speaker, SpeakerStatus, SpokenWord } from '../../web/src/voice/speaker.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { FakeServer, settled } from './fake-server.ts'

/** A storage that forgets nothing, or, when it is forbidden, throws. */
export class FakeStorage implements Storage {
  readonly #items = new Map<string, string>()
  isForbidden = false

  get length(): number {
    return this.#items.size
  }

  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null
  }

  getItem(name: string): string | null {
    this.#check()
    return this.#items.get(name) ?? null
  }

  setItem(name: string, value: string): void {
    this.#check()
    this.#items.set(name, value)
  }

  removeItem(name: string): void {
    this.#check()
    this.#items.delete(name)
  }

  clear(): void {
    this.#items.clear()
  }

  #check(): void {
    if (this.isForbidden) throw new DOMException('Forbidden', 'SecurityError')
  }
}

/** A speaker that plays what it is given until the test says how much was heard. */
export class FakeSpeaker implements Speaker {
  readonly status = signal<SpeakerStatus>('silent')
  readonly word = signal<SpokenWord | null>(null)
  readonly mouth = signal<Mouth>('rest')
  readonly played: string[] = []
  heardCharacters = 0
  #turnId: string | null = null

  unlock(): void {
    this.played.push('unlock')
  }

  begin(turnId: string): void {
    this.#turnId = turnId
    this.status.value = 'silent'
    this.played.push(`begin ${turnId}`)
  }

  sentence({ index }: { readonly index: number }): void {
    this.played.push(`sentence ${index}`)
  }

  sound({ index }: { readonly index: number }): void {
    this.status.value = 'speaking'
    this.played.push(`sound ${index}`)
  }

  marks(): void {}

  end(): void {
    this.played.push('end')
  }

  stop(): Heard | null {
    const turnId = this.#turnId
    const wasSpeaking = this.status.value === 'speaking'
    this.status.value = 'silent'
    this.#turnId = null
    return wasSpeaking && turnId !== null ? { turnId, heardCharacters: this.heardCharacters } : null
  }
}

/** A browser with its storages, in which tabs can be opened; what one tab tells, the others hear. */
export class FakeBrowser {
  readonly server = new FakeServer()
  readonly clock = new FakeClock()
  readonly localStorage = new FakeStorage()
  readonly online = new Set<() => void>()
  readonly #tabs = new Set<OtherTabs>()

  /** A tab with the page. The same `sessionStorage` again is a reload. */
  async open(sessionStorage = new FakeStorage()): Promise<{ bar: Bar; speaker: FakeSpeaker; close(): void }> {
    const speaker = new FakeSpeaker()
    const otherTabs: OtherTabs = {
      tell: () => {
        for (const other of this.#tabs) if (other !== otherTabs) other.onTold()
      },
      onTold: () => {},
    }
    this.#tabs.add(otherTabs)
    let isOpen = true
    const bar = createBar({
      // A page that was left asks nobody any more.
      fetch: (...request) => (isOpen ? this.server.fetch(...request) : new Promise<Response>(() => {})),
      patience: {
        clock: this.clock,
        onOnline: (callback) => {
          this.online.add(callback)
          return () => this.online.delete(callback)
        },
      },
      tabShelf: createShelf(() => sessionStorage),
      browserShelf: createShelf(() => this.localStorage),
      otherTabs,
      speaker,
    })
    void bar.open()
    await settled()
    const close = (): void => {
      isOpen = false
      this.#tabs.delete(otherTabs)
    }
    return { bar, speaker, close }
  }

  async comeOnline(): Promise<void> {
    this.server.isDown = false
    for (const callback of this.online) callback()
    await settled()
  }
}

/** Who said what, as a tab shows it: an answer that is still coming ends in an ellipsis. */
export function shown({ chat }: Bar): readonly string[] {
  return chat.exchanges.value.flatMap(({ question, answer }) => [
    ...(question === null ? [] : [`guest: ${question}`]),
    ...(answer === null ? [] : [`maya: ${answerOf(answer)}`]),
  ])
}

function answerOf(answer: {
  text: string
  heard: number | null
  isMaking: boolean
  note: string | null
}): string {
  const text = answer.heard === null ? answer.text : answer.text.slice(0, answer.heard)
  return `${text}${answer.isMaking ? '…' : ''}${answer.note === null ? '' : ` [${answer.note}]`}`
}
