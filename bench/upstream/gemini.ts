// A server that speaks Gemini's wire format and costs next to nothing. Started by a bench; talks with it over IPC.
import { createServer, type Socket } from 'node:net'
import { answerQuestions } from '../harness/child.ts'
import { cpuMs } from '../servers/usage.ts'
import { sentNow, textAnswer, toolCallAnswer, type Answer } from './answer.ts'
import { readOrder, type Order } from './order.ts'

export type UpstreamControls = typeof controls

const headEnd = '\r\n\r\n'
const connectionsWaitingMax = 4096
const textAnswers = new Map<string, Answer>()

const server = createServer({ noDelay: true }, (socket) => {
  let received: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
    for (let length = requestLength(received); length !== undefined; length = requestLength(received)) {
      answer(socket, received.subarray(0, length))
      received = received.subarray(length)
    }
  })
  socket.on('error', () => {}) // Who has left needs no answer.
})

/** The bytes of the first request when it is there as a whole. */
function requestLength(received: Buffer): number | undefined {
  const bodyAt = received.indexOf(headEnd) + headEnd.length
  if (bodyAt < headEnd.length) return undefined
  const [, length] = /\ncontent-length: *(\d+)/i.exec(received.toString('latin1', 0, bodyAt)) ?? []
  const end = bodyAt + Number(length ?? 0)
  return received.length < end ? undefined : end
}

function answer(socket: Socket, request: Buffer): void {
  const line = request.toString('latin1', 0, request.indexOf('\r'))
  const order = readOrder(request)
  if (!/^POST \/v1beta\/models\/[^/]+:streamGenerateContent\?alt=sse /.test(line) || order === undefined) {
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  } else if (order.isAfterTool) send(socket, textAnswerFor(order), order.paceMs)
  else send(socket, toolCallAnswer, 0)
}

function textAnswerFor({ chunks, paceMs }: Order): Answer {
  const key = `${chunks} ${paceMs > 0}`
  const known = textAnswers.get(key) ?? textAnswer(chunks, paceMs > 0)
  textAnswers.set(key, known)
  return known
}

/** Each piece has its time, whatever became of the one before it. */
function send(socket: Socket, { head, pieces }: Answer, paceMs: number): void {
  const startedMs = performance.now()
  const sendFrom = (place: number): void => {
    const piece = pieces[place]
    if (piece === undefined || socket.destroyed) return
    const bytes = sentNow(piece)
    socket.write(place === 0 ? Buffer.concat([head, bytes]) : bytes)
    if (place + 1 === pieces.length) return
    const dueMs = startedMs + (place + 1) * paceMs
    setTimeout(sendFrom, Math.max(0, dueMs - performance.now()), place + 1)
  }
  sendFrom(0)
}

const address = await new Promise<unknown>((resolve) => {
  server.listen(0, '127.0.0.1', connectionsWaitingMax, () => resolve(server.address()))
})
const port = typeof address === 'object' && address !== null && 'port' in address ? address.port : 0

const controls = { url: () => `http://127.0.0.1:${Number(port)}`, cpuMs }
answerQuestions(controls)
