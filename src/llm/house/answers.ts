import type { ServerNote, ToolResult } from '../model.ts'
import { articleOf, capitalised, dollars, drinkPhrase, joined } from './phrases.ts'
import { pick } from './random.ts'
import { fieldsOf, listOf, numberIn, textIn, textsIn, type Fields } from './results.ts'

export interface Answering {
  readonly seed: string
  /** What Maya says besides; a question about paying comes behind it. */
  readonly remarks: string
  /** Drinks that must not be recommended. */
  readonly unwanted: readonly string[]
}

/** What Maya says to the results of her tool calls. */
export function answerText(results: readonly ToolResult[], { seed, remarks, unwanted }: Answering): string {
  const allowed = results.map((result) => withoutItems(result, unwanted))
  const changes = allowed.filter((result) => ['added', 'removed'].includes(statusOf(result)))
  const others = allowed.filter((result) => !changes.includes(result))
  const lastChange = changes.at(-1)
  const lastAt = lastChange === undefined ? -1 : allowed.indexOf(lastChange)
  const isClearedBefore = allowed.slice(0, lastAt + 1).some((result) => statusOf(result) === 'cleared')
  const told = others.filter((result) => !isClearedBefore || statusOf(result) !== 'cleared')
  const textOf = (result: ToolResult): string => resultText(result.name, fieldsOf(result.result), seed)
  const parts = [
    isClearedBefore ? 'I took off what you had before.' : '',
    ...changesText(changes, seed),
    ...told.filter(({ name }) => name !== 'pay_bill').map(textOf),
    remarks,
    ...told.filter(({ name }) => name === 'pay_bill').map(textOf),
  ]
  return [...new Set(parts.filter((part) => part !== ''))].join(' ')
}

function statusOf({ result }: ToolResult): string {
  return textIn(fieldsOf(result), 'status') ?? ''
}

/** The result without the recommendations of what is not wanted. */
function withoutItems(result: ToolResult, unwanted: readonly string[]): ToolResult {
  if (result.name !== 'get_recommendation' || unwanted.length === 0) return result
  const fields = fieldsOf(result.result)
  const items = listOf(fields['items']).filter((item) => !unwanted.includes(itemIn(item)))
  return { ...result, result: { ...fields, items } }
}

function changesText(changes: readonly ToolResult[], seed: string): readonly string[] {
  const fieldsWith = (status: string): readonly Fields[] =>
    changes.filter((result) => statusOf(result) === status).map(({ result }) => fieldsOf(result))
  const removed = fieldsWith('removed')
  const added = fieldsWith('added')
  const last = changes.at(-1)
  // The running tab, from whichever change came last.
  const cents = last && numberIn(fieldsOf(last.result), 'tab_cents')
  return [
    removed.length > 0 ? removedText(removed) : '',
    added.length > 0 ? addedText(added, seed) : '',
    cents === undefined ? '' : `Your tab is ${dollars(cents)}.`,
  ]
}

function addedText(added: readonly Fields[], seed: string): string {
  const drinks = added.map((fields) =>
    drinkPhrase(itemIn(fields), numberIn(fields, 'quantity') ?? 1, textsIn(fields, 'modifiers')),
  )
  return capitalised(
    pick(seed, [
      `${joined(drinks)} coming up.`,
      `${joined(drinks)}, right away.`,
      `${joined(drinks)}: with pleasure.`,
    ]),
  )
}

function removedText(removed: readonly Fields[]): string {
  const drinks = removed.map((fields) => drinkPhrase(itemIn(fields), numberIn(fields, 'quantity') ?? 1))
  return `I took ${joined(drinks)} off.`
}

