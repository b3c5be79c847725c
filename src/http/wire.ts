import { Type, type Static } from 'typebox'
import type { BarState, Confirmation, OrderLine, Receipt } from '../bar/bar.ts'
import { tabOf } from '../bar/tab.ts'
import { contentOf } from '../conversation/messages.ts'
import type { TurnEvent } from '../conversation/turn-events.ts'
import type { SoundEvent } from '../conversation/turn-sound.ts'
import type { Usage } from '../llm/model.ts'
import type { TurnRecord } from '../log/state.ts'
import type { Present } from '../sessions/cashier.ts'
import type { Mark } from '../voice/text-to-speech.ts'
import { problemOf } from './error-handler.ts'

/** How the domain looks on the wire: snake_case, money in dollars and in cents, moments as ISO 8601. */

const Dollars = Type.Number({ description: 'Dollars, at most two decimals.' })
const Cents = Type.Integer()

export const OrderLineWire = Type.Object({
  item_name: Type.String(),
  quantity: Type.Integer(),
  modifiers: Type.Array(Type.String()),
  price: Dollars,
  price_cents: Cents,
})

export const TabWire = Type.Object({
  tab_amount: Dollars,
  tab_amount_cents: Cents,
  balance: Dollars,
  balance_cents: Cents,
  tip_percentage: Type.Union([Type.Integer(), Type.Null()]),
  tip_amount: Dollars,
  tip_amount_cents: Cents,
  total: Dollars,
  total_cents: Cents,
  status: Type.Union([Type.Literal('open'), Type.Literal('processing'), Type.Literal('paid')]),
  version: Type.Integer({ description: 'Grows with every change of what is to be paid.' }),
})

export const ReceiptWire = Type.Object({
  payment_id: Type.String(),
  reference: Type.String(),
  order: Type.Array(OrderLineWire),
  tab_amount: Dollars,
  tab_amount_cents: Cents,
  tip_amount: Dollars,
  tip_amount_cents: Cents,
  total: Dollars,
  total_cents: Cents,
})

export const UsageWire = Type.Object({ input_tokens: Type.Integer(), output_tokens: Type.Integer() })

export const HistoryEntryWire = Type.Object({
  role: Type.Union([Type.Literal('user'), Type.Literal('assistant')]),
  content: Type.String(),
  turn_id: Type.String(),
  at: Type.String({ format: 'date-time' }),
})

export function orderWire(lines: readonly OrderLine[]): Static<typeof OrderLineWire>[] {
  return lines.map(({ itemName, quantity, modifiers, priceCents }) => ({
    item_name: itemName,
    quantity,
    modifiers: [...modifiers],
    ...money('price', priceCents),
  }))
}

export function tabWire(bar: BarState): Static<typeof TabWire> {
  const { tabCents, balanceCents, tipPercentage, tipCents, totalCents, status, version } = tabOf(bar)
  return {
    ...money('tab_amount', tabCents),
    ...money('balance', balanceCents),
    tip_percentage: tipPercentage,
    ...money('tip_amount', tipCents),
    ...money('total', totalCents),
    status,
    version,
  }
}

function receiptWire(receipt: Receipt): Static<typeof ReceiptWire> {
  const { paymentId, reference, lines, tabCents, tipCents, totalCents } = receipt
  return {
    payment_id: paymentId,
    reference,
    order: orderWire(lines),
    ...money('tab_amount', tabCents),
    ...money('tip_amount', tipCents),
    ...money('total', totalCents),
  }
}

export function usageWire({ inputTokens, outputTokens }: Usage): Static<typeof UsageWire> {
  return { input_tokens: inputTokens, output_tokens: outputTokens }
}

/** What both sides said, oldest first. A turn that is still running shows what is logged of it. */
export function historyWire(turns: readonly TurnRecord[]): Static<typeof HistoryEntryWire>[] {
  return turns.flatMap((turn) => {
    const content = contentOf(turn)
    const asked = {
      role: 'user',
      content: turn.userInput,
      turn_id: turn.turnId,
      at: iso(turn.startedAt),
    } as const
    const at = iso(turn.endedAt ?? turn.startedAt)
    return content === ''
      ? [asked]
      : [asked, { role: 'assistant', content, turn_id: turn.turnId, at } as const]
  })
}

export const present: Present = {
  tab: (bar) => ({ status: 200, body: tabWire(bar) }),
  settled: (receipt, bar) => ({ status: 200, body: { receipt: receiptWire(receipt), tab: tabWire(bar) } }),
  declined: (reason) => ({
    status: 502,
    body: problemOf('PAYMENT_FAILED', `${reason} The tab is as it was.`),
  }),
}

type StatusEvent = TurnEvent & { readonly type: 'status' }

function statusWire(event: StatusEvent): object {
  if (event.status === 'warming-up') return { type: 'status', status: 'warming_up' }
  const { code, message } = event
  return { type: 'status', status: 'voice_failed', code, message }
}

function soundWire(event: SoundEvent): object {
  if (event.type === 'speech-marks') {
    const { index, words, phonemes } = event
    const placed = words.map((word) => ({ ...markWire(word), from: word.from, to: word.to }))
    return { type: 'speech_marks', index, words: placed, phonemes: phonemes.map(markWire) }
  }
  return {
    type: 'audio_chunk',
    index: event.index,
    audio: event.audio.toString('base64'),
    encoding: 'pcm_s16le',
    sample_rate: event.sampleRate,
    start_ms: event.startMs,
  }
}

function markWire({ text, startMs, endMs }: Mark) {
  return { text, start_ms: startMs, end_ms: endMs }
}

/** The JSON of one event of the stream. The first one, `session`, is written for each reader by itself. */
export function eventWire(event: Exclude<TurnEvent, { type: 'session' }>): object {
  switch (event.type) {
    case 'text-chunk':
      return { type: 'text_chunk', content: event.content }
    case 'status':
      return statusWire(event)
    case 'sentence':
      return { type: 'sentence', index: event.index, content: event.content }
    case 'audio-chunk':
    case 'speech-marks':
      return soundWire(event)
    case 'tool-call':
      return { type: 'tool_call', call_id: event.callId, name: event.name, arguments: event.arguments }
    case 'tool-result':
      return { type: 'tool_result', call_id: event.callId, name: event.name, result: event.result }
    case 'state':
      return { type: 'state', tab: tabWire(event.bar), order: orderWire(event.bar.lines) }
    case 'confirmation':
      return { type: 'confirmation', ...confirmationWire(event.confirmation) }
    case 'complete': {
      const { content, usage, finishReason } = event
      return { type: 'complete', content, usage: usageWire(usage), finish_reason: finishReason }
    }
    case 'error': {
      const { code, message, retryable } = event
      return { type: 'error', code, message, retryable }
    }
  }
}

function confirmationWire({ confirmationId, totalCents, expiresAt }: Confirmation): object {
  return { confirmation_id: confirmationId, total_cents: totalCents, expires_at: iso(expiresAt) }
}

export function iso(date: number): string {
  return new Date(date).toISOString()
}

function money<Name extends string>(name: Name, cents: number): Record<Name | `${Name}_cents`, number> {
  const both: Record<string, number> = { [name]: cents / 100, [`${name}_cents`]: cents }
  return both
}
