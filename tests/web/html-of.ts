import { Fragment, isValidElement, type ComponentChildren, type VNode } from 'preact'

const single: readonly string[] = ['br', 'hr']

/** What elements without state would be as HTML. */
export function htmlOf(node: ComponentChildren): string {
  if (Array.isArray(node)) return node.map(htmlOf).join('')
  if (typeof node === 'string') return node.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  if (typeof node === 'number') return String(node)
  return isValidElement(node) ? elementOf(node) : ''
}

function elementOf({ type, props }: VNode<Record<string, unknown>>): string {
  const { children, ...attributes } = props
  if (type === Fragment) return htmlOf(children)
  if (typeof type === 'function') {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the components under test are functions.
    const component = type as (given: object) => ComponentChildren
    return htmlOf(component(props))
  }
  const told = Object.entries(attributes).map(([name, value]) => ` ${name}="${String(value)}"`)
  const open = `<${type}${told.join('')}>`
  return single.includes(type) ? open : `${open}${htmlOf(children)}</${type}>`
}
