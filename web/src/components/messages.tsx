import type { JSX } from 'preact'
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { Bar } from '../state/bar.ts'
import { shownText, type Answer, type Exchange } from '../state/exchanges.ts'
import { Markdown } from './markdown.tsx'
import { onSingleClick } from './single-click.ts'

/** Closer to the end than this, the guest is reading along and new text scrolls into view. */
const nearEndPixels = 80

const suggestions = ['Two martinis, please', 'What do you recommend?']

/** The conversation. A screen reader is told whole answers elsewhere: this one would stutter. */
export function Messages({ bar }: { readonly bar: Bar }): JSX.Element {
  const { chat, visit } = bar
  const { value: exchanges } = chat.exchanges
  const scroller = useRef<HTMLDivElement>(null)
  useEndInView(scroller, exchanges.at(-1)?.id)
  return (
    <div ref={scroller} id="scroller" role="log" aria-live="off" aria-label="Messages" tabIndex={0}>
      <ol id="messages">
        {exchanges.map((exchange) => (
          <ExchangeMessages key={exchange.id} bar={bar} exchange={exchange} />
        ))}
      </ol>
      <div id="welcome" hidden={exchanges.length > 0 || visit.isEntering.value}>
        <p class="greeting">The bar is open.</p>
        <p>Good to see you, I am Maya. Ask me for a drink, for advice, or for the bill.</p>
        <p id="suggestions">
          {suggestions.map((words) => (
            <button key={words} type="button" onClick={onSingleClick(() => bar.composer.put(words))}>
              {words}
            </button>
          ))}
        </p>
      </div>
    </div>
  )
}

/** Keeps the end in view for a guest who is there, whatever changes in height; a new message goes there. */
function useEndInView(
  scroller: { readonly current: HTMLDivElement | null },
  lastId: string | undefined,
): void {
  const isAtEnd = useRef(true)
  useLayoutEffect(() => {
    const { current: element } = scroller
    if (element === null) return
    let lastTop = element.scrollTop
    const onScroll = (): void => {
      const { scrollHeight, scrollTop, clientHeight } = element
      const isNear = scrollHeight - scrollTop - clientHeight < nearEndPixels
      // Only the guest scrolls up: far from the end may also mean that something long has come since.
      if (isNear || scrollTop < lastTop) isAtEnd.current = isNear
      lastTop = scrollTop
    }
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) element.scrollTop = element.scrollHeight
    })
    element.addEventListener('scroll', onScroll, { passive: true })
    for (const each of [element, ...element.children]) observer.observe(each)
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', onScroll)
    }
  }, [])
  useLayoutEffect(() => {
    // The welcome is read from its beginning.
    isAtEnd.current = lastId !== undefined
    if (isAtEnd.current && scroller.current !== null)
      scroller.current.scrollTop = scroller.current.scrollHeight
  }, [lastId])
}

interface ExchangeProps {
  readonly bar: Bar
  readonly exchange: Exchange
}

/** Drawn anew only when it has changed: each word of an answer would draw the whole conversation otherwise. */
function ExchangeMessages({ bar, exchange }: ExchangeProps): JSX.Element {
  return useMemo(() => <DrawnExchange bar={bar} exchange={exchange} />, [bar, exchange])
}

function DrawnExchange({ bar, exchange }: ExchangeProps): JSX.Element {
  const { turnId, question, answer } = exchange
  return (
    <>
      {question !== null && (
        <li class="message" data-role="user" data-turn={turnId ?? ''}>
          <span class="speaker hidden">You</span>
          <div class="text">{question}</div>
        </li>
      )}
      {answer !== null && <AnswerMessage bar={bar} exchange={exchange} answer={answer} />}
    </>
  )
}

function AnswerMessage({ bar, exchange, answer }: ExchangeProps & { readonly answer: Answer }): JSX.Element {
  const { isMaking, wait } = answer
  const text = shownText(answer)
  return (
    <li
      class={isMaking ? 'message waiting' : 'message'}
      data-role="assistant"
      data-turn={exchange.turnId ?? ''}
    >
      <span class="speaker">Maya</span>
      <div class="text" {...(wait !== null && { 'data-wait': wait })}>
        {/* One that was interrupted ends anywhere, too, and the history does not tell which one that was. */}
        {text === '' ? null : <Markdown text={text} isOpen />}
      </div>
      {answer.note !== null && (
        <p class="note">
          {answer.note}
          {answer.help === 'retry' && (
            <button type="button" onClick={() => bar.chat.retry(exchange.id)}>
              Try again
            </button>
          )}
          {answer.help === 'keys' && (
            <button type="button" onClick={() => (bar.isSettingsOpen.value = true)}>
              Look at your keys
            </button>
          )}
        </p>
      )}
    </li>
  )
}
