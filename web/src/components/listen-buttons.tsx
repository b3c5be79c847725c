import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import type { Bar } from '../state/bar.ts'
import type { ListenMode } from '../voice/listener.ts'

/** Held longer than this, the button is let go to end; a shorter press begins, and the next one ends. */
const heldMs = 400

/** Speaking to Maya: while a button is held or between two presses, or with free hands. */
export function ListenButtons({ bar }: { readonly bar: Bar }): JSX.Element {
  const { listener, visit } = bar
  const { value: status } = listener.status
  const { value: mode } = bar.listenMode
  const pressedAt = useRef<number | null>(null)
  const isAvailable = listener.isAvailable.value && visit.session !== null
  const isOn = status !== 'off'
  const isTalking = isOn && mode === 'push_to_talk'
  const isHandsFree = isOn && mode === 'hands_free'

  // Where Maya cannot hear, the listener says why.
  const start = (wanted: ListenMode): void => {
    if (visit.session === null) return
    bar.listenMode.value = wanted
    void visit.guard(() => listener.start(wanted))
  }
  const press = (event: PointerEvent): void => {
    if (event.button !== 0) return
    if (isTalking) return listener.finish()
    start('push_to_talk')
    pressedAt.current = event.timeStamp
  }
  const release = (event: PointerEvent): void => {
    const wasHeld = pressedAt.current !== null && event.timeStamp - pressedAt.current > heldMs
    pressedAt.current = null
    if (wasHeld) listener.finish()
  }
  const onKey = ({ detail }: MouseEvent): void => {
    // A click of the pointer has been dealt with when it went down; this one is the keyboard's.
    if (detail !== 0) return
    if (isTalking) listener.finish()
    else start('push_to_talk')
  }
  const toggle = (): void => {
    if (isHandsFree) listener.stop()
    else start('hands_free')
  }
  return (
    <>
      <button
        id="talk"
        type="button"
        aria-pressed={isTalking}
        aria-disabled={!isAvailable}
        title="Hold to talk, or press to begin and again to end"
        onPointerDown={press}
        onPointerUp={release}
        onPointerCancel={release}
        onPointerLeave={release}
        onClick={onKey}
      >
        Talk
      </button>
      <button
        id="hands-free"
        type="button"
        aria-pressed={isHandsFree}
        aria-disabled={!isAvailable}
        title="Maya listens all the time"
        onClick={toggle}
      >
        Hands-free
      </button>
    </>
  )
}
