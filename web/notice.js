const sentences = {
  SESSION_LIMIT: 'The bar is full.',
  MEMORY_PRESSURE: 'The bar is full.',
  INTERRUPTED: 'The answer broke off. Going on with it.',
}

/** The one line that tells the guest what is going on beside the conversation. */
export class Notice {
  #text
  #countdown
  #isWaiting = false

  constructor({ text, countdown }) {
    this.#text = text
    this.#countdown = countdown
  }

  say(sentence) {
    this.#isWaiting = false
    this.#show(sentence, '')
  }

  /** What is being waited for, or null when that is over. The seconds are for the eyes only. */
  wait(problem, seconds) {
    if (problem === null) {
      if (this.#isWaiting) this.say('')
      return
    }
    this.#isWaiting = true
    const lost = 'The connection is lost.'
    const sentence = problem.status === 0 ? lost : (sentences[problem.code] ?? problem.message)
    this.#show(sentence, `Trying again in ${seconds} s …`)
  }

  #show(sentence, countdown) {
    if (this.#text.textContent !== sentence) this.#text.textContent = sentence
    this.#countdown.textContent = countdown
  }
}
