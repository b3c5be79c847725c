import { connect, type Socket } from 'node:net'
import { chunkMark, chunkWords, momentDigits, msSince, placeDigits } from '../upstream/chunk.ts'
import { AnswerReader } from './answer-reader.ts'

/** How a server is asked for a turn, and how its answer looks. */
export interface Speech {
  readonly path: string
  /** The bodies of the requests that make one turn, one after the other. */
  readonly bodies: readonly string[]
  /** What the event of a text chunk holds, and what the one at the end of an answer. */
  readonly textMark: string
  readonly endMark: string
}

export interface ExpectedTurn {
  readonly requests: readonly string[]
  readonly speech: Speech
  readonly chunks: number
  /** Called for every chunk with the time since the upstream sent it. */
  readonly onChunk: (lateMs: number) => void
}

/** How one turn went. */
export interface MeasuredTurn {
  /** Every answer is 200 and came to its end; every chunk is there, once, in order, with its very words. */
  readonly isRight: boolean
  /** From sending the first request up to the first text. */
  readonly firstTextMs: number
}

/** A keep-alive connection for one turn after the other. On the raw socket: a client costs more than some servers. */
export class TurnConnection {
  readonly #socket: Socket
  #reader: AnswerReader | undefined
  #answered = Promise.withResolvers<void>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes) => {
      this.#reader?.read(bytes.toString('latin1'))
      if (this.#reader?.isEnded === true) this.#answered.resolve()
    })
    socket.on('error', () => {}) // `close` follows.
    socket.on('close', () => this.#answered.resolve())
  }

  static async open(url: string): Promise<TurnConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new TurnConnection(socket)
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  async run({ requests, speech, chunks, onChunk }: ExpectedTurn): Promise<MeasuredTurn> {
    const startedMs = performance.now()
    let [firstTextMs, texts, ends, areAllRight] = [NaN, 0, 0, true]
    for (const request of requests) {
      const reader = new AnswerReader((line) => {
        if (line.includes(speech.textMark)) {
          if (texts === 0) firstTextMs = performance.now() - startedMs
          const lateMs = readChunk(line, texts++)
          if (lateMs === undefined) areAllRight = false
          else onChunk(lateMs)
        } else if (line.includes(speech.endMark)) ends++
      })
      await this.#ask(request, reader)
      areAllRight &&= reader.status === 200 && reader.isEnded
    }
    return { isRight: areAllRight && texts === chunks && ends === requests.length, firstTextMs }
  }

  close(): void {
    this.#socket.destroy()
  }

  async #ask(request: string, reader: AnswerReader): Promise<void> {
    if (this.isClosed) return
    this.#reader = reader
    this.#answered = Promise.withResolvers()
    this.#socket.write(request)
    await this.#answered.promise
  }
}

/** How late a chunk is when it is the one that has to come now, and whole. */
function readChunk(line: string, place: number): number | undefined {
  const mark = line.indexOf(chunkMark)
  const momentAt = mark + chunkMark.length
  const isDue = Number(line.slice(mark - placeDigits, mark)) === place
  if (mark === -1 || !isDue || !line.startsWith(chunkWords, momentAt + momentDigits)) return undefined
  return msSince(line.slice(momentAt, momentAt + momentDigits))
}