function resultText(name: string, fields: Fields, seed: string): string {
  switch (textIn(fields, 'status')) {
    case undefined:
      return informationText(name, fields)
    case 'insufficient_funds':
      return insufficientText(name, fields)
    case 'not_on_menu': {
      const suggestions = textsIn(fields, 'suggestions').slice(0, 3)
      const instead =
        suggestions.length > 0
          ? ` How about ${joined(
              suggestions.map((item) => `${articleOf(item)} ${item}`),
              'or',
            )}?`
          : ''
      return `${capitalised(itemIn(fields))} is not on our menu, I am afraid.${instead}`
    }
    case 'unknown_modifier':
      return `I cannot do "${textIn(fields, 'modifier') ?? 'that'}". I could do ${joined(textsIn(fields, 'allowed').slice(0, 4), 'or')}, for example.`
    case 'order_full':
      return 'Your order is full; let us settle it before I take more.'
    case 'not_in_order':
      return `I do not see ${articleOf(itemIn(fields))} ${itemIn(fields)} on your order.`
    case 'cleared':
      return pick(seed, ['All cleared, your tab is empty.', 'Done, everything is off your tab.'])
    case 'already_empty':
      return 'There is nothing on your order yet.'
    case 'tip_set':
      return tipText(fields)
    case 'tip_removed':
      return `There is no tip on your tab now${totalOf(fields)}.`
    case 'confirmation_required':
      return confirmationText(fields)
    case 'nothing_to_pay':
      return 'There is nothing to pay yet.'
    case 'payment_processing':
      return 'A payment is still being processed; give it a moment, please.'
    default:
      return 'Something went wrong there, and I am not sure it worked. Shall I read you your order?'
  }
}

function insufficientText(name: string, fields: Fields): string {
  const balance = numberIn(fields, 'balance_cents')
  const left =
    balance === undefined
      ? 'your balance does not allow it'
      : `there are only ${dollars(balance)} left in your balance`
  if (name === 'set_tip') return `I cannot set that tip: ${left}.`
  if (name === 'pay_bill') return `I cannot charge that: ${left}.`
  const needed = numberIn(fields, 'needed_cents')
  const price = needed === undefined ? '' : ` for ${dollars(needed)}`
  return `I cannot add ${drinkPhrase(itemIn(fields), numberIn(fields, 'quantity') ?? 1)}${price}: ${left}.`
}

function tipText(fields: Fields): string {
  const percentage = numberIn(fields, 'tip_percentage')
  const cents = numberIn(fields, 'tip_cents')
  // Without a tab there is nothing yet that the tip could be added to.
  if (numberIn(fields, 'total_cents') === 0) {
    const percent = percentage === undefined ? '' : ` of ${percentage} per cent`
    return `Thank you! Your tip${percent} will go on your tab with the first drink.`
  }
  const amount = cents === undefined ? '' : dollars(cents)
  const tip =
    percentage === undefined ? amount : `${percentage} per cent${amount === '' ? '' : ` (${amount})`}`
  return `Thank you! The tip is ${tip}${totalOf(fields)}.`
}

function totalOf(fields: Fields): string {
  const total = numberIn(fields, 'total_cents')
  return total === undefined ? '' : `, ${dollars(total)} in all`
}

function confirmationText(fields: Fields): string {
  const total = numberIn(fields, 'total_cents')
  const tip = numberIn(fields, 'tip_cents') ?? 0
  const withTip = tip > 0 ? `, with a tip of ${dollars(tip)}` : ''
  return total === undefined
    ? 'Shall I charge your bill?'
    : `That is ${dollars(total)} in all${withTip}. Shall I charge it?`
}

function informationText(name: string, fields: Fields): string {
  switch (name) {
    case 'get_menu':
      return menuText(fields)
    case 'get_recommendation':
      return recommendationText(fields)
    case 'get_order':
      return orderText(fields)
    case 'get_bill':
      return billText(fields)
    case 'get_balance': {
      const balance = numberIn(fields, 'balance_cents')
      const tab = numberIn(fields, 'tab_cents')
      if (balance === undefined) return 'I cannot see your balance just now.'
      return `You have ${dollars(balance)} left${tab === undefined || tab === 0 ? '' : `, with ${dollars(tab)} on your tab`}.`
    }
    case 'get_tip': {
      const cents = numberIn(fields, 'tip_cents')
      const percentage = numberIn(fields, 'tip_percentage')
      if (cents === undefined || (cents === 0 && percentage === undefined))
        return 'There is no tip on your tab.'
      return `The tip is ${percentage === undefined ? '' : `${percentage} per cent, `}${dollars(cents)}${totalOf(fields)}.`
    }
    default:
      return 'Done.'
  }
}

