/** The second click of a double click is meant for nothing: it would say, tip or take away twice. */
export function onSingleClick(action: () => void): (event: MouseEvent) => void {
  return ({ detail }) => {
    if (detail < 2) action()
  }
}
