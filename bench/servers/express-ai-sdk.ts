// Express with the AI SDK, as its documentation says: "Getting Started: Angular" (the Express server: `express.json`,
// `streamText`, `toUIMessageStream`, `pipeUIMessageStreamToResponse`), "Chatbot Tool Usage" (`tool` with `execute`,
// `stopWhen`), and of the provider "Google: Provider Instance" (`baseURL`).
import { createGoogle } from '@ai-sdk/google'
import {
  isStepCount,
  jsonSchema,
  pipeUIMessageStreamToResponse,
  streamText,
  tool,
  toUIMessageStream,
} from 'ai'
import express from 'express'
import {
  barTool,
  instructions,
  model,
  modelCallsMax,
  readOptions,
  runBarTool,
  userInputOf,
} from './bar-tool.ts'

// A profile is written only by a process that ends by itself.
process.once('SIGTERM', () => process.exit())
const { port, baseUrl } = readOptions()
const google = createGoogle({ apiKey: 'bench', baseURL: `${baseUrl}/v1beta` })
const tools = {
  [barTool.name]: tool({
    description: barTool.description,
    inputSchema: jsonSchema({
      type: 'object',
      properties: { item_name: { type: 'string' }, quantity: { type: 'integer' } },
      required: ['item_name', 'quantity'],
    }),
    execute: (given: unknown) => Promise.resolve(runBarTool(given)),
  }),
}

const app = express()
app.use(express.json())
app.post('/api/v1/chat/stream', (request, response) => {
  const result = streamText({
    model: google(model),
    instructions,
    prompt: userInputOf(request.body),
    tools,
    stopWhen: isStepCount(modelCallsMax),
  })
  return pipeUIMessageStreamToResponse({ response, stream: toUIMessageStream({ stream: result.stream }) })
})
app.listen(port, '127.0.0.1')
