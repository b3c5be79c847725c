import fastify from 'fastify'
import { onTestFinished } from 'vitest'
import { limits as defaultLimits, type Limits } from '../../src/config/limits.ts'
import { createErrorHandler } from '../../src/http/error-handler.ts'
import { listenModes } from '../../src/http/listen-wire.ts'
import { Listening, type ListeningOptions, type Seat } from '../../src/http/listening.ts'
import { isForSocket, openWebSockets } from '../../src/http/web-sockets.ts'
import { FakeClock } from './fake-clock.ts'
import { ListeningGuest } from './listening-guest.ts'
import { ScriptedEars } from './scripted-ears.ts'

/** Sockets that listen, on a free port of this machine, without the rest of a service. */
export async function listeningApp({
  limits = {},
  whenAdmitted = async () => {},
}: {
  readonly limits?: Partial<Limits>
  /** What happens between the place and the socket. */
  readonly whenAdmitted?: () => Promise<void>
} = {}) {
  const clock = new FakeClock()
  const ears = new ScriptedEars()
  /** What is held at this moment. */
  const held = { sessions: 0, ears: 0 }
  /** Sessions that were let go of. */
  const ended = new Set<string>()
  const defects: unknown[] = []
  const { observer, seen } = recordingObserver()
  const listening = new Listening({
    clock,
    limits: { ...defaultLimits, ...limits },
    observer,
    reportDefect: (error) => defects.push(error),
  })
  const sessionOf = (id: string) => ({
    id,
    isDisposed: ended.has(id),
    hold: () => holdOne(held, 'sessions'),
    keys: { lendEars: () => ({ speechToText: ears, release: holdOne(held, 'ears') }) },
  })
  const seats = new WeakMap<object, Seat>()
  const app = fastify({ http: { shouldUpgradeCallback: isForSocket } })
  app.setErrorHandler(createErrorHandler(() => {}))
  await openWebSockets(app, () => {})
  app.get<{ Querystring: { session: string; mode: keyof typeof listenModes } }>(
    '/api/v1/voice/listen',
    {
      websocket: true,
      preHandler: async (request, reply) => {
        const { session, mode } = request.query
        const seat = listening.admit(sessionOf(session), listenModes[mode])
        reply.raw.once('close', seat.leave)
        seats.set(request, seat)
        await whenAdmitted()
      },
    },
    (socket, request) => seats.get(request)?.serve(socket),
  )
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(async () => {
    listening.close()
    await app.close()
  })
  const urlOf = (session: string, mode: keyof typeof listenModes) =>
    `${origin.replace('http', 'ws')}/api/v1/voice/listen?session=${session}&mode=${mode}`
  const port = Number(new URL(origin).port)
  const open = (session = 'a', mode: keyof typeof listenModes = 'hands_free') =>
    ListeningGuest.open(urlOf(session, mode))
  const ask = (session: string) => ListeningGuest.ask(urlOf(session, 'hands_free'))
  return { app, port, clock, ears, listening, held, ended, seen, defects, open, ask }
}

function holdOne<Name extends string>(held: Record<Name, number>, name: Name): () => void {
  held[name]++
  let isHeld = true
  return () => {
    if (isHeld) held[name]--
    isHeld = false
  }
}

function recordingObserver() {
  const seen: unknown[] = []
  let seconds = 0
  const observer: ListeningOptions['observer'] = {
    voiceFailed: (provider, code) => seen.push(['failed', provider, code]),
    listeningBegan: (provider) => seen.push(['began', provider]),
    listeningEnded: (provider, outcome) => seen.push(['ended', provider, outcome]),
    soundHeard: (_provider, heard) => {
      seconds += heard
    },
  }
  return { observer, seen: { all: seen, seconds: () => seconds } }
}
