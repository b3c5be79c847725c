import type { ToolCall } from '../model.ts'
import { fieldsOf, isFields, parseJson, textOf, type Fields } from '../fields.ts'

interface Draft {
  id: string
  name: string
  arguments: string
}

/** Joins tool calls that come in fragments, or whole, or with only half of what tells them apart. */
export class CallFragments {
  /** In the order in which the model began them. */
  readonly #drafts: Draft[] = []
  readonly #latestByIndex = new Map<unknown, Draft>()

  get isEmpty(): boolean {
    return this.#drafts.length === 0
  }

  /** Takes one element of `tool_calls`. Gives back the text that it brought, to count it. */
  take(fragment: Fields): string {
    const { index, id } = fragment
    const { name, arguments: args } = fieldsOf(fragment.function)
    const piece: Draft = { id: textOf(id), name: textOf(name), arguments: argumentsText(args) }
    const latest = this.#latestByIndex.get(index)
    if (latest === undefined || isAnother(piece, latest)) {
      this.#drafts.push(piece)
      this.#latestByIndex.set(index, piece)
    } else {
      latest.id ||= piece.id
      latest.name ||= piece.name
      latest.arguments += piece.arguments
    }
    return piece.name + piece.arguments
  }

  /** Whole calls. `isCut`: the model was stopped, so that missing arguments may be lost ones. */
  calls(isCut: boolean): readonly ToolCall[] {
    return this.#drafts.map(({ id, name, arguments: text }, at) => ({
      callId: id === '' ? `call-${at + 1}` : id,
      name,
      arguments: parseArguments(text, isCut),
    }))
  }
}

/**
 * Fragments of one call share an index. Some servers number all calls 0, or none: there, a call begins with a name,
 * and its id is another one, or the call before it is whole already. Some repeat the name, or the id, in each fragment.
 */
function isAnother(piece: Draft, latest: Draft): boolean {
  if (piece.name === '' || latest.name === '') return false
  if (piece.id !== '' && latest.id !== '') return piece.id !== latest.id
  if (!latest.arguments.endsWith('}') || !isFields(parseJson(latest.arguments))) return false
  return piece.arguments !== '' || piece.name !== latest.name
}

/** Some servers send them as JSON and not as a text of JSON. */
function argumentsText(args: unknown): string {
  return isFields(args) ? JSON.stringify(args) : textOf(args)
}

/** A tool without parameters is called with nothing, or `null`. What is no JSON fits no schema: the model is told. */
function parseArguments(text: string, isCut: boolean): unknown {
  if (text.trim() === '') return isCut ? '' : {}
  const parsed = parseJson(text)
  if (parsed === undefined) return text
  return parsed ?? {}
}
