import { expect, it } from 'vitest'
import { logRequests, type EndedRequest } from '../../src/logs/request-lines.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

function setup() {
  const clock = new FakeClock()
  const lines: unknown[] = []
  const observe = logRequests((line, fields) => lines.push([line, fields]), clock)
  const request = { id: 'r', method: 'GET', status: 200, seconds: 0.0126, bytes: 900 }
  return {
    clock,
    lines,
    ask: (route: string, more: Partial<EndedRequest> = {}) => observe({ ...request, route, ...more }),
  }
}

const told = { request_id: 'r', method: 'GET', status: 200, ms: 13, bytes: 900 }

it('writes one line for each request', () => {
  const { ask, lines } = setup()
  ask('/api/v1/menu')
  ask('/api/v1/menu')
  const line = ['request', { ...told, route: '/api/v1/menu' }]
  expect(lines).toEqual([line, line])
})

it('writes one line a minute for each probe that is answered well, with the number of those left out', () => {
  const { ask, lines, clock } = setup()
  for (let second = 0; second < 125; second += 5) {
    ask('/livez')
    if (second === 0) ask('/metrics')
    clock.advance(5000)
  }
  expect(lines).toEqual([
    ['request', { ...told, route: '/livez', left_out: 0 }],
    ['request', { ...told, route: '/metrics', left_out: 0 }],
    ['request', { ...told, route: '/livez', left_out: 11 }],
    ['request', { ...told, route: '/livez', left_out: 11 }],
  ])
})

it('writes every probe that is not answered well', () => {
  const { ask, lines } = setup()
  ask('/readyz')
  for (const status of [503, 503, 401, 499]) ask('/readyz', { status })
  ask('/readyz')
  expect(lines).toHaveLength(5)
})
