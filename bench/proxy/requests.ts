import { randomUUID } from 'node:crypto'
import { messageOf, type Script } from '../servers/script.ts'

export const jsonPath = '/api/v1/menu'
export const turnPath = '/api/v1/chat/stream'

const sizeOfJson = 1024
const menu = Array.from({ length: 20 }, (_, place) => ({ name: `Drink ${place}`, price_cents: 950 }))
/** What is answered at `jsonPath`: 1 KB. */
export const jsonBody = JSON.stringify(menu).padEnd(sizeOfJson, ' ')

/** What browsers send with every request. */
const common = [
  'Host: 127.0.0.1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Accept: */*',
  'Accept-Language: en-US,en;q=0.9',
  'Sec-Fetch-Site: same-origin',
  'Sec-Fetch-Mode: cors',
  'Sec-Fetch-Dest: empty',
  'Cookie: maya_session=6S-png7wzGQSckpOBrXGjA.34lLZWET5ra0dcQ1zeoTqGUPhJ1y-ecBQNnoC8V2eQI',
]

export const jsonRequest = [`GET ${jsonPath} HTTP/1.1`, ...common, '', ''].join('\r\n')

/** A turn with a key of its own, as the page sends it: by that, proxies know that it can be sent again. */
export function turnRequest(script: Script): string {
  const body = JSON.stringify({ user_input: messageOf(script) })
  const lines = [
    `POST ${turnPath} HTTP/1.1`,
    ...common,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    `Idempotency-Key: ${randomUUID()}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
