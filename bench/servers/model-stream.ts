// What both plain node:http servers do around the model: read a request, write events.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { userInputOf } from './bar-tool.ts'

export async function readUserInput(request: IncomingMessage): Promise<string> {
  let body = ''
  request.setEncoding('utf8')
  for await (const text of request) body += String(text)
  return userInputOf(JSON.parse(body))
}

export function beginEvents(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
}

export function writeEvent(response: ServerResponse, data: object): void {
  response.write(`data: ${JSON.stringify(data)}\n\n`)
}
