import type { ToolCall } from '../model.ts'
import { tooLong } from '../provider-failures.ts'
import { fieldsOf, isFields, parseJson, textOf, type Fields } from '../fields.ts'

/** Of one call: far more than any tool takes. */
const argumentsCharactersMax = 64 * 1024
/** Of one reply, to see whether a call is whole: else many small fragments of a long call would take forever. */
const parsedCharactersMax = 1024 * 1024

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
  #charactersParsed = 0

  get isEmpty(): boolean {
    return this.#drafts.length === 0
  }

  /**
   * Takes one element of `tool_calls`. Gives back the text that it brought, to count it.
   * Throws a `ModelError` for a call that is too long.
   */
  take(fragment: Fields): string {
    const { index, id } = fragment
    const { name, arguments: args } = fieldsOf(fragment.function)
    const piece: Draft = { id: textOf(id), name: textOf(name), arguments: argumentsText(args) }
    const latest = this.#latestByIndex.get(index)
    if (latest === undefined || this.#isAnother(piece, latest)) {
      this.#drafts.push(piece)
      this.#latestByIndex.set(index, piece)
    } else {
      latest.id ||= piece.id
      latest.name ||= piece.name
      latest.arguments += piece.arguments
    }
    const { length } = (this.#latestByIndex.get(index) ?? piece).arguments
    if (length > argumentsCharactersMax) throw tooLong()
    return piece.name + piece.arguments
  }

  /**
   * Fragments of one call share an index. Some servers number all calls 0, or none: there, a call begins with a name,
   * and its id is another one, or the call before it is whole already. Some repeat the name, or the id, in each fragment.
   */
  #isAnother(piece: Draft, latest: Draft): boolean {
    if (piece.name === '' || latest.name === '') return false
    if (piece.id !== '' && latest.id !== '') return piece.id !== latest.id
    if (!latest.arguments.endsWith('}') || !this.#isWhole(latest)) return false
    return piece.arguments !== '' || piece.name !== latest.name
  }

  #isWhole({ arguments: text }: Draft): boolean {
    this.#charactersParsed += text.length
    if (this.#charactersParsed > parsedCharactersMax) throw tooLong()
    return isFields(parseJson(text))
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
