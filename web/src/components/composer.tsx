import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Bar } from '../state/bar.ts'
import { ListenButtons } from './listen-buttons.tsx'

/** Where the guest writes and speaks. */
export function Composer({ bar }: { readonly bar: Bar }): JSX.Element {
  const { composer, chat, speech } = bar
  const input = useRef<HTMLTextAreaElement>(null)
  const stop = useRef<HTMLButtonElement>(null)
  const isStoppable = chat.isAnswering.value || speech.speaker.status.value === 'speaking'
  // Asked before it is hidden: an element that hides is left by the focus at once.
  const wasOnStop = stop.current !== null && document.activeElement === stop.current
  const { value: focusWishes } = composer.focusWishes
  useLayoutEffect(() => {
    if (focusWishes > 0) input.current?.focus()
  }, [focusWishes])
  useLayoutEffect(() => {
    if (!isStoppable && wasOnStop) input.current?.focus()
  }, [isStoppable])
  const submit = (): void => {
    if (bar.send(composer.text.value)) composer.text.value = ''
  }
  const onSubmit = (event: Event): void => {
    event.preventDefault()
    submit()
    input.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    submit()
  }
  const onInput = ({ currentTarget }: { readonly currentTarget: HTMLTextAreaElement }): void => {
    if (currentTarget.value.length > composer.text.value.length) chat.bargeIn()
    composer.text.value = currentTarget.value
  }
  return (
    <form id="composer" onSubmit={onSubmit}>
      <label class="hidden" for="input">
        Message to Maya
      </label>
      <textarea
        ref={input}
        id="input"
        rows={1}
        placeholder="Say something to Maya"
        autocomplete="off"
        enterkeyhint="send"
        value={composer.text.value}
        onInput={onInput}
        onKeyDown={onKeyDown}
      />
      <ListenButtons bar={bar} />
      <button ref={stop} id="stop" type="button" hidden={!isStoppable} onClick={() => chat.stop()}>
        Stop
      </button>
      <button id="send" class="accent" type="submit">
        Send
      </button>
    </form>
  )
}
