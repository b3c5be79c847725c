import { dollars } from './tab.js'

/** The menu as buttons. `onChoice` gets the words with which the item is asked for. */
export function menuNodes({ categories }, onChoice) {
  return categories.flatMap(({ name, items }) => {
    const heading = Object.assign(document.createElement('h3'), { textContent: name })
    const list = document.createElement('ul')
    list.append(...items.map((item) => itemNode(item, onChoice)))
    return [heading, list]
  })
}

function itemNode({ name, price_cents: priceCents }, onChoice) {
  const button = Object.assign(document.createElement('button'), { type: 'button' })
  const price = Object.assign(document.createElement('span'), { textContent: dollars(priceCents) })
  button.append(name, ' ', price)
  const article = /^[AEIOU]/.test(name) ? 'An' : 'A'
  button.addEventListener('click', () => onChoice(`${article} ${name}, please`))
  const node = document.createElement('li')
  node.append(button)
  return node
}
