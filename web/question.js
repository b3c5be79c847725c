/** Asks the guest a yes-or-no question in the page's dialog. Closing it means no. */
export function askGuest(find, { title, text, yes }) {
  const dialog = find('question')
  find('question-title').textContent = title
  find('question-text').textContent = text
  find('question-yes').textContent = yes
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) => {
    const closed = new AbortController()
    const { signal } = closed
    const close = ({ target }) => {
      if (target.value !== undefined) dialog.close(target.value)
    }
    dialog.addEventListener('click', close, { signal })
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { signal })
    dialog.addEventListener('close', () => closed.abort(), { signal })
  })
}
