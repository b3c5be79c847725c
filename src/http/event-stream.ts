import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { every, type Clock } from '../clock.ts'
import type { ReadEvent, TurnEvents, TurnReader } from '../conversation/turn-events.ts'
import { isSound } from '../conversation/turn-sound.ts'
import { ServiceError } from '../errors.ts'
import { eventWire } from './wire.ts'

export interface StreamObserver {
  readerJoined(): void
  readerLeft(): void
  streamResumed(): void
  slowReaderCut(): void
}

export interface EventStreamsOptions {
  readonly clock: Clock
  readonly heartbeatMs: number
  readonly observer: StreamObserver
}

export interface StreamRequest {
  readonly events: TurnEvents
  /** The number of the last event that the reader has; null for a reader that has none. */
  readonly after: number | null
  /** Whether it wants to hear what is spoken. */
  readonly isListening: boolean
  readonly sessionToken: string
  /** Called once when the reader has gone, for whatever reason. */
  readonly onClose: () => void
}

/** How soon a browser comes back to a stream that broke. */
const retryMs = 1000

/** Events of one moment leave together: a write costs more than most of what is in it. */
const writeCharactersMax = 16 * 1024

/** A reader that has read nothing for so many heartbeats is cut off, even if nothing new happens. */
const beatsBlockedMax = 2

/** Writes turns as server-sent events (WHATWG HTML, section 9.2) on the raw responses, and keeps those awake. */
export class EventStreams {
  readonly #options: EventStreamsOptions
  readonly #open = new Set<EventStream>()
  readonly #stopHeartbeat: () => void

  constructor(options: EventStreamsOptions) {
    this.#options = options
    this.#stopHeartbeat = every(options.clock, options.heartbeatMs, () => {
      for (const stream of this.#open) stream.beat()
    })
  }

  get count(): number {
    return this.#open.size
  }

  /** Takes the reply over and writes the events as they come. Throws before the first byte when there is no place. */
  serve(reply: FastifyReply, request: StreamRequest): void {
    const { observer } = this.#options
    if (reply.raw.destroyed) {
      // It left before its stream began, and its `close` has been.
      reply.hijack()
      request.onClose()
      return
    }
    const stream = new EventStream(request, reply.raw, observer)
    const { isResume } = stream
    reply.hijack()
    this.#open.add(stream)
    observer.readerJoined()
    if (isResume) observer.streamResumed()
    reply.raw.once('close', () => {
      this.#open.delete(stream)
      stream.close()
      observer.readerLeft()
      request.onClose()
    })
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value)
    }
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    stream.begin()
  }

  close(): void {
    this.#stopHeartbeat()
    for (const stream of this.#open) stream.end()
  }
}

/** One reader over one response. It writes only as fast as the reader reads, and holds no events itself. */
class EventStream {
  readonly isResume: boolean
  readonly #request: StreamRequest
  readonly #response: ServerResponse
  readonly #observer: StreamObserver
  readonly #reader: TurnReader
  #isBlocked = false
  #isDue = false
  #greeting = ''
  #beatsBlocked = 0

  constructor(request: StreamRequest, response: ServerResponse, observer: StreamObserver) {
    const { events, after, isListening } = request
    const reader = events.attach(after, () => this.#onEvent(), { isListening })
    if (reader === undefined) {
      throw new ServiceError('OVERLOADED', 'Too many readers follow this answer already.', {
        retryAfterSeconds: 5,
      })
    }
    this.#request = request
    this.#response = response
    this.#observer = observer
    this.#reader = reader
    this.isResume = request.after !== null
  }

  begin(): void {
    const { after } = this.#request
    this.#response.on('drain', () => {
      this.#isBlocked = false
      this.#beatsBlocked = 0
      this.#pump()
    })
    this.#greeting = `retry: ${retryMs}\n\n`
    // A reader that goes on is told so under the number that it has; for the others this is the first event.
    if (after !== null && !this.#reader.isRestart) this.#greeting += this.#sessionFrame(after)
    this.#pumpSoon()
  }

  beat(): void {
    // After the last event there is nothing to keep awake, only to wait for what the reader has not read.
    if (!this.#isBlocked && !this.#response.writableEnded) this.#response.write(': \n\n')
    else if (++this.#beatsBlocked > beatsBlockedMax) this.#cut()
  }

  /** All that is left goes at once, also to one that reads slowly: later nobody writes any more. */
  end(): void {
    if (this.#response.destroyed || this.#response.writableEnded) return
    for (let frames = this.#nextFrames(); frames !== ''; frames = this.#nextFrames())
      this.#response.write(frames)
    this.#response.end()
  }

  close(): void {
    this.#reader.close()
  }

  #onEvent(): void {
    if (this.#reader.isTooSlow) {
      if (!this.#isBlocked) this.#pump()
      if (this.#reader.isTooSlow) this.#cut()
    } else if (!this.#isBlocked) this.#pumpSoon()
  }

  /** With everything else that happens in this moment. */
  #pumpSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      this.#pump()
    })
  }

  #cut(): void {
    if (this.#response.destroyed) return
    this.#observer.slowReaderCut()
    this.#response.destroy()
  }

  #pump(): void {
    if (this.#response.destroyed || this.#response.writableEnded) return
    while (!this.#isBlocked) {
      const frames = this.#nextFrames()
      if (frames === '') break
      this.#isBlocked = !this.#response.write(frames)
    }
    if (this.#reader.isAtEnd) this.#response.end()
  }

  /** All that there is, up to what is worth one write; nothing when there is nothing new. */
  #nextFrames(): string {
    let frames = this.#greeting
    this.#greeting = ''
    while (frames.length < writeCharactersMax) {
      const record = this.#reader.next()
      if (record === undefined) break
      frames += this.#frameOf(record)
    }
    return frames
  }

  #frameOf(record: ReadEvent): string {
    const { event, number } = record
    if (event.type === 'session') return this.#sessionFrame(number)
    if (record.frame !== undefined) return record.frame
    const made = frame(this.#request.events.turnId, number, eventWire(event))
    if (!isSound(event)) record.frame = made
    return made
  }

  #sessionFrame(number: number): string {
    const { turnId } = this.#request.events
    return frame(turnId, number, {
      type: 'session',
      session_id: this.#request.sessionToken,
      turn_id: turnId,
      ...(this.#reader.isRestart && { restart: true }),
    })
  }
}

function frame(turnId: string, number: number, data: object): string {
  return `id: ${turnId}:${number}\ndata: ${JSON.stringify(data)}\n\n`
}