function menuText(fields: Fields): string {
  const lines = listOf(fields['categories']).map((category) => {
    const items = listOf(category['items']).map((item) => {
      const cents = numberIn(item, 'price_cents')
      return `${textIn(item, 'name') ?? ''}${cents === undefined ? '' : ` ${dollars(cents)}`}`
    })
    return `**${textIn(category, 'name') ?? ''}**: ${items.join(', ')}`
  })
  if (lines.length === 0) return 'I cannot find the menu just now.'
  return `Here is our menu.\n\n${lines.map((line) => `- ${line}`).join('\n')}\n\nWhat would you like?`
}

function recommendationText(fields: Fields): string {
  const items = listOf(fields['items']).filter((item) => itemIn(item) !== '')
  const [first, ...others] = items
  if (first === undefined)
    return 'Nothing on our menu fits that, I am afraid. Would you like to hear the menu?'
  const reason = textIn(first, 'reason')
  const why = reason === undefined || reason === '' ? '' : ` (${reason})`
  const rest = others.slice(0, 2).map((item) => priced(item))
  const also = rest.length > 0 ? ` ${capitalised(joined(rest, 'or'))} would suit too.` : ''
  return `I recommend ${priced(first)}${why}.${also} Shall I pour you ${articleOf(itemIn(first))} ${itemIn(first)}?`
}

function priced(item: Fields): string {
  const cents = numberIn(item, 'price_cents')
  return `${articleOf(itemIn(item))} ${itemIn(item)}${cents === undefined ? '' : ` for ${dollars(cents)}`}`
}

function orderText(fields: Fields): string {
  const lines = orderLines(fields)
  if (lines.length === 0) return 'There is nothing on your order yet.'
  const tab = numberIn(fields, 'tab_cents')
  return `You have ${joined(lines)}.${tab === undefined ? '' : ` Your tab is ${dollars(tab)}.`}`
}

function orderLines(fields: Fields): readonly string[] {
  return listOf(fields['order']).map((line) =>
    drinkPhrase(itemIn(line), numberIn(line, 'quantity') ?? 1, textsIn(line, 'modifiers')),
  )
}

function billText(fields: Fields): string {
  const lines = orderLines(fields)
  const tab = numberIn(fields, 'tab_cents')
  const tip = numberIn(fields, 'tip_cents') ?? 0
  const total = numberIn(fields, 'total_cents') ?? tab
  if (tab === undefined || total === undefined) return 'I cannot see your tab just now.'
  if (tab === 0 && total === 0) return 'Your tab is empty, you owe nothing.'
  const drinks = lines.length > 0 ? ` for ${joined(lines)}` : ''
  const withTip = tip > 0 ? ` With a tip of ${dollars(tip)} that is ${dollars(total)} in all.` : ''
  return `Your tab is ${dollars(tab)}${drinks}.${withTip}`
}

function itemIn(fields: Fields): string {
  return textIn(fields, 'item_name') ?? ''
}

/** What Maya says to what the server did; undefined when she has to answer the guest's words herself. */
export function noteText(notes: readonly ServerNote[], seed: string): string | undefined {
  const payment = notes.findLast(({ name }) => name === 'payment')
  if (payment === undefined) return undefined
  const fields = fieldsOf(payment.result)
  const total = numberIn(fields, 'total_cents')
  switch (textIn(fields, 'status')) {
    case 'settled': {
      const reference = textIn(fields, 'reference')
      const paid = total === undefined ? 'Your bill is paid' : `${dollars(total)} paid`
      const suffix = reference === undefined ? '' : ` (reference ${reference})`
      return `${paid}${suffix}. ${pick(seed, ['Thank you, it was a pleasure!', 'Thank you very much!', 'Thank you, and see you soon!'])}`
    }
    case 'declined': {
      const reason = textIn(fields, 'reason')
      return `I am sorry, the payment was declined${reason === undefined ? '' : ` (${reason.replaceAll('_', ' ')})`}. Your tab is as it was.`
    }
    default:
      return 'I have not heard yet whether the payment went through. Please do not pay again; I will know in a moment.'
  }
}
