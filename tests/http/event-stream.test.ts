import { EventEmitter } from 'node:events'
import type { FastifyReply } from 'fastify'
import { describe, expect, it } from 'vitest'
import { TurnEvents } from '../../src/conversation/turn-events.ts'
import { EventStreams } from '../../src/http/event-stream.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'

/** A response whose reader takes what it is given only when the test says so. */
class FakeResponse extends EventEmitter {
  readonly written: string[] = []
  destroyed = false
  writableEnded = false
  takes = true

  write(text: string): boolean {
    if (this.writableEnded || this.destroyed) throw new Error('Written after the end.')
    this.written.push(text)
    return this.takes
  }

  end(): void {
    this.writableEnded = true
  }

  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }

  setHeader(): void {}
  writeHead(): void {}
}

function setup({ lagBytesMax = 10_000 } = {}) {
  const clock = new FakeClock()
  const seen: string[] = []
  const streams = new EventStreams({
    clock,
    heartbeatMs: 1000,
    observer: {
      readerJoined: () => seen.push('joined'),
      readerLeft: () => seen.push('left'),
      streamResumed: () => seen.push('resumed'),
      slowReaderCut: () => seen.push('cut'),
    },
  })
  const events = new TurnEvents({
    turnId: 'turn',
    base: 0,
    bufferBytesMax: 100_000,
    lagBytesMax,
    soundBytesMax: 100_000,
    readersMax: 2,
  })
  events.emit({ type: 'session' })
  const response = new FakeResponse()
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all of a reply that a stream uses.
  const reply = { raw: response, hijack() {}, getHeaders: () => ({}) } as unknown as FastifyReply
  streams.serve(reply, {
    events,
    after: null,
    isListening: true,
    sessionToken: 'token',
    onClose: () => seen.push('closed'),
  })
  const say = (content: string) => events.emit({ type: 'text-chunk', content })
  return { clock, streams, events, response, seen, say }
}

describe('a reader', () => {
  it('that is blocked gets nothing more until it has read', async () => {
    const { response, say } = setup()
    response.takes = false
    say('one')
    await settle()
    const count = response.written.length
    say('two')
    await settle()
    expect(response.written).toHaveLength(count)
    response.takes = true
    response.emit('drain')
    expect(response.written.at(-1)).toContain('two')
  })

  it('gets what is said in one moment in one piece', async () => {
    const { response, say } = setup()
    await settle()
    const count = response.written.length
    for (const word of ['one', 'two', 'three']) say(word)
    await settle()
    expect(response.written).toHaveLength(count + 1)
    expect(response.written.at(-1)?.match(/"content":"\w+"/g)).toHaveLength(3)
  })

  it('that lies too far behind is cut off, and lets go of everything', async () => {
    const { response, say, seen, streams, events } = setup({ lagBytesMax: 1000 })
    response.takes = false
    say('one')
    await settle()
    say('x'.repeat(100))
    expect(seen).toEqual(['joined'])
    say('x'.repeat(1000))
    expect(response.destroyed).toBe(true)
    expect(seen).toEqual(['joined', 'cut', 'left', 'closed'])
    expect([streams.count, events.readerCount]).toEqual([0, 0])
  })

  it('that reads nothing for some heartbeats is cut off, even if nothing is said', async () => {
    const { response, say, seen, clock } = setup()
    response.takes = false
    say('one')
    await clock.advanceAsync(2000)
    expect(response.destroyed).toBe(false)
    await clock.advanceAsync(1000)
    expect(seen).toContain('cut')
  })

  it('that does not take the end is not beaten any more, and is cut off too', async () => {
    const { response, events, seen, clock } = setup()
    events.end()
    await settle()
    expect(response.writableEnded).toBe(true)
    await clock.advanceAsync(2000)
    expect(response.destroyed).toBe(false)
    await clock.advanceAsync(1000)
    expect(seen).toEqual(['joined', 'cut', 'left', 'closed'])
  })

  it('that is blocked gets all that is left when the service closes', async () => {
    const { response, streams, events, say } = setup()
    response.takes = false
    say('one')
    await settle()
    say('two')
    events.end()
    streams.close()
    expect(response.written.join('')).toContain('"content":"two"')
    expect(response.writableEnded).toBe(true)
  })

  it('is ended when the service closes, and then nothing beats', async () => {
    const { streams, response, clock } = setup()
    streams.close()
    expect(response.writableEnded).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('hears a heartbeat while nothing is said', async () => {
    const { response, clock } = setup()
    await clock.advanceAsync(3000)
    expect(response.written.slice(-3)).toEqual([': \n\n', ': \n\n', ': \n\n'])
  })
})
