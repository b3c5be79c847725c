import { StringDecoder } from 'node:string_decoder'

/**
 * Reads an event stream (`text/event-stream`) from its bytes, however these are split. Only the data of the events
 * counts; an event that the end of the stream cuts off is none.
 */
export class EventParser {
  readonly #decoder = new StringDecoder('utf8')
  #isAtStart = true
  #endedInReturn = false
  /** The line that has begun. */
  #line = ''
  /** The data lines of the event that has begun. */
  #data: string[] = []
  #dataCharacters = 0

  /** What is kept of an event that is not whole yet; never more than its bytes. */
  get heldCharacters(): number {
    return this.#line.length + this.#dataCharacters
  }

  /** The data of each event that these bytes complete. */
  push(bytes: Buffer): readonly string[] {
    const text = this.#withPlainLineEnds(this.#decoder.write(bytes))
    // A line that comes in many pieces is not searched again and again.
    if (!text.includes('\n')) {
      this.#line += text
      return []
    }
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop() ?? ''
    const events: string[] = []
    for (const line of lines) {
      if (line === '') this.#endEvent(events)
      else if (line.startsWith('data:')) this.#addData(line.slice(line.startsWith(' ', 5) ? 6 : 5))
    }
    return events
  }

  #addData(data: string): void {
    this.#data.push(data)
    this.#dataCharacters += data.length
  }

  #endEvent(events: string[]): void {
    if (this.#data.length === 0) return
    events.push(this.#data.join('\n'))
    this.#data = []
    this.#dataCharacters = 0
  }

  /** A line ends with `\n`, `\r` or `\r\n`, and the two of the last may come apart. */
  #withPlainLineEnds(text: string): string {
    if (text === '') return text
    let rest = text
    if (this.#isAtStart && rest.startsWith('\uFEFF')) rest = rest.slice(1)
    this.#isAtStart = false
    if (this.#endedInReturn && rest.startsWith('\n')) rest = rest.slice(1)
    this.#endedInReturn = rest.endsWith('\r')
    if (!rest.includes('\r')) return rest
    // Nearly always that is all there is of it.
    const plain = rest.replaceAll('\r\n', '\n')
    return plain.includes('\r') ? plain.replaceAll('\r', '\n') : plain
  }
}
