// The official SDK on node:http, with a loop of its own around the tool, as its README says ("Streaming", "Function Calling").
import { createServer, type ServerResponse } from 'node:http'
import { GoogleGenAI, type Content, type Part } from '@google/genai'
import { barTool, instructions, model, modelCallsMax, readOptions, runBarTool } from './bar-tool.ts'
import { beginEvents, readUserInput, writeEvent } from './model-stream.ts'

// A profile is written only by a process that ends by itself.
process.once('SIGTERM', () => process.exit())
const { port, baseUrl } = readOptions()
const client = new GoogleGenAI({ apiKey: 'bench', apiVersion: 'v1beta', httpOptions: { baseUrl } })
const config = { systemInstruction: instructions, tools: [{ functionDeclarations: [barTool] }] }

createServer((incoming, response) => {
  readUserInput(incoming)
    .then((userInput) => runTurn(userInput, response))
    .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
}).listen(port, '127.0.0.1')

async function runTurn(userInput: string, response: ServerResponse): Promise<void> {
  beginEvents(response)
  const contents: Content[] = [{ role: 'user', parts: [{ text: userInput }] }]
  for (let call = 0; call < modelCallsMax; call++) {
    const parts = await readReply(contents, response)
    const results = parts.flatMap(({ functionCall }): Part[] => {
      if (functionCall === undefined) return []
      const { id = '', name = '', args } = functionCall
      return [{ functionResponse: { id, name, response: { output: runBarTool(args) } } }]
    })
    if (results.length === 0) break
    contents.push({ role: 'model', parts: [...parts] }, { role: 'user', parts: results })
  }
  writeEvent(response, { type: 'complete' })
  response.end()
}

async function readReply(contents: Content[], response: ServerResponse): Promise<readonly Part[]> {
  const parts: Part[] = []
  for await (const chunk of await client.models.generateContentStream({ model, contents, config })) {
    for (const part of chunk.candidates?.[0]?.content?.parts ?? []) {
      parts.push(part)
      if (part.text) writeEvent(response, { type: 'text_chunk', content: part.text })
    }
  }
  return parts
}
