import { effect, signal } from '@preact/signals'
import { isRecord, type Shelf } from './shelf.ts'

export type Theme = 'auto' | 'light' | 'dark'

/** What the guest likes, on this browser. */
export interface Settings {
  readonly voice: boolean
  /** Null: the bar's own choice. */
  readonly voiceId: string | null
  readonly speed: number
  readonly captions: boolean
  readonly theme: Theme
}

const name = 'maya-settings'

const defaults: Settings = { voice: true, voiceId: null, speed: 1, captions: true, theme: 'auto' }

const themes: readonly Theme[] = ['auto', 'light', 'dark']

export function readSettings(shelf: Shelf): Settings {
  const kept = shelf.read(name)
  if (!isRecord(kept)) return defaults
  const { voice, voiceId, speed, captions, theme } = kept
  return {
    voice: typeof voice === 'boolean' ? voice : defaults.voice,
    voiceId: typeof voiceId === 'string' ? voiceId : defaults.voiceId,
    speed: typeof speed === 'number' && speed >= 0.6 && speed <= 1.5 ? speed : defaults.speed,
    captions: typeof captions === 'boolean' ? captions : defaults.captions,
    theme: themes.find((each) => each === theme) ?? defaults.theme,
  }
}

/** The settings as a signal that is kept. `reread` takes up what another tab of this browser has chosen. */
export function createSettings(shelf: Shelf) {
  const settings = signal(readSettings(shelf))
  let isFirst = true
  effect(() => {
    const { value } = settings
    if (!isFirst) shelf.write(name, value)
    isFirst = false
  })
  return {
    settings,
    change: (changes: Partial<Settings>): void => {
      settings.value = { ...settings.value, ...changes }
    },
    reread: (): void => {
      settings.value = readSettings(shelf)
    },
  }
}

export type SettingsStore = ReturnType<typeof createSettings>
