import { Problem, request } from './api.js'
import { readEvents } from './event-stream.js'
import { persist } from './persist.js'

/** How often an answer that broke off is asked for again before the guest is told. */
const breaksMax = 4

/**
 * Follows one turn to its end, over lost connections and restarts of the server, without a gap or a repeat.
 * `question` is a message with its key (`text`, `key`), sent again under the same key whenever it has to be, or the
 * `turnId` of a turn that someone else asked for. A `session` event with `restart` means: what you have of this
 * turn is void, it comes whole.
 */
export function followTurn(question, { onEvent, tell, signal }) {
  let lastId
  let breaks = 0

  async function follow() {
    const response = await connect(question, { lastId, signal })
    if (response.status === 204) return
    for await (const { id, data } of eventsOf(response)) {
      const event = JSON.parse(data)
      if (event.type === 'error') {
        lastId = undefined
        throw problemOf(event, ++breaks)
      }
      if (event.type === 'session') event.restart ||= lastId === undefined
      lastId = id
      onEvent(event)
      if (event.type === 'complete') return
    }
    throw new Problem()
  }

  return persist(follow, { tell, signal })
}

function connect({ text, key, turnId }, { lastId, signal }) {
  const headers = { ...(lastId && { 'last-event-id': lastId }) }
  if (key === undefined) {
    return request(`/chat/stream?turn_id=${encodeURIComponent(turnId)}`, { headers, signal })
  }
  headers['idempotency-key'] = key
  return request('/chat/stream', { method: 'POST', headers, body: { user_input: text }, signal })
}

/** A body that breaks is a lost connection. */
async function* eventsOf(response) {
  try {
    yield* readEvents(response.body)
  } catch (error) {
    throw error.name === 'AbortError' ? error : new Problem()
  }
}

function problemOf({ code, message, retryable }, breaks) {
  const canGoOn = retryable && breaks <= breaksMax
  const problem = new Problem({
    status: 503,
    code,
    detail: message,
    retryAfterSeconds: canGoOn ? 1 : undefined,
  })
  return Object.assign(problem, { retryable })
}
