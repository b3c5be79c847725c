import type { IncomingMessage } from 'node:http'
import websocket, { type WebSocket } from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import type { Log } from '../logs/log.ts'
import { describeDefect } from '../security/redaction.ts'

/** Where a socket can be opened. */
const socketPath = '/api/v1/voice/listen'

const serverOptions = {
  maxPayload: 64 * 1024,
  perMessageDeflate: false,
  /** Milliseconds that a guest has to answer that the socket closes; the types do not know it yet. */
  closeTimeout: 1000,
}

/**
 * Whether a request is for a socket. Everything else is answered as if it had not asked for another protocol: some
 * clients ask for HTTP/2 with every request.
 */
export function isForSocket({ headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket' && url.split('?')[0] === socketPath
}

/** WebSockets (RFC 6455) for routes with a `wsHandler`. Until its upgrade such a request is like every other one. */
export async function openWebSockets(app: FastifyInstance, log: Log): Promise<void> {
  await app.register(websocket, {
    options: serverOptions,
    errorHandler: (error, socket, request) => {
      // What came was no frame, and then the socket is closing already; or a handler of ours threw.
      const isDefect = socket.readyState === socket.OPEN
      if (isDefect) socket.close(1011)
      const fields = { request_id: request.id, err: describeDefect(error) }
      log(isDefect ? 'socket failed' : 'socket unreadable', fields)
    },
    preClose: async () => {
      const { websocketServer } = app
      await Promise.all([...websocketServer.clients].map(goAway))
      websocketServer.close()
    },
  })
}

function goAway(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve())
    socket.close(1001)
  })
}
