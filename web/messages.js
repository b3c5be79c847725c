import { markdown } from './markdown.js'

/** Closer to the end than this, the guest is reading along and new text scrolls into view. */
const nearEndPixels = 80

const speakers = { user: 'You', assistant: 'Maya' }

/** The conversation as the guest sees it. */
export class Messages {
  #list
  #scroller
  #announcer

  constructor({ list, scroller, announcer }) {
    this.#list = list
    this.#scroller = scroller
    this.#announcer = announcer
  }

  /** Shows a whole history, unless it ends as the one that is shown. */
  show(history) {
    if (history.at(-1)?.turn_id === this.#list.lastElementChild?.dataset.turn) return
    this.#list.replaceChildren()
    for (const { role, content, turn_id: turnId } of history) this.#add(role, turnId).render(content)
    this.scrollToEnd()
  }

  /** The guest's new message (if it is new here) and an empty answer to be filled in. */
  begin({ text, turnId }) {
    const question = text === undefined ? undefined : this.#add('user', turnId)
    question?.render(text)
    const answer = this.#add('assistant', turnId)
    answer.element.classList.add('waiting')
    this.scrollToEnd()
    return new Exchange({ messages: this, question, answer })
  }

  /** Removes what was shown of the same turn before, so that nothing stands there twice. */
  removeOthers(turnId, own) {
    for (const element of this.#list.querySelectorAll('[data-turn]')) {
      const isSame = element.dataset.turn === turnId && !own.includes(element)
      if (isSame && own.some(({ dataset }) => dataset.role === element.dataset.role)) element.remove()
    }
  }

  /** Does something that changes the height, and keeps the end in view for a guest who was there. */
  keepingEnd(change) {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller
    const isAtEnd = scrollHeight - scrollTop - clientHeight < nearEndPixels
    change()
    if (isAtEnd) this.scrollToEnd()
  }

  scrollToEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight
  }

  announce(text) {
    this.#announcer.textContent = text
  }

  #add(role, turnId = '') {
    const element = this.#list.appendChild(document.createElement('li'))
    Object.assign(element.dataset, { role, turn: turnId })
    const speaker = element.appendChild(document.createElement('span'))
    speaker.className = role === 'user' ? 'hidden' : 'speaker'
    speaker.textContent = speakers[role]
    const body = element.appendChild(document.createElement('div'))
    body.className = 'text'
    const render = (text) => {
      if (role === 'user') body.textContent = text
      else body.replaceChildren(...markdown(text))
    }
    return { element, body, render }
  }
}

/** One message and its answer while it is made. */
class Exchange {
  #messages
  #question
  #answer
  #text = ''
  #frame = 0

  constructor({ messages, question, answer }) {
    this.#messages = messages
    this.#question = question
    this.#answer = answer
  }

  /** From here the turn comes whole: what there was of it is void. */
  restart(turnId) {
    const own = [this.#question, this.#answer].flatMap((part) => (part === undefined ? [] : [part.element]))
    for (const { dataset } of own) dataset.turn = turnId
    this.#messages.removeOthers(turnId, own)
    this.#text = ''
    delete this.#answer.body.dataset.wait
    this.#renderSoon()
  }

  /** Why there is no text yet. It gives way to the first text by itself. */
  wait(sentence) {
    if (sentence === undefined || this.#text !== '') return
    this.#answer.body.dataset.wait = sentence
    this.#messages.announce(sentence)
  }

  append(text) {
    this.#text += text
    this.#renderSoon()
  }

  finish(text, note) {
    this.#text = text
    this.#end()
    if (note !== undefined) this.#addNote(note)
    this.#messages.announce(`Maya: ${text} ${note ?? ''}`)
  }

  /** The answer ends here, because of a problem; with `retry` there is a button for another attempt. */
  fail(sentence, retry) {
    this.#end()
    const note = this.#addNote(sentence)
    this.#messages.announce(sentence)
    if (retry === undefined) return
    const button = note.appendChild(document.createElement('button'))
    Object.assign(button, { type: 'button', textContent: 'Try again' })
    button.addEventListener('click', retry)
  }

  remove() {
    cancelAnimationFrame(this.#frame)
    this.#question?.element.remove()
    this.#answer.element.remove()
  }

  #end() {
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
    this.#render()
    this.#answer.element.classList.remove('waiting')
  }

  #addNote(text) {
    const note = document.createElement('p')
    note.className = 'note'
    note.textContent = text
    this.#messages.keepingEnd(() => this.#answer.element.append(note))
    return note
  }

  /** At most once in a frame, however fast the text comes. */
  #renderSoon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0
      this.#render()
    })
  }

  #render() {
    this.#messages.keepingEnd(() => this.#answer.render(this.#text))
  }
}
