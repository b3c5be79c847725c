// The least that does the same work: node:http, undici, a parser of some lines, and the loop around one tool.
import { createServer, type ServerResponse } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { Pool } from 'undici'
import { barTool, instructions, model, modelCallsMax, readOptions, runBarTool } from './bar-tool.ts'
import { beginEvents, readUserInput, writeEvent } from './model-stream.ts'

interface Part {
  readonly text?: string
  readonly functionCall?: { readonly id: string; readonly name: string; readonly args: unknown }
}

/** What the bench's own upstream sends; it is not checked. */
interface Chunk {
  readonly candidates?: readonly { readonly content?: { readonly parts?: readonly Part[] } }[]
}

// A profile is written only by a process that ends by itself.
process.once('SIGTERM', () => process.exit())
const { port, baseUrl } = readOptions()
const path = `/v1beta/models/${model}:streamGenerateContent?alt=sse`
const upstream = new Pool(baseUrl)

createServer((incoming, response) => {
  readUserInput(incoming)
    .then((userInput) => runTurn(userInput, response))
    .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
}).listen(port, '127.0.0.1')

async function runTurn(userInput: string, response: ServerResponse): Promise<void> {
  beginEvents(response)
  const contents: object[] = [{ role: 'user', parts: [{ text: userInput }] }]
  for (let call = 0; call < modelCallsMax; call++) {
    const parts = await readReply(contents, response)
    const results = parts.flatMap(({ functionCall }) => {
      if (functionCall === undefined) return []
      const { id, name, args } = functionCall
      return [{ functionResponse: { id, name, response: { output: runBarTool(args) } } }]
    })
    if (results.length === 0) break
    contents.push({ role: 'model', parts }, { role: 'user', parts: results })
  }
  writeEvent(response, { type: 'complete' })
  response.end()
}

/** With `dispatch`, undici's lowest level: its streams cost more than all that is done with the bytes. */
function readReply(contents: readonly object[], response: ServerResponse): Promise<readonly Part[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Part[]>()
  const parts: Part[] = []
  const decoder = new StringDecoder('utf8')
  let rest = ''
  upstream.dispatch(
    {
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', 'x-goog-api-key': 'bench' },
      body: JSON.stringify({
        contents,
        systemInstruction: { parts: [{ text: instructions }] },
        tools: [{ functionDeclarations: [barTool] }],
      }),
    },
    {
      onRequestStart() {},
      onResponseStart(controller, status) {
        if (status !== 200) controller.abort(new Error(`The model answered ${status}.`))
      },
      onResponseData(_controller, bytes) {
        const lines = (rest + decoder.write(bytes)).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          if (!line.startsWith('data:')) continue
          const chunk: Chunk = JSON.parse(line.slice('data:'.length))
          for (const part of chunk.candidates?.[0]?.content?.parts ?? []) {
            parts.push(part)
            if (part.text) writeEvent(response, { type: 'text_chunk', content: part.text })
          }
        }
      },
      onResponseEnd: () => resolve(parts),
      onResponseError: (_controller, error) => reject(error),
    },
  )
  return promise
}
