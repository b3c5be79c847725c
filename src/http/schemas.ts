import { Type } from 'typebox'
import { keyLengthMax } from './request-key.ts'

/** Shapes that several routes share. */

/** The pattern of a text that says something. */
export const notBlank = '\\S'

/** What a guest says. */
export function messageSchema(charactersMax: number) {
  return Type.String({ minLength: 1, maxLength: charactersMax, pattern: notBlank })
}

export const DateTime = Type.String({ format: 'date-time' })

const ProblemWire = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
})

const problem = {
  description: 'What went wrong and what is allowed.',
  content: { 'application/problem+json': { schema: ProblemWire } },
}

/** The answers that every route can give beside its own. */
export const problems = { '4xx': problem, '5xx': problem } as const

/** What makes a session needs an API key where the server has any. */
export const apiKeyWhereNeeded = [{ apiKey: [] }, {}]

/** For clients that can set no header: the session in the query. */
export const SessionQuery = Type.Object({
  session_id: Type.Optional(Type.String({ description: 'The session, where no header can be set.' })),
})

/** A request that changes something: it may carry a key under which it is done once. */
export const mutating = {
  headers: Type.Object({
    'idempotency-key': Type.Optional(
      Type.String({ description: 'The same key and body return the first answer.', maxLength: keyLengthMax }),
    ),
    'x-session-id': Type.Optional(Type.String({ description: 'The session.' })),
  }),
  querystring: SessionQuery,
} as const
