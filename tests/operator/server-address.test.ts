import { expect, it } from 'vitest'
import { parseServerAddress } from '../../src/operator/server-address.ts'

it.each([
  ['http://localhost:8000', 'http://localhost:8000'],
  ['http://localhost:8000/', 'http://localhost:8000'],
  ['https://bar.example/maya//?token=secret#top', 'https://bar.example/maya'],
  ['HTTPS://Bar.Example:443', 'https://bar.example'],
])('%s is asked at %s', (text, url) => {
  expect(parseServerAddress(text)?.url).toBe(url)
})

it.each(['', 'localhost:8000', 'bar.example', 'ftp://bar.example', 'http://', 'http://bar example', '-x'])(
  '%j is no address of a server',
  (text) => {
    expect(parseServerAddress(text)).toBeUndefined()
  },
)

it('keeps credentials out of what is printed, and sends them as they were meant', () => {
  const address = parseServerAddress('https://ada:p%40ss%zz@bar.example')
  expect(address?.url).toBe('https://bar.example')
  expect(address?.authorization).toBe(`Basic ${Buffer.from('ada:p@ss%zz').toString('base64')}`)
})

it.each([
  ['http://localhost:8000', true],
  ['http://127.0.0.1:8000', true],
  ['http://127.1:8000', true],
  ['http://[::1]:8000', true],
  ['http://bar.localhost', true],
  ['http://10.0.0.1:8000', false],
  ['https://localhost.example', false],
  ['https://127.0.0.1.example', false],
  ['https://notlocalhost', false],
])('%s is this machine: %s', (text, isThisMachine) => {
  expect(parseServerAddress(text)?.isThisMachine).toBe(isThisMachine)
})
