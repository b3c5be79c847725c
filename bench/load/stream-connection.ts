import { connect, type Socket } from 'node:net'
import { messageOf, type Script } from '../servers/script.ts'

/** How one streamed answer went. */
export interface StreamedAnswer {
  /** 200 with every chunk and `complete`, to the last byte. */
  readonly isWhole: boolean
  /** From sending the request up to the first text. */
  readonly firstTextMs: number
}

const textMark = '"type":"text_chunk"'
const completeMark = '"type":"complete"'
const markLengthMax = textMark.length
const lastChunk = '\r\n0\r\n\r\n'

interface Asking {
  readonly chunks: number
  readonly startedMs: number
  readonly done: (answer: StreamedAnswer) => void
}

/**
 * A keep-alive connection that asks for one stream after the other. Written on the raw socket: a generator that
 * parses HTTP properly costs more than the server that is measured.
 */
export class StreamConnection {
  readonly #socket: Socket
  #asking: Asking | undefined
  #head = ''
  #tail = ''
  #texts = 0
  #completes = 0
  #firstTextMs = NaN

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes) => this.#read(bytes.toString('latin1')))
    socket.on('error', () => {}) // `close` follows.
    socket.on('close', () => this.#finish(false))
  }

  static async open(url: string): Promise<StreamConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new StreamConnection(socket)
  }

  /** Sends the request and resolves when its answer has ended, whether well or not. */
  ask(request: string, chunks: number): Promise<StreamedAnswer> {
    this.#head = ''
    this.#tail = ''
    this.#texts = 0
    this.#completes = 0
    this.#firstTextMs = NaN
    return new Promise((done) => {
      this.#asking = { chunks, startedMs: performance.now(), done }
      if (this.#socket.destroyed) this.#finish(false)
      else this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(text: string): void {
    if (this.#asking === undefined) {
      this.#socket.destroy() // Nobody asked.
      return
    }
    if (this.#head === '') this.#head = text.slice(0, 'HTTP/1.1 200'.length)
    const read = this.#tail + text
    const texts = count(read, textMark)
    if (this.#texts === 0 && texts > 0) this.#firstTextMs = performance.now() - this.#asking.startedMs
    this.#texts += texts
    this.#completes += count(read, completeMark)
    this.#tail = tailOf(read)
    if (read.endsWith(lastChunk)) this.#finish(true)
    else if (this.#head !== 'HTTP/1.1 200') this.#socket.destroy()
  }

  #finish(isEnded: boolean): void {
    const asking = this.#asking
    if (asking === undefined) return
    this.#asking = undefined
    const isComplete = this.#texts === asking.chunks && this.#completes === 1
    const isWhole = isEnded && isComplete && this.#head === 'HTTP/1.1 200'
    asking.done({ isWhole, firstTextMs: this.#firstTextMs })
  }
}

/** The request for the answer that the script says, under a key where it may have to be sent again. */
export function streamRequest(session: string, script: Script, key?: string): string {
  const body = JSON.stringify({ user_input: messageOf(script) })
  const head = [
    'POST /api/v1/chat/stream HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    `X-Session-ID: ${session}`,
    ...(key === undefined ? [] : [`Idempotency-Key: ${key}`]),
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** The end of what was read that may be the beginning of a mark, and holds no whole one. */
function tailOf(read: string): string {
  const tail = read.slice(1 - markLengthMax)
  const completeAt = tail.indexOf(completeMark)
  return completeAt === -1 ? tail : tail.slice(completeAt + completeMark.length)
}

function count(text: string, mark: string): number {
  let found = 0
  for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + mark.length)) found++
  return found
}
