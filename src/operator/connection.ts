import { Agent, request as requestPlain, type IncomingMessage } from 'node:http'
import { Agent as SecureAgent, request as requestSecure } from 'node:https'
import type { Clock } from '../clock.ts'
import { EventParser } from '../llm/event-parser.ts'
import { explainFailure, NoAnswerError } from './no-answer.ts'
import type { ServerAddress } from './server-address.ts'

export interface Question {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the address of the server: `/healthz`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: object
  /** Up to the end of the answer. */
  readonly timeoutMs: number
  /** What the answer may have. */
  readonly bytesMax: number
  /** Gets the data of every server-sent event as it comes. The answer has no text then. */
  readonly onEvent?: (data: string) => void
}

export interface Answer {
  readonly status: number
  /** Of any name in small letters. */
  readonly header: (name: string) => string | undefined
  readonly text: string
}

/** One keep-alive connection, made when it is needed: questions that come together wait for each other. */
export interface Connection {
  readonly url: string
  /** Follows no redirect. Rejects with a `NoAnswerError`, or with the reason of the signal. */
  ask(question: Question, signal: AbortSignal): Promise<Answer>
  close(): void
}

const agentOptions = { keepAlive: true, maxSockets: 1 }

/** Opens nothing yet. */
export function createConnection(address: ServerAddress, clock: Clock): Connection {
  const isSecure = address.url.startsWith('https:')
  const agent = isSecure ? new SecureAgent(agentOptions) : new Agent(agentOptions)
  const send: Send = (question, signal, isAgain = false) =>
    new Promise((resolve, reject) => {
      const { method, path, body } = question
      const headers = headersOf(question, address)
      const request = (isSecure ? requestSecure : requestPlain)(`${address.url}${path}`, {
        method,
        headers,
        agent,
        signal,
      })
      request.once('response', resolve)
      request.on('error', (error) => {
        // The server had just closed the connection that was kept: it has not read the question.
        const isStale = request.reusedSocket && 'code' in error && error.code === 'ECONNRESET'
        if (isStale && !isAgain && !signal.aborted) resolve(send(question, signal, true))
        else reject(error)
      })
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  return {
    url: address.url,
    async ask(question, signal) {
      const late = new AbortController()
      const cancel = clock.after(question.timeoutMs, () => late.abort())
      const url = `${address.url}${question.path}`
      try {
        const response = await send(question, AbortSignal.any([signal, late.signal]))
        return await readAnswer(response, question, url)
      } catch (error) {
        signal.throwIfAborted()
        if (!late.signal.aborted) throw explainFailure(error, url)
        const seconds = question.timeoutMs / 1000
        throw new NoAnswerError('TOO_SLOW', `${url} has not answered within ${seconds} s.`, { cause: error })
      } finally {
        cancel()
      }
    },
    close: () => agent.destroy(),
  }
}

type Send = (question: Question, signal: AbortSignal, isAgain?: boolean) => Promise<IncomingMessage>

function headersOf({ headers, body }: Question, { authorization }: ServerAddress): Record<string, string> {
  return {
    'user-agent': 'maya-operator',
    ...(authorization !== undefined && { authorization }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...headers,
  }
}

async function readAnswer(response: IncomingMessage, question: Question, url: string): Promise<Answer> {
  const { bytesMax, onEvent } = question
  const header = (name: string): string | undefined => response.headers[name]?.toString()
  const isStream = header('content-type')?.startsWith('text/event-stream') === true
  const parser = new EventParser()
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response.iterator() as AsyncIterableIterator<Buffer>) {
    bytes += part.length
    if (bytes > bytesMax) throw new NoAnswerError('TOO_LARGE', tooLarge(url, bytesMax))
    if (!isStream || onEvent === undefined) parts.push(part)
    else for (const data of parser.push(part)) onEvent(data)
  }
  return { status: response.statusCode ?? 0, header, text: Buffer.concat(parts).toString() }
}

function tooLarge(url: string, bytesMax: number): string {
  return `${url} answers with more than ${bytesMax / 1024} KB, which no Maya does.`
}
