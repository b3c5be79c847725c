import type { JSX } from 'preact'
import type { Bar } from '../state/bar.ts'
import type { Theme } from '../state/settings.ts'
import { Dialog } from './dialog.tsx'
import { KeyField } from './key-field.tsx'

const themes: Record<Theme, string> = { auto: 'As the device', light: 'Light', dark: 'Dark' }

/** What the guest can choose. Every choice counts at once. */
export function SettingsDialog({ bar }: { readonly bar: Bar }): JSX.Element {
  const close = (): void => void (bar.isSettingsOpen.value = false)
  return (
    <Dialog id="settings" isOpen={bar.isSettingsOpen.value} onClose={close}>
      <form class="settings" onSubmit={(event) => event.preventDefault()}>
        <h2 id="settings-title">Settings</h2>
        <VoiceSettings bar={bar} />
        <LookSettings bar={bar} />
        <fieldset>
          <legend>Your own keys</legend>
          <KeyField bar={bar} field="gemini" name="Gemini" />
          <KeyField bar={bar} field="cartesia" name="Cartesia" />
        </fieldset>
        <p>
          <a id="export" href="/api/v1/session/export" download="maya-session.json">
            Download this visit
          </a>
        </p>
        <p class="buttons">
          <button class="accent" type="button" onClick={close}>
            Done
          </button>
        </p>
      </form>
    </Dialog>
  )
}

function VoiceSettings({ bar }: { readonly bar: Bar }): JSX.Element {
  const { settings, speech } = bar
  const { value: chosen } = settings.settings
  const { value: offer } = speech.offer
  const isMute = offer?.speaks !== true
  return (
    <fieldset>
      <legend>Voice</legend>
      {isMute && <p class="note">This bar has no voice just now.</p>}
      <label class="field">
        <input id="setting-voice" type="checkbox" checked={chosen.voice} onChange={() => bar.toggleVoice()} />
        Maya speaks
      </label>
      <label class="field">
        Her voice
        <select
          id="setting-voice-choice"
          disabled={isMute}
          value={chosen.voiceId ?? ''}
          onChange={({ currentTarget }) => settings.change({ voiceId: currentTarget.value || null })}
        >
          <option value="">The bar’s own</option>
          {offer?.voices.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        How fast
        <input
          id="setting-speed"
          type="range"
          min={offer?.speed.min ?? 0.6}
          max={offer?.speed.max ?? 1.5}
          step={0.1}
          disabled={isMute}
          value={chosen.speed}
          aria-valuetext={`${chosen.speed} times`}
          onInput={({ currentTarget }) => settings.change({ speed: Number(currentTarget.value) })}
        />
      </label>
    </fieldset>
  )
}

function LookSettings({ bar }: { readonly bar: Bar }): JSX.Element {
  const { settings } = bar
  const { value: chosen } = settings.settings
  return (
    <fieldset>
      <legend>Looks</legend>
      <label class="field">
        <input
          id="setting-captions"
          type="checkbox"
          checked={chosen.captions}
          onChange={({ currentTarget }) => settings.change({ captions: currentTarget.checked })}
        />
        Show the words that are spoken
      </label>
      <label class="field">
        Colours
        <select
          id="setting-theme"
          value={chosen.theme}
          onChange={({ currentTarget }) => settings.change({ theme: themeOf(currentTarget.value) })}
        >
          {Object.entries(themes).map(([theme, name]) => (
            <option key={theme} value={theme}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </fieldset>
  )
}

function themeOf(value: string): Theme {
  return value === 'light' || value === 'dark' ? value : 'auto'
}
