import { expect, it } from 'vitest'
import { createRequests, silenceMsMax } from '../../web/src/api/requests.ts'
import { Problem } from '../../web/src/api/problem.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { settled } from './fake-server.ts'

/** An answer whose head comes, and nothing after it. */
function frozenAnswer(_input: RequestInfo | URL, { signal }: RequestInit = {}): Promise<Response> {
  const body = new ReadableStream({
    start(controller) {
      signal?.addEventListener('abort', () => controller.error(signal.reason))
    },
  })
  return Promise.resolve(new Response(body))
}

function setup() {
  const clock = new FakeClock()
  return { clock, requests: createRequests({ fetch: frozenAnswer, clock, apiKey: () => null }) }
}

it('an answer that stops in the middle is a lost connection', async () => {
  const { clock, requests } = setup()
  const received = requests.receive('/session/export').catch((problem: unknown) => problem)
  await settled()
  clock.advance(silenceMsMax)
  expect(await received).toEqual(new Problem())
})

it('a stream may be silent for longer than the wait for its head', async () => {
  const { clock, requests } = setup()
  const { body } = await requests.request('/chat/stream')
  clock.advance(silenceMsMax)
  const first = await Promise.race([
    body
      ?.getReader()
      .read()
      .catch(() => 'broken'),
    settled(),
  ])
  expect(first).not.toBe('broken')
})
