import { describe, expect, it } from 'vitest'
import { readEvents, type StreamEvent } from '../../web/src/api/event-stream.ts'
import { silenceMsMax } from '../../web/src/api/requests.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'

/** What is read of a body that comes in these pieces. */
async function eventsOf(pieces: readonly Uint8Array<ArrayBuffer>[]): Promise<readonly StreamEvent[]> {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(reader) {
      for (const piece of pieces) reader.enqueue(piece)
      reader.close()
    },
  })
  return Array.fromAsync(readEvents(body, new FakeClock()))
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

const told =
  'retry: 1000\n\nid: a:1\ndata: {"say":"Prost – 你好"}\n\n: \n\nid: a:2\r\ndata: one\r\ndata: two\r\n\r\n'
const events = [
  { id: 'a:1', data: '{"say":"Prost – 你好"}' },
  { id: 'a:2', data: 'one\ntwo' },
]

describe('the events of a stream', () => {
  it('are those with data; heartbeats and other fields are none', async () => {
    expect(await eventsOf([bytes(told)])).toEqual(events)
  })

  it('are the same wherever the network cuts them', async () => {
    const whole = bytes(told)
    const single = Array.from(whole, (byte) => Uint8Array.of(byte))
    expect(await eventsOf(single)).toEqual(events)
    for (let at = 1; at < whole.length; at += 7) {
      expect(await eventsOf([whole.slice(0, at), whole.slice(at)])).toEqual(events)
    }
  })

  it('without an id have none, and one that is not finished is none', async () => {
    expect(await eventsOf([bytes('data: x\n\ndata: y')])).toEqual([{ id: undefined, data: 'x' }])
  })

  it('end after a silence that no living connection has', async () => {
    const clock = new FakeClock()
    let isCancelled = false
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (reader) => reader.enqueue(bytes('data: x\n\n')),
      cancel() {
        isCancelled = true
      },
    })
    const read = Array.fromAsync(readEvents(body, clock))
    await settle()
    await clock.advanceAsync(silenceMsMax - 1)
    expect(isCancelled).toBe(false)
    await clock.advanceAsync(1)
    expect(await read).toEqual([{ id: undefined, data: 'x' }])
    expect(isCancelled).toBe(true)
    expect(clock.pending).toBe(0)
  })
})
