import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import type { KeyField as Field, KeyStatus } from '../api/wire.ts'
import type { Bar } from '../state/bar.ts'

const words: Record<KeyStatus, string> = {
  valid: 'Your key is valid and in use.',
  unverified: 'Your key is kept, but it could not be checked yet.',
  rejected: 'This key was rejected.',
  none: 'No key of yours.',
}

export interface KeyFieldProps {
  readonly bar: Bar
  readonly field: Field
  readonly name: string
}

/** A key of the guest's own: it goes to the server, and only what it is worth comes back. */
export function KeyField({ bar, field, name }: KeyFieldProps): JSX.Element {
  const { keys, visit } = bar
  const input = useRef<HTMLInputElement>(null)
  const { status, reason } = keys.states.value[field]
  const isBusy = keys.isBusy.value || visit.session === null
  const change = async (key: string | null): Promise<void> => {
    const isTaken = await keys.change(field, key)
    if (isTaken && input.current !== null) input.current.value = ''
  }
  const save = (): void => {
    const key = input.current?.value.trim() ?? ''
    if (key !== '' && !isBusy) void visit.guard(() => change(key))
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter') return
    event.preventDefault()
    save()
  }
  return (
    <div class="field">
      <label for={`key-${field}`}>{name}</label>
      <input
        ref={input}
        id={`key-${field}`}
        type="password"
        autocomplete="off"
        maxLength={512}
        aria-describedby={`key-${field}-state`}
        onKeyDown={onKeyDown}
      />
      <button type="button" disabled={isBusy} aria-label={`Save the ${name} key`} onClick={save}>
        Save
      </button>
      <button
        type="button"
        disabled={isBusy || status === 'none'}
        aria-label={`Remove the ${name} key`}
        onClick={() => void visit.guard(() => change(null))}
      >
        Remove
      </button>
      <p id={`key-${field}-state`} class="key-state" data-status={status} role="status">
        {`${words[status]} ${reason}`.trim()}
      </p>
    </div>
  )
}
