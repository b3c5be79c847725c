import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import type { ApiKey } from '../state/api-key.ts'
import { Dialog } from './dialog.tsx'

/** Where the bar is for members: asks the guest for the key. */
export function KeyDialog({ apiKey }: { readonly apiKey: ApiKey }): JSX.Element {
  const input = useRef<HTMLInputElement>(null)
  const { value: sentence } = apiKey.asked
  const onSubmit = (event: Event): void => {
    event.preventDefault()
    const key = input.current?.value.trim() ?? ''
    if (key === '' || input.current === null) return
    input.current.value = ''
    apiKey.give(key)
  }
  return (
    <Dialog
      id="key-dialog"
      isOpen={sentence !== null}
      onClose={() => apiKey.refuse()}
      describedBy="key-dialog-text"
    >
      <form onSubmit={onSubmit}>
        <h2 id="key-dialog-title">Members only</h2>
        <p id="key-dialog-text">{sentence}</p>
        <label class="field">
          API key
          <input ref={input} type="password" autocomplete="off" maxLength={512} required />
        </label>
        <p class="buttons">
          <button type="button" onClick={() => apiKey.refuse()}>
            Not now
          </button>
          <button class="accent" type="submit">
            Come in
          </button>
        </p>
      </form>
    </Dialog>
  )
}
