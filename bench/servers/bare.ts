// What node:http alone needs to write the same bytes in the same writes. Started by a bench.
import { createServer, type ServerResponse } from 'node:http'
import { answerQuestions } from '../harness/child.ts'
import { messageOf, pauseOf, scriptOf, type Script } from './script.ts'
import { cpuMs } from './usage.ts'

export type BareControls = typeof controls

/** One answer of Maya's, to be written again: every frame is one write. */
export interface RecordedAnswer {
  readonly headers: Readonly<Record<string, string>>
  readonly before: readonly string[]
  readonly chunks: readonly string[]
  readonly after: readonly string[]
}

let recorded: RecordedAnswer = { headers: {}, before: [], chunks: [], after: [] }

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (text: string) => (body += text))
  request.on('end', () => {
    const asked: unknown = JSON.parse(body)
    const isAsked = typeof asked === 'object' && asked !== null && 'user_input' in asked
    void write(response, scriptOf(isAsked ? String(asked.user_input) : messageOf({ chunks: 0, pause: 0 })))
  })
})
server.keepAliveTimeout = 75_000

async function write(response: ServerResponse, { pause }: Script): Promise<void> {
  response.writeHead(200, recorded.headers)
  for (const frame of recorded.before) response.write(frame)
  for (const [at, frame] of recorded.chunks.entries()) {
    if (pause !== 'none' && at > 0) await pauseOf(pause)
    response.write(frame)
  }
  for (const frame of recorded.after) response.write(frame)
  response.end()
}

const address = await new Promise<unknown>((resolve) => {
  server.listen(0, '127.0.0.1', () => resolve(server.address()))
})
const port = typeof address === 'object' && address !== null && 'port' in address ? address.port : 0

const controls = {
  url: () => `http://127.0.0.1:${Number(port)}`,
  cpuMs,
  learn(answer: RecordedAnswer): void {
    recorded = answer
  },
}
answerQuestions(controls)
