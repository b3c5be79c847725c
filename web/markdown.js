const listItem = /^\s*(?:[-*•]|(\d{1,3})[.)])\s+(.*)$/

/** The few marks that an answer uses (paragraphs, lists, bold) as DOM nodes. Everything else stays the text it is. */
export function markdown(text) {
  const nodes = []
  for (const block of text.split(/\n{2,}/)) {
    let open
    for (const line of block.split('\n').filter((each) => each.trim() !== '')) {
      const [, number, item] = listItem.exec(line) ?? []
      const name = item === undefined ? 'p' : number === undefined ? 'ul' : 'ol'
      const isNew = open?.localName !== name
      if (isNew) nodes.push((open = document.createElement(name)))
      if (item !== undefined) open.append(itemNode(item, number))
      else open.append(...(isNew ? [] : [document.createElement('br')]), ...inline(line))
    }
  }
  return nodes
}

function itemNode(text, number) {
  const node = document.createElement('li')
  if (number !== undefined) node.value = Number(number)
  node.append(...inline(text))
  return node
}

/** Every second part stands between two pairs of asterisks. A pair that is not closed yet stays as it is. */
function inline(text) {
  return text.split(/\*\*(?=\S)(.+?)\*\*/).map((part, index) => {
    if (index % 2 === 0) return part
    const bold = document.createElement('strong')
    bold.textContent = part
    return bold
  })
}
