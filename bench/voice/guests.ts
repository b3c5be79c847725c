import { setTimeout } from 'node:timers/promises'
import { endSessions, openSessions } from '../load/sessions.ts'
import { GuestConnection, type SpokenTurn } from './spoken-turn.ts'

/** Of what the guests talk. The answers have one to three sentences, and 2 to 11 seconds of sound. */
const smallTalk = [
  'Hello Maya, who are you?',
  'Tell me about the martini',
  'Tell me a joke',
  'What do you recommend?',
] as const

export interface Visit {
  readonly guests: number
  /** The time over which they begin, one after another; they all begin at once with 0. */
  readonly overMs: number
  readonly isSpoken: boolean
  /** How many turns each of them has, or until when each begins another one (`performance.now()`). */
  readonly until: { readonly turns: number } | { readonly atMs: number }
}

/** Each guest has a session and a connection, which are made before and ended after what is measured. */
export async function visit(url: string, options: Visit): Promise<readonly SpokenTurn[]> {
  const { guests, overMs } = options
  const ids = await openSessions({ url, count: guests })
  const connections = await Promise.all(ids.map(() => GuestConnection.open(url)))
  const turns = await Promise.all(
    connections.map(async (connection, place) => {
      await setTimeout((overMs * place) / guests)
      return await talk(connection, { ...options, place, sessionId: ids[place] ?? '' })
    }),
  )
  for (const connection of connections) connection.close()
  await endSessions({ url, ids })
  return turns.flat()
}

/** Guests begin with different things to say. */
async function talk(
  connection: GuestConnection,
  { isSpoken, until, place, sessionId }: Visit & { readonly place: number; readonly sessionId: string },
): Promise<readonly SpokenTurn[]> {
  const turns: SpokenTurn[] = []
  const isOver = (): boolean =>
    'turns' in until ? turns.length >= until.turns : performance.now() >= until.atMs
  while (!isOver()) {
    const message = smallTalk[(place + turns.length) % smallTalk.length] ?? ''
    turns.push(await connection.ask({ sessionId, message, isSpoken }))
  }
  return turns
}

export function countWrong(turns: readonly SpokenTurn[]): number {
  return turns.filter(({ isRight }) => !isRight).length
}
