// Takes spans and forgets them. Started by a bench; talks with it over IPC.
import { createServer } from 'node:http'
import { answerQuestions } from '../harness/child.ts'

export type ReceiverControls = typeof controls

let bytes = 0

const server = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => (bytes += chunk.length))
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end())
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const address = server.address()
const port = typeof address === 'object' && address !== null ? address.port : 0

const controls = {
  url: () => `http://127.0.0.1:${port}`,
  /** All that came since this was asked last. */
  takeBytes() {
    const taken = bytes
    bytes = 0
    return taken
  },
}
answerQuestions(controls, () => server.closeAllConnections())
