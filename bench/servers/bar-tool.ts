/** The agent of the servers that Maya is compared with: one sentence, one tool, the same for all of them. */
export const instructions = 'You are Maya, a bartender. Be brief.'
export const model = 'gemini-3.5-flash-lite'
export const modelCallsMax = 8

export const barTool = {
  name: 'add_to_order',
  description: 'Put drinks of one kind on the tab. Only when the guest orders them now.',
  parametersJsonSchema: {
    type: 'object',
    properties: { item_name: { type: 'string' }, quantity: { type: 'integer' } },
    required: ['item_name', 'quantity'],
  },
} as const

/** Does nothing that costs anything. */
export function runBarTool(given: unknown): object {
  return { ok: true, added: given }
}

export interface ServerOptions {
  readonly port: number
  /** Where the model is, without the version. */
  readonly baseUrl: string
}

/** How the bench tells each of these servers where to listen and whom to ask. */
export function readOptions(): ServerOptions {
  const { PORT, GEMINI_BASE_URL = '' } = process.env
  return { port: Number(PORT), baseUrl: GEMINI_BASE_URL }
}

/** The guest's words in the body of a request. */
export function userInputOf(body: unknown): string {
  const isAsked = typeof body === 'object' && body !== null && 'user_input' in body
  return isAsked ? String(body.user_input) : ''
}
