import type { Message, ToolCall, ToolResult } from '../model.ts'
import type { Drink } from './drinks.ts'
import { piecesOf } from './pieces.ts'
import { readDrinks } from './drinks.ts'
import { Cursor } from './cursor.ts'
import { fieldsOf, listOf, numberIn, textIn, textsIn, type Fields } from './results.ts'
import type { Lexicon } from './vocabulary.ts'
import { wordsOf } from './words.ts'

/** A drink with its number and its ways, as the bar took it down. */
export interface Line {
  readonly item: string
  readonly quantity: number
  readonly modifiers: readonly string[]
}

/** What the conversation so far tells: all that `another one` and `yes please` can refer to. */
export interface Memory {
  /** What should be on the tab, as far as the tools' results tell. */
  readonly lines: readonly Line[]
  /** What the last message that ordered something ordered. */
  readonly lastRound: readonly Line[]
  /** The last thing that changed is the tip. */
  readonly isTipLast: boolean
  /** Nothing was said since then. */
  readonly isFresh: boolean
  /** What Maya asked about at the end of her last reply. */
  readonly offer: Offer | undefined
}

export interface Offer {
  readonly kind: 'pour' | 'how-many' | 'tip'
  readonly drinks: readonly Drink[]
}

export function remember(messages: readonly Message[], lexicon: Lexicon): Memory {
  const bar = new RememberedBar()
  for (const [at, message] of messages.entries()) {
    if (message.role === 'user') {
      bar.startTurn()
      for (const note of message.notes) bar.noteServer(note.name, fieldsOf(note.result))
    } else if (message.role === 'tool') {
      const before = messages[at - 1]
      const calls = before?.role === 'assistant' ? before.toolCalls : []
      for (const result of message.results) bar.noteResult(result, calls)
    }
  }
  return {
    lines: bar.lines,
    lastRound: bar.lastRound,
    isFresh: bar.isFresh,
    isTipLast: bar.isTipLast,
    offer: offerIn(messages, lexicon),
  }
}

class RememberedBar {
  lines: readonly Line[] = []
  lastRound: readonly Line[] = []
  isTipLast = false
  #isNewTurn = false

  get isFresh(): boolean {
    return !this.#isNewTurn
  }

  startTurn(): void {
    this.#isNewTurn = true
  }

  noteServer(name: string, result: Fields): void {
    if (name === 'payment' && textIn(result, 'status') === 'settled') this.lines = []
  }

  noteResult({ callId, result }: ToolResult, calls: readonly ToolCall[]): void {
    const fields = fieldsOf(result)
    const call = fieldsOf(calls.find((candidate) => candidate.callId === callId)?.arguments)
    const item = textIn(fields, 'item_name') ?? textIn(call, 'item_name') ?? ''
    const quantity = numberIn(fields, 'quantity') ?? numberIn(call, 'quantity') ?? 1
    switch (textIn(fields, 'status')) {
      case 'tip_set':
        this.isTipLast = true
        break
      case 'added': {
        this.isTipLast = false
        const modifiers = Array.isArray(fields['modifiers'])
          ? textsIn(fields, 'modifiers')
          : textsIn(call, 'modifiers')
        this.#add({ item, quantity, modifiers })
        break
      }
      case 'removed':
        this.lines = without(this.lines, item, quantity)
        break
      case 'cleared':
      case 'already_empty':
        this.lines = []
        break
      case undefined:
        if (Array.isArray(fields['order'])) this.lines = listOf(fields['order']).map(lineOf)
        break
    }
  }

  #add(line: Line): void {
    this.lines = [...this.lines, line]
    this.lastRound = this.#isNewTurn ? [line] : [...this.lastRound, line]
    this.#isNewTurn = false
  }
}

function lineOf(fields: Fields): Line {
  return {
    item: textIn(fields, 'item_name') ?? '',
    quantity: numberIn(fields, 'quantity') ?? 1,
    modifiers: textsIn(fields, 'modifiers'),
  }
}

/** The lines after so many drinks were taken away, the newest first. */
function without(lines: readonly Line[], item: string, quantity: number): readonly Line[] {
  let left = quantity
  return lines
    .toReversed()
    .flatMap((line) => {
      if (line.item !== item || left <= 0) return [line]
      const taken = Math.min(left, line.quantity)
      left -= taken
      return taken === line.quantity ? [] : [{ ...line, quantity: line.quantity - taken }]
    })
    .toReversed()
}

export function countOf(memory: Memory, item: string): number {
  return memory.lines.filter((line) => line.item === item).reduce((sum, line) => sum + line.quantity, 0)
}

const pourQuestion =
  /(?:shall i (?:pour|get|bring|add|make|order)|would you like|want me to (?:pour|get|bring|add|make)|can i (?:pour|get|bring))(?: you| some| me)*\b([^?]*)\?[^?]*$/i
const howManyQuestion = /how many ([^?]*?)(?: shall i| should i| would you| do you| can i|\?)[^?]*\?[^?]*$/i
const tipQuestion = /10,? (?:%,? )?15 (?:%,? )?(?:or|and) 20/i

/** The question at the end of Maya's last reply, if it offers something. */
function offerIn(messages: readonly Message[], lexicon: Lexicon): Offer | undefined {
  const said = messages.findLast(
    ({ role, ...rest }) => role === 'assistant' && 'text' in rest && rest.text !== '',
  )
  if (said?.role !== 'assistant') return undefined
  const last = said.text.slice(-400)
  const many = howManyQuestion.exec(last)
  const pour = pourQuestion.exec(last)
  if (many !== null) return { kind: 'how-many', drinks: drinksIn(many[1] ?? '', lexicon) }
  if (pour !== null) {
    const drinks = drinksIn(pour[1] ?? '', lexicon)
    if (drinks.length > 0) return { kind: 'pour', drinks }
  }
  return tipQuestion.test(last) ? { kind: 'tip', drinks: [] } : undefined
}

/** What is offered; nothing when it is a choice. */
function drinksIn(text: string, lexicon: Lexicon): readonly Drink[] {
  const cursor = new Cursor(piecesOf(wordsOf(text), lexicon))
  const list = readDrinks(cursor, lexicon)
  return list === undefined || list.isChoice ? [] : list.drinks
}
