import type { FastifyRequest } from 'fastify'
import type { TurnEvents } from '../conversation/turn-events.ts'
import { ServiceError } from '../errors.ts'

/** What a reader has already: the last event's turn and number. */
export interface LastEventId {
  readonly turnId: string
  readonly number: number
}

/** The position that a reader names in the header or, where it can set none, in the query. */
export function lastEventIdOf(request: FastifyRequest, query: string | undefined): LastEventId | undefined {
  const header = request.headers['last-event-id']
  const text = typeof header === 'string' && header !== '' ? header : query
  if (text === undefined || text === '') return undefined
  const [, turnId, number] = /^([\w-]{1,100}):(\d{1,15})$/.exec(text) ?? []
  if (turnId === undefined || number === undefined) {
    throw new ServiceError('BAD_REQUEST', 'Last-Event-ID must be the id of an event: <turn_id>:<number>.')
  }
  return { turnId, number: Number(number) }
}

/** Where this reader goes on in that turn: nowhere known, if it comes from another turn. */
export function positionIn(events: TurnEvents, last: LastEventId | undefined): number | null {
  return last?.turnId === events.turnId ? last.number : null
}

/**
 * Refuses a stream that a page was navigated to, that was embedded or that a browser fetched ahead: only a script
 * of the page (fetch, EventSource) may send a message by GET. Browsers set these headers and pages cannot.
 */
export function assertStreamRequest(request: FastifyRequest): void {
  const { headers } = request
  const isAhead = headerOf(headers['sec-purpose'] ?? headers['purpose']).includes('prefetch')
  const mode = headerOf(headers['sec-fetch-mode'])
  const destination = headerOf(headers['sec-fetch-dest'])
  const isByScript = ['', 'cors', 'same-origin'].includes(mode) && ['', 'empty'].includes(destination)
  if (isAhead || !isByScript) {
    throw new ServiceError(
      'FORBIDDEN',
      'This address is for EventSource and fetch, not for navigation or prefetch.',
    )
  }
}

function headerOf(value: string | string[] | undefined): string {
  return String(value ?? '').toLowerCase()
}
