import type { FastifyReply } from 'fastify'
import type { Answer } from '../sessions/cashier.ts'

/** Sends what was answered, now or to the same request before. */
export function answered(reply: FastifyReply, { status, body }: Answer): FastifyReply {
  void reply.code(status)
  return status < 400 ? reply.send(body) : reply.type('application/problem+json').send(JSON.stringify(body))
}
