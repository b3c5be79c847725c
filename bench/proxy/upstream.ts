// What the proxies of `proxy.ts` stand before: node:http with a ready answer and Maya's headers, and no more.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { pauseOf, scriptOf } from '../servers/script.ts'
import { chunkText, momentNow } from '../upstream/chunk.ts'
import { jsonBody, jsonPath, turnPath } from './requests.ts'

const turn = '0156bd12-b2c1-4e8c-ace3-7fb50af8c8ca'
const headers = {
  'Content-Security-Policy':
    "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;font-src 'self';connect-src 'self';media-src 'self' blob:;manifest-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Origin-Agent-Cluster': '?1',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-DNS-Prefetch-Control': 'off',
  'X-Download-Options': 'noopen',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-Permitted-Cross-Domain-Policies': 'none',
  'X-XSS-Protection': '0',
}
const jsonHeaders = {
  ...headers,
  'Content-Type': 'application/json; charset=utf-8',
  'Content-Length': String(jsonBody.length),
}
const streamHeaders = {
  ...headers,
  'Cache-Control': 'no-store, no-transform',
  'Content-Type': 'text/event-stream; charset=utf-8',
  'X-Accel-Buffering': 'no',
}

const server = createServer((request, response) => {
  if (request.url === turnPath) readTurn(request, response)
  else if (request.url === jsonPath) response.writeHead(200, jsonHeaders).end(jsonBody)
  else response.writeHead(request.url === '/livez' ? 200 : 404).end()
})
server.keepAliveTimeout = 75_000
server.listen(Number(process.env['PORT']), '127.0.0.1')

function readTurn(request: IncomingMessage, response: ServerResponse): void {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (text: string) => (body += text))
  request.on('end', () => {
    const asked: unknown = JSON.parse(body)
    const isAsked = typeof asked === 'object' && asked !== null && 'user_input' in asked
    void writeTurn(response, isAsked ? String(asked.user_input) : '')
  })
}

async function writeTurn(response: ServerResponse, userInput: string): Promise<void> {
  const { chunks, pause } = scriptOf(userInput)
  response.writeHead(200, streamHeaders)
  for (let place = 0; place < chunks; place++) {
    if (pause !== 'none' && place > 0) await pauseOf(pause)
    writeEvent(response, place, { type: 'text_chunk', content: chunkText(place, momentNow()) })
  }
  writeEvent(response, chunks, { type: 'complete', finish_reason: 'stop' })
  response.end()
}

function writeEvent(response: ServerResponse, number: number, event: object): void {
  response.write(`id: ${turn}:${number}\ndata: ${JSON.stringify(event)}\n\n`)
}
