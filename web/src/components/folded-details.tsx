import type { ComponentChildren, JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

/** Beside the conversation there is room for it; above it, it is one line until the guest opens it. */
export function FoldedDetails(props: {
  readonly id: string
  readonly children: ComponentChildren
}): JSX.Element {
  const ref = useRef<HTMLDetailsElement>(null)
  useLayoutEffect(() => {
    const wide = matchMedia('(min-width: 48rem) and (min-height: 30.01rem)')
    const fold = (): void => {
      if (ref.current !== null) ref.current.open = wide.matches
    }
    wide.addEventListener('change', fold)
    fold()
    return () => wide.removeEventListener('change', fold)
  }, [])
  return (
    <details ref={ref} id={props.id}>
      {props.children}
    </details>
  )
}
