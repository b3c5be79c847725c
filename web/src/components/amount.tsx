import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { countedCents, countingMs } from '../state/counting.ts'
import { dollars } from '../state/tab.ts'

export interface AmountProps {
  readonly id: string
  /** Null while it is not known. */
  readonly cents: number | null
  /** What is said after it. */
  readonly suffix?: string
}

/**
 * A sum that counts to its new value. Its text is the new value from the start, for whoever does not see it: what
 * counts is painted over it from the attribute `data-counting`.
 */
export function Amount({ id, cents, suffix = '' }: AmountProps): JSX.Element {
  const ref = useRef<HTMLElement>(null)
  const shown = useRef<number | null>(null)
  useLayoutEffect(() => {
    const from = shown.current
    shown.current = cents
    const { current: element } = ref
    if (element === null || from === null || cents === null || from === cents || !mayMove()) return
    return count(element, (elapsedMs) => dollars(countedCents(from, cents, elapsedMs)) + suffix)
  }, [cents])
  return (
    <dd ref={ref} id={id}>
      {cents === null ? '' : dollars(cents) + suffix}
    </dd>
  )
}

function mayMove(): boolean {
  return !matchMedia('(prefers-reduced-motion: reduce)').matches
}

/** Paints frame by frame until it is over. Returns a function that ends it before. */
function count(element: HTMLElement, text: (elapsedMs: number) => string): () => void {
  const startedAt = performance.now()
  let frame = 0
  const end = (): void => {
    cancelAnimationFrame(frame)
    element.classList.remove('counting')
    delete element.dataset['counting']
  }
  const paint = (): void => {
    const elapsedMs = performance.now() - startedAt
    if (elapsedMs >= countingMs) return end()
    element.dataset['counting'] = text(elapsedMs)
    frame = requestAnimationFrame(paint)
  }
  element.classList.add('counting')
  paint()
  return end
}
