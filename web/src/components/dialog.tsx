import type { ComponentChildren, JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

export interface DialogProps {
  readonly id: string
  readonly isOpen: boolean
  /** Called when the guest closes it in whatever way. */
  readonly onClose: () => void
  readonly describedBy?: string
  readonly children: ComponentChildren
}

/** A modal dialog whose heading has the id of the dialog with `-title`. */
export function Dialog({ id, isOpen, onClose, describedBy, children }: DialogProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    if (ref.current === null || ref.current.open === isOpen) return
    if (isOpen) ref.current.showModal()
    else ref.current.close()
  }, [isOpen])
  // The event comes late: the dialog may have been opened again meanwhile.
  const onClosed = (): void => {
    if (ref.current?.open !== true) onClose()
  }
  return (
    <dialog
      ref={ref}
      id={id}
      class="dialog"
      aria-labelledby={`${id}-title`}
      {...(describedBy !== undefined && { 'aria-describedby': describedBy })}
      onClose={onClosed}
    >
      {children}
    </dialog>
  )
}
