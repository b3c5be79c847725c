import { readFileSync } from 'node:fs'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'

const recorder = readFileSync(join(import.meta.dirname, 'sound-recorder.js'))

/**
 * The server as it is, and one file of ours at its side: the policy of the page allows scripts from its own server
 * only, and what a worklet loads cannot be replaced in the browser.
 */
export async function servePageOf(serverUrl: string) {
  const server = createServer((asked, answered) => {
    if (asked.url === '/bench-recorder.js') {
      answered.setHeader('Content-Type', 'text/javascript').end(recorder)
    } else forward(serverUrl, asked, answered)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    close(): void {
      server.closeAllConnections()
      server.close()
    },
  }
}

function forward(serverUrl: string, asked: IncomingMessage, answered: ServerResponse): void {
  const { method, headers, url = '/' } = asked
  const forwarded = request(new URL(url, serverUrl), { method, headers }, (answer) => {
    answered.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(answered)
  })
  forwarded.on('error', () => answered.destroy())
  answered.on('close', () => forwarded.destroy())
  asked.pipe(forwarded)
}
