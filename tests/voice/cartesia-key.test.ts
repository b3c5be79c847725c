import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import { checkCartesiaKey } from '../../src/voice/providers/cartesia-key.ts'

const key = 'sk_car_Canary'

/** A server in Cartesia's place, and what it was asked. */
async function setup(answer: RequestListener, { path = '' } = {}) {
  const asked: IncomingMessage[] = []
  const arrived = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    asked.push(request)
    arrived.resolve()
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The server has no port.')
  const baseUrl = `http://127.0.0.1:${address.port}${path}`
  const ending = new AbortController()
  const check = () => checkCartesiaKey({ key, baseUrl, signal: ending.signal })
  return { asked, arrived: arrived.promise, baseUrl, ending, check, server }
}

function status(code: number, body = '{}'): RequestListener {
  return (_request, response) => response.writeHead(code).end(body)
}

it('a key that Cartesia takes is valid; it is asked for one voice, with the key in a header', async () => {
  const { check, asked } = await setup(status(200, '{"data":[]}'), { path: '/gateway' })
  expect(await check()).toEqual({ status: 'valid' })
  expect(asked).toHaveLength(1)
  expect(asked[0]).toMatchObject({
    method: 'GET',
    url: '/gateway/voices?limit=1',
    headers: { authorization: `Bearer ${key}`, 'cartesia-version': '2026-08-14' },
  })
})

it.each([401, 403])('a key that is refused with %i is rejected', async (code) => {
  const { check } = await setup(status(code, `no such key: ${key}`))
  expect(await check()).toEqual({ status: 'rejected', reason: expect.stringMatching(/^Cartesia .*\.$/) })
})

it.each([302, 400, 402, 404, 429, 500, 503])(
  'an answer of %i says nothing about the key, and why',
  async (code) => {
    const { check, asked } = await setup((_request, response) => {
      response.writeHead(code, { location: '/elsewhere' }).end(`Canary ${key}`)
    })
    const checked = await check()
    expect(checked).toEqual({ status: 'unverified', reason: expect.stringMatching(/^Cartesia .*\.$/) })
    expect(JSON.stringify(checked)).not.toContain('Canary')
    expect(asked).toHaveLength(1)
  },
)

it('a server that is gone, or hangs up, leaves the key unverified', async () => {
  const { check, server } = await setup((request) => request.socket.destroy())
  const unreached = { status: 'unverified', reason: 'Cartesia could not be reached.' }
  expect(await check()).toEqual(unreached)
  await new Promise((resolve) => server.close(resolve))
  expect(await check()).toEqual(unreached)
})

it('a server that never answers is given up when the time is over', async () => {
  const { check, arrived, ending, asked } = await setup(() => {})
  const checking = check()
  await arrived
  const hungUp = new Promise((resolve) => asked[0]?.socket.once('close', resolve))
  ending.abort()
  expect(await checking).toMatchObject({ status: 'unverified' })
  await hungUp
})

it('a body that never ends is not read', async () => {
  const { check, asked } = await setup((_request, response) => {
    response.writeHead(200).write('{"data":[')
  })
  expect(await check()).toEqual({ status: 'valid' })
  expect(asked).toHaveLength(1)
})
