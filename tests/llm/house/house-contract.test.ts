import type { Clock } from '../../../src/clock.ts'
import { createHouseModel } from '../../../src/llm/providers/house.ts'
import { describeModel, requestSaying, type ModelUnderTest, type Played } from '../model.contract.ts'
import { tools, vocabulary } from './fake-bar.ts'

// The house cannot be told what to say and has no network. It is asked for what it is known to say, and hangs when
// its clock does.
describeModel('house', { capabilities: [], setup: async () => setupHouse() })

function setupHouse(): ModelUnderTest {
  let asked = 0
  let isHanging = false
  const clock: Clock = {
    now: () => 0,
    date: () => 0,
    after(_delayMs, callback) {
      const timer = isHanging ? undefined : setImmediate(callback)
      return () => clearImmediate(timer)
    },
  }
  return {
    model: createHouseModel({ clock, paceMs: 1, vocabulary }),
    upstream: {
      plays(reply) {
        isHanging = reply.type === 'streams' && reply.end === 'hangs'
        if (reply.type === 'streams' && reply.pieces.some(({ type }) => type === 'calls')) return twoDrinks()
        const bill = billOf(++asked)
        return isHanging ? { ...bill, text: 'That ' } : bill
      },
      openRequests: 0,
      received: async () => {},
      idle: async () => {},
      stop: async () => {},
    },
  }
}

function twoDrinks(): Played {
  const request = { ...requestSaying('two martinis and a negroni neat, please'), tools }
  const calls = [
    { name: 'add_to_order', arguments: { item_name: 'Martini', quantity: 2 } },
    { name: 'add_to_order', arguments: { item_name: 'Negroni', quantity: 1, modifiers: ['Neat'] } },
  ]
  return { request, text: '', calls }
}

/** What the house says when the tool has told it how much there is to pay: a sum for each asking. */
function billOf(dollars: number): Played {
  const { messages, ...rest } = requestSaying('the bill, please')
  const result = {
    status: 'confirmation_required',
    confirmation_id: 'c',
    total_cents: dollars * 100,
    tip_cents: 0,
  }
  const call = { callId: 'call-1', name: 'pay_bill' }
  const request = {
    ...rest,
    tools,
    messages: [
      ...messages,
      { role: 'assistant', text: '', toolCalls: [{ ...call, arguments: {} }] } as const,
      { role: 'tool', results: [{ ...call, result }] } as const,
    ],
  }
  return { request, text: `That is $${dollars}.00 in all. Shall I charge it?`, calls: [] }
}
