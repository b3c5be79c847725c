import { messageOf } from './script.ts'
import type { RecordedAnswer } from './bare.ts'

/** Headers that node:http writes by itself. */
const ownHeaders = new Set(['connection', 'date', 'keep-alive', 'transfer-encoding'])

/** Asks Maya once, so that the bare server can write what she wrote, frame by frame. */
export async function recordAnswer(url: string, chunks: number): Promise<RecordedAnswer> {
  const response = await fetch(`${url}/api/v1/chat/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user_input: messageOf({ chunks, pause: 'none' }) }),
  })
  const text = await response.text()
  const frames = text.match(/[^]*?\n\n/g) ?? []
  const first = frames.findIndex(isText)
  const end = frames.findLastIndex(isText) + 1
  if (response.status !== 200 || end - first !== chunks) throw new Error(`Not the answer: ${text}`)
  const headers = [...response.headers].filter(([name]) => !ownHeaders.has(name))
  return {
    headers: Object.fromEntries(headers),
    before: frames.slice(0, first),
    chunks: frames.slice(first, end),
    after: frames.slice(end),
  }
}

function isText(frame: string): boolean {
  return frame.includes('"type":"text_chunk"')
}
