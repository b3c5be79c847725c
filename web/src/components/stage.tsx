import { useComputed } from '@preact/signals'
import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Bar } from '../state/bar.ts'
import { captionOf } from '../state/page-state.ts'
import { Portrait } from './portrait.tsx'

/** Maya herself, what she is doing, and the words that she is saying. */
export function Stage({ bar }: { readonly bar: Bar }): JSX.Element {
  const mood = useComputed(() => bar.pageState.value.mood)
  return (
    <section class="stage" aria-label="Maya">
      <Portrait mouth={bar.speech.speaker.mouth} mood={mood} />
      <p id="state" class="state-line">
        {bar.pageState.value.line}
      </p>
      <Captions bar={bar} />
    </section>
  )
}

/** For the eyes only: the answer itself is there to be read. A long sentence moves up with its words. */
function Captions({ bar }: { readonly bar: Bar }): JSX.Element {
  const { value: word } = bar.speech.speaker.word
  const exchange = bar.chat.exchanges.value.find(({ turnId }) => turnId === word?.turnId)
  const caption = bar.settings.settings.value.captions ? captionOf(exchange, word) : null
  const lines = useRef<HTMLParagraphElement>(null)
  const current = useRef<HTMLElement>(null)
  useLayoutEffect(() => {
    if (lines.current === null || current.current === null) return
    const linePixels = Number.parseFloat(getComputedStyle(lines.current).lineHeight)
    const line = Math.floor(current.current.offsetTop / linePixels)
    lines.current.scrollTop = (line - 1) * linePixels
  }, [caption?.before])
  return (
    <p ref={lines} class="captions" aria-hidden="true">
      {caption !== null && (
        <>
          {caption.before}
          <mark ref={current} class="caption-word current">
            {caption.word}
          </mark>
          {caption.after}
        </>
      )}
    </p>
  )
}
