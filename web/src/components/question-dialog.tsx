import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import type { AskedQuestion, GuestQuestion } from '../state/question.ts'
import { Dialog } from './dialog.tsx'

const nothing: AskedQuestion = { title: '', text: '', yes: '' }

/** Asks the guest a yes-or-no question. */
export function QuestionDialog({ question }: { readonly question: GuestQuestion }): JSX.Element {
  const { value: asked } = question.asked
  const last = useRef(nothing)
  if (asked !== null) last.current = asked
  const { title, text, yes } = last.current
  return (
    <Dialog
      id="question"
      isOpen={asked !== null}
      onClose={() => question.answer(false)}
      describedBy="question-text"
    >
      <h2 id="question-title">{title}</h2>
      <p id="question-text">{text}</p>
      <p class="buttons">
        <button type="button" onClick={() => question.answer(false)}>
          Not now
        </button>
        <button id="question-yes" class="accent" type="button" onClick={() => question.answer(true)}>
          {yes}
        </button>
      </p>
    </Dialog>
  )
}
