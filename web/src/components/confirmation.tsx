import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Bar } from '../state/bar.ts'
import { dollars } from '../state/tab.ts'

/** The payment that Maya asks for: only the guest's own hand makes it. */
export function Confirmation({ bar }: { readonly bar: Bar }): JSX.Element {
  const { payments, visit, composer } = bar
  const { value: asked } = payments.confirmation
  const group = useRef<HTMLDivElement>(null)
  const last = useRef(0)
  if (asked !== null) last.current = asked.totalCents
  useLayoutEffect(() => {
    if (asked === null && group.current?.contains(document.activeElement) === true) composer.focus()
  }, [asked])
  const answer = (accept: boolean): void => void visit.guard(() => payments.confirm(accept))
  return (
    <div
      ref={group}
      id="confirmation"
      role="group"
      aria-labelledby="confirmation-question"
      hidden={asked === null}
    >
      <span id="confirmation-question">Pay {dollars(last.current)}?</span>
      <button id="confirm-yes" class="accent" type="button" onClick={() => answer(true)}>
        Yes
      </button>
      <button id="confirm-no" type="button" onClick={() => answer(false)}>
        No
      </button>
    </div>
  )
}
