const headEnd = '\r\n\r\n'
const lineEnd = '\r\n'

/**
 * Takes one answer apart as it comes: status, HTTP chunks, and the `data` lines of server-sent events, which in all
 * that is measured here hold a whole event each.
 */
export class AnswerReader {
  readonly #onData: (line: string) => void
  #place: 'head' | 'size' | 'bytes' | 'end' = 'head'
  /** What has come and is not understood yet. */
  #rest = ''
  #chunkLeft = 0
  #line = ''
  #status = 0

  constructor(onData: (line: string) => void) {
    this.#onData = onData
  }

  get status(): number {
    return this.#status
  }

  get isEnded(): boolean {
    return this.#place === 'end'
  }

  /** Text that was read as Latin-1, so that characters are bytes. */
  read(text: string): void {
    this.#rest += text
    while (this.#step());
  }

  /** Whether there may be more to do with what is there. */
  #step(): boolean {
    switch (this.#place) {
      case 'head':
        return this.#readHead()
      case 'size':
        return this.#readSize()
      case 'bytes':
        return this.#readBytes()
      case 'end':
        return false
    }
  }

  #readHead(): boolean {
    const end = this.#rest.indexOf(headEnd)
    if (end === -1) return false
    this.#status = Number(this.#rest.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length))
    const isChunked = /\r\ntransfer-encoding: *chunked/i.test(this.#rest.slice(0, end + lineEnd.length))
    this.#rest = this.#rest.slice(end + headEnd.length)
    this.#place = isChunked ? 'size' : 'end'
    return isChunked
  }

  #readSize(): boolean {
    const end = this.#rest.indexOf(lineEnd)
    if (end === -1) return false
    const size = Number.parseInt(this.#rest, 16)
    if (size === 0 && this.#rest.length < end + headEnd.length) return false
    this.#rest = this.#rest.slice(end + lineEnd.length)
    this.#chunkLeft = size
    this.#place = size === 0 ? 'end' : 'bytes'
    return true
  }

  #readBytes(): boolean {
    this.#readLines(this.#rest.slice(0, this.#chunkLeft))
    const took = Math.min(this.#chunkLeft, this.#rest.length)
    this.#chunkLeft -= took
    this.#rest = this.#rest.slice(took)
    if (this.#chunkLeft > 0 || this.#rest.length < lineEnd.length) return false
    this.#rest = this.#rest.slice(lineEnd.length)
    this.#place = 'size'
    return true
  }

  #readLines(bytes: string): void {
    const text = this.#line + bytes
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      if (text.startsWith('data:', start)) this.#onData(text.slice(start, end))
      start = end + 1
    }
    this.#line = text.slice(start)
  }
}
