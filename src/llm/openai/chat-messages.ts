import type { ModelRequest, ToolCall, ToolSpec } from '../model.ts'
import { promptOf, type PromptMessage } from '../prompt.ts'
import { isFields } from '../fields.ts'

/** As the chat completions API has it; where the SDK is imported, the compiler compares this with its types. */
export type ChatMessage =
  | { role: 'system' | 'user'; content: string }
  | { role: 'assistant'; content: string | null; tool_calls?: ChatToolCall[] }
  | { role: 'tool'; tool_call_id: string; content: string }

interface ChatToolCall {
  id: string
  type: 'function'
  function: { name: string; arguments: string }
}

interface ChatTool {
  type: 'function'
  function: { name: string; description: string; parameters: Record<string, unknown> }
}

/** The conversation in the words of the chat completions API. */
export function chatMessagesOf(request: ModelRequest): ChatMessage[] {
  const { system, messages } = promptOf(request)
  return [{ role: 'system', content: system }, ...messages.flatMap(chatMessagesOfOne)]
}

export function chatToolsOf(tools: readonly ToolSpec[]): ChatTool[] {
  return tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description, parameters: { ...parameters } },
  }))
}

function chatMessagesOfOne(message: PromptMessage): ChatMessage[] {
  switch (message.role) {
    case 'user':
      return [{ role: 'user', content: message.text }]
    case 'assistant':
      return [assistantMessageOf(message.text, message.toolCalls)]
    case 'tool':
      return message.results.map(({ callId, result }) => ({
        role: 'tool',
        tool_call_id: callId,
        content: JSON.stringify(result) ?? 'null',
      }))
  }
}

/** Servers refuse an empty list of calls. */
function assistantMessageOf(text: string, toolCalls: readonly ToolCall[]): ChatMessage {
  if (toolCalls.length === 0) return { role: 'assistant', content: text }
  return {
    role: 'assistant',
    content: text === '' ? null : text,
    tool_calls: toolCalls.map(({ callId, name, arguments: args }) => ({
      id: callId,
      type: 'function',
      function: { name: nameOf(name), arguments: argumentsText(args) },
    })),
  }
}

/** A name that the model made up can be one that a server refuses, and with it every request from then on. */
function nameOf(name: string): string {
  return /^[\w-]{1,64}$/.test(name) ? name : 'unknown'
}

/** Chat templates read arguments as an object and fail on anything else; the result tells that the call was wrong. */
function argumentsText(args: unknown): string {
  return isFields(args) ? JSON.stringify(args) : '{}'
}
