import { menu } from '../../../src/bar/menu.ts'
import type { HouseVocabulary } from '../../../src/llm/providers/house.ts'
import type { Message, Model, ModelEvent, ToolCall, ToolSpec } from '../../../src/llm/model.ts'

export const vocabulary: HouseVocabulary = {
  items: menu.categories.flatMap(({ name: category, items }) => items.map((item) => ({ ...item, category }))),
  modifiers: menu.modifiers,
}

const toolNames = [
  'get_menu',
  'get_recommendation',
  'add_to_order',
  'remove_from_order',
  'clear_order',
  'get_order',
  'get_bill',
  'get_balance',
  'set_tip',
  'get_tip',
  'pay_bill',
]
export const tools: readonly ToolSpec[] = toolNames.map((name) => ({
  name,
  description: name,
  parameters: {},
}))
export const mutatingTools: ReadonlySet<string> = new Set([
  'add_to_order',
  'remove_from_order',
  'clear_order',
  'set_tip',
  'pay_bill',
])

/** As much of a bar as a conversation needs: it never refuses an order. */
class FakeBar {
  readonly counts = new Map<string, number>()
  tip: { readonly percentage: number | null; readonly cents: number } | undefined

  get tabCents(): number {
    return [...this.counts].reduce((sum, [item, count]) => sum + count * priceOf(item), 0)
  }

  get tipCents(): number {
    if (this.tip === undefined || this.tabCents === 0) return 0
    const { percentage, cents } = this.tip
    return percentage === null ? cents : Math.round((this.tabCents * percentage) / 100)
  }

  run({ name, arguments: given }: ToolCall): unknown {
    const args = Object.fromEntries(Object.entries(given ?? {}))
    const item = String(args['item_name'])
    const present = this.counts.get(item) ?? 0
    switch (name) {
      case 'add_to_order': {
        const quantity = Number(args['quantity'])
        this.counts.set(item, present + quantity)
        return {
          status: 'added',
          item_name: item,
          quantity,
          modifiers: args['modifiers'] ?? [],
          price_cents: priceOf(item),
          ...this.#sums(),
        }
      }
      case 'remove_from_order': {
        if (present === 0) return { status: 'not_in_order', item_name: item }
        const quantity = Math.min(present, Number(args['quantity'] ?? present))
        this.counts.set(item, present - quantity)
        return { status: 'removed', item_name: item, quantity, ...this.#sums() }
      }
      case 'clear_order':
        this.counts.clear()
        return { status: 'cleared', ...this.#sums() }
      case 'get_recommendation':
        return {
          preference: args['preference'],
          items: [
            { item_name: 'Negroni', price_cents: 1100, reason: 'bitter' },
            { item_name: 'Daiquiri', price_cents: 1000, reason: 'sour' },
          ],
        }
      case 'set_tip':
        return this.#setTip(args['tip_percentage'], args['tip_cents'])
      case 'pay_bill':
        return {
          status: 'confirmation_required',
          confirmation_id: 'c',
          total_cents: this.tabCents + this.tipCents,
          tip_cents: this.tipCents,
        }
      default:
        return { order: [], categories: [], tip_percentage: null, tip_cents: 0, ...this.#sums() }
    }
  }

  #setTip(percentage: unknown, cents: unknown): unknown {
    const total = (): number => this.tabCents + this.tipCents
    if (typeof percentage !== 'number' && typeof cents !== 'number') {
      this.tip = undefined
      return { status: 'tip_removed', total_cents: total() }
    }
    this.tip = {
      percentage: typeof percentage === 'number' ? percentage : null,
      cents: typeof cents === 'number' ? cents : 0,
    }
    return {
      status: 'tip_set',
      tip_percentage: this.tip.percentage,
      tip_cents: this.tipCents,
      total_cents: total(),
    }
  }

  #sums(): { readonly tab_cents: number; readonly balance_cents: number } {
    return { tab_cents: this.tabCents, balance_cents: 100_000 - this.tabCents }
  }
}

function priceOf(name: string): number {
  return vocabulary.items.find((item) => item.name === name)?.priceCents ?? 0
}

export interface Turn {
  readonly calls: readonly Omit<ToolCall, 'callId'>[]
  readonly text: string
}

/** A guest and the model, turn by turn, with the tools of a bar between them. */
export class Conversation {
  readonly messages: Message[] = []
  readonly bar = new FakeBar()
  readonly #model: Model

  constructor(model: Model) {
    this.#model = model
  }

  async say(text: string): Promise<Turn> {
    this.messages.push({ role: 'user', text, notes: [] })
    const calls: ToolCall[] = []
    let said = ''
    for (let round = 0; round < 8; round++) {
      const reply = await readReply(this.#model, this.messages)
      said += reply.text
      this.messages.push({ role: 'assistant', text: reply.text, toolCalls: reply.toolCalls })
      if (reply.toolCalls.length === 0) break
      calls.push(...reply.toolCalls)
      const results = reply.toolCalls.map((call) => ({
        callId: call.callId,
        name: call.name,
        result: this.bar.run(call),
      }))
      this.messages.push({ role: 'tool', results })
    }
    return { calls: calls.map(({ name, arguments: given }) => ({ name, arguments: given })), text: said }
  }
}

export interface Reply {
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  readonly events: readonly ModelEvent[]
}

export async function readReply(model: Model, messages: readonly Message[], seed = 'seed'): Promise<Reply> {
  const events: ModelEvent[] = []
  const request = { instructions: '', summary: null, state: null, messages, tools, seed }
  for await (const event of model.stream(request, new AbortController().signal)) events.push(event)
  return {
    text: events.map((event) => (event.type === 'text-delta' ? event.text : '')).join(''),
    toolCalls: events.flatMap((event) => (event.type === 'tool-call' ? [event.call] : [])),
    events,
  }
}
