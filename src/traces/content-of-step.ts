import type { ModelStep, ToolStep, TurnStep } from '../conversation/observer.ts'
import type { Message, ServerNote, ToolCall } from '../llm/model.ts'
import { finishReasonOf, type Attributes } from './span-of-step.ts'

export interface ContentOptions {
  /** Masks the secrets in a whole text. Throws where it cannot. */
  readonly mask: (text: string) => string
  /** Of one attribute. */
  readonly charactersMax: number
}

/**
 * What was said and done in a step, as the conventions have it: JSON in texts. Where an attribute would be too long, the
 * oldest of its messages are left out; what cannot be shortened so is not told at all, and neither is what no mask could
 * be laid over.
 */
export function contentOfStep(step: TurnStep, options: ContentOptions): Attributes {
  switch (step.kind) {
    case 'model':
      return contentOfModel(step, options)
    case 'tool':
      return contentOfTool(step, options)
    case 'store':
    case 'speech':
      return {}
  }
}

function contentOfModel(step: ModelStep, options: ContentOptions): Attributes {
  const { request, text, toolCalls } = step.content()
  const { summary, state, messages, instructions } = request
  const said = {
    role: 'assistant',
    parts: partsOfReply(text, toolCalls),
    finish_reason: finishReasonOf(step),
  }
  const before = [
    ...(summary === null ? [] : [{ role: 'system', parts: [textPart(summary)] }]),
    ...messages.map(wireOf),
    ...(state === null ? [] : [{ role: 'system', parts: [textPart(JSON.stringify(state))] }]),
  ]
  return {
    ...named('gen_ai.system_instructions', listOf([textPart(instructions)], options)),
    ...named('gen_ai.input.messages', listOf(before, options)),
    ...named('gen_ai.output.messages', listOf([said], options)),
  }
}

function contentOfTool({ callId, content }: ToolStep, options: ContentOptions): Attributes {
  const { arguments: args, result } = content()
  return {
    // It was masked with the reply, and is short.
    'gen_ai.tool.call.id': callId,
    ...named('gen_ai.tool.call.arguments', textOf(args, options)),
    ...named('gen_ai.tool.call.result', textOf(result, options)),
  }
}

function wireOf(message: Message): object {
  switch (message.role) {
    case 'user':
      return { role: 'user', parts: [textPart(message.text), ...message.notes.map(notePart)] }
    case 'assistant':
      return { role: 'assistant', parts: partsOfReply(message.text, message.toolCalls) }
    case 'tool':
      return {
        role: 'tool',
        parts: message.results.map(({ callId, result }) => ({
          type: 'tool_call_response',
          id: callId,
          response: result,
        })),
      }
  }
}

function partsOfReply(text: string, toolCalls: readonly ToolCall[]): readonly object[] {
  const calls = toolCalls.map(({ callId, name, arguments: args }) => ({
    type: 'tool_call',
    id: callId,
    name,
    arguments: args,
  }))
  return [...(text === '' ? [] : [textPart(text)]), ...calls]
}

function textPart(content: string): object {
  return { type: 'text', content }
}

/** No part that the conventions know; they allow others. */
function notePart({ name, result }: ServerNote): object {
  return { type: 'server_note', name, content: result }
}

function named(name: string, value: string | undefined): Attributes {
  return value === undefined ? {} : { [name]: value }
}

/** As many of the newest as fit. */
function listOf(items: readonly object[], { mask, charactersMax }: ContentOptions): string | undefined {
  const texts: string[] = []
  let characters = 2
  for (const item of items.toReversed()) {
    const text = masked(item, mask)
    characters += (text?.length ?? Infinity) + 1
    if (text === undefined || characters > charactersMax) break
    texts.unshift(text)
  }
  return texts.length === 0 ? undefined : `[${texts.join(',')}]`
}

function textOf(value: unknown, { mask, charactersMax }: ContentOptions): string | undefined {
  const text = masked(value, mask)
  return text === undefined || text.length > charactersMax ? undefined : text
}

/** Each text within is masked by itself, so that what comes out is JSON again. */
function masked(value: unknown, mask: (text: string) => string): string | undefined {
  try {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? mask(part) : part))
  } catch {
    return undefined
  }
}
