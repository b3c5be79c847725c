import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { ModelError, type Model, type ModelEvent, type ModelRequest } from '../../src/llm/model.ts'
import { createOpenAiModel, type OpenAiModelOptions } from '../../src/llm/providers/openai.ts'
import { chunkOf, OpenAiServer, type Play } from '../fakes/openai-server.ts'
import { requestSaying } from './model.contract.ts'

/** A model and the server that it speaks to; both end with the test. */
export async function setup(overrides: Partial<OpenAiModelOptions> = {}) {
  const server = await OpenAiServer.start()
  const model = createOpenAiModel({
    baseUrl: server.baseUrl,
    key: 'secret-key',
    headers: {},
    model: 'test-model',
    temperature: null,
    outputTokensMax: 512,
    clock: systemClock,
    limits: { modelReplyBytesMax: 64 * 1024, modelEventBytesMax: 16 * 1024, modelFinishMs: 1000 },
    ...overrides,
  })
  onTestFinished(async () => {
    await model.close()
    await server.stop()
  })
  return { server, model }
}

/** What is asked where it does not matter. */
export const request = requestSaying('A Martini, please.')

/** All events of one reply. */
export async function hear(
  model: Model,
  asked: ModelRequest = request,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly ModelEvent[]> {
  const events: ModelEvent[] = []
  for await (const event of model.stream(asked, signal)) events.push(event)
  return events
}

/** What is heard when the server answers so. */
export async function heard(play: Play): Promise<readonly ModelEvent[]> {
  const { server, model } = await setup()
  server.plays(play)
  return await hear(model)
}

/** How the model fails when the server answers so. */
export async function failure(play: Play, overrides: Partial<OpenAiModelOptions> = {}): Promise<ModelError> {
  const { server, model } = await setup(overrides)
  server.plays(play)
  return await failureOf(model)
}

export async function failureOf(model: Model): Promise<ModelError> {
  const error: unknown = await hear(model).catch((reason: unknown) => reason)
  if (!(error instanceof ModelError)) throw new Error('It did not fail with a ModelError.', { cause: error })
  return error
}

export function textOf(events: readonly ModelEvent[]): string {
  return events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')
}

export function callsOf(events: readonly ModelEvent[]) {
  return events.flatMap((event) => (event.type === 'tool-call' ? [event.call] : []))
}

export function finishOf(events: readonly ModelEvent[]) {
  const last = events.at(-1)
  if (last?.type !== 'finish') throw new Error('It did not finish.')
  return last
}

/** A chunk with one fragment of a tool call. */
export function fragment(call: object): object {
  return chunkOf({ tool_calls: [call] })
}
