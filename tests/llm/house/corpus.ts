import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** What a guest said, and the notation of the calls that it leads to. */
type Row = readonly [said: string, calls: string]

/**
 * What guests say, and exactly the tool calls that it leads to: the lines of `corpus/*.txt`, each `said => calls`.
 * Turns of one conversation are divided by ` >> `; the calls are those of the last turn: `+2 Martini [Dry]` adds,
 * `-1 Martini` and `-all Martini` take off, `tip 20` and `tip $5` set a tip and `tip?` asks for it,
 * `recommend sweet` asks for advice; nothing at all changes nothing.
 */
export const corpus: ReadonlyMap<string, readonly Row[]> = new Map(
  globSync(`${import.meta.dirname}/corpus/*.txt`).map((file) => [basename(file, '.txt'), rowsOf(file)]),
)

function rowsOf(file: string): readonly Row[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const [said = '', calls] = line.split(/ =>(?: |$)/)
      if (calls === undefined) throw new Error(`This line of ${file} has no calls: ${line}`)
      return [said, calls]
    })
}

interface Call {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

const plainCalls: Readonly<Record<string, string>> = {
  clear: 'clear_order',
  pay: 'pay_bill',
  bill: 'get_bill',
  order: 'get_order',
  balance: 'get_balance',
  menu: 'get_menu',
  'tip?': 'get_tip',
}

export function callsOf(notation: string): readonly Call[] {
  return notation === '' ? [] : notation.split('; ').map(callOf)
}

function callOf(text: string): Call {
  const name = plainCalls[text]
  if (name !== undefined) return { name, arguments: {} }
  if (text.startsWith('recommend ')) {
    return { name: 'get_recommendation', arguments: { preference: text.slice('recommend '.length) } }
  }
  if (text.startsWith('tip ')) return { name: 'set_tip', arguments: tipOf(text.slice('tip '.length)) }
  const [, sign, count, item, modifiers] = /^([+-])(\d+|all) ([^[]+?)(?: \[(.*)\])?$/.exec(text) ?? []
  if (item === undefined) throw new Error(`This is no call: ${text}`)
  return {
    name: sign === '+' ? 'add_to_order' : 'remove_from_order',
    arguments: {
      item_name: item,
      ...(count === 'all' ? {} : { quantity: Number(count) }),
      ...(modifiers === undefined ? {} : { modifiers: modifiers.split(', ') }),
    },
  }
}

function tipOf(amount: string): Readonly<Record<string, unknown>> {
  if (amount.startsWith('$')) return { tip_cents: Number(amount.slice(1)) * 100 }
  return { tip_percentage: amount === 'none' ? null : Number(amount) }
}
