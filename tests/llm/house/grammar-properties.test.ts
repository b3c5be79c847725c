import {
  array,
  assert,
  asyncProperty,
  constantFrom,
  integer,
  nat,
  pre,
  string as anyString,
  tuple,
} from 'fast-check'
import { expect, it, vi } from 'vitest'
import type { ToolCall } from '../../../src/llm/model.ts'
import { ordinaryWords } from '../../../src/llm/house/ordinary-words.ts'
import { createHouseModel } from '../../../src/llm/providers/house.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { mutatingTools, readReply, vocabulary } from './fake-bar.ts'

// Thousands of sentences on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const model = createHouseModel({ clock: new FakeClock(), paceMs: 0, vocabulary })
const names = vocabulary.items.map(({ name }) => name)

async function callsFor(text: string): Promise<readonly ToolCall[]> {
  return (await readReply(model, [{ role: 'user', text, notes: [] }])).toolCalls
}

/** Nothing may change in any of these, whatever the drink is. */
const withoutEffect = [
  "don't add a DRINK",
  'do not give me a DRINK',
  'please do not bring me any DRINK',
  "I don't want a DRINK",
  'no DRINK please',
  'no more DRINKS',
  'I would never order a DRINK',
  'I hate DRINKS',
  'not a DRINK',
  "I can't drink DRINK",
  "I'm not having a DRINK",
  'yesterday I had three DRINKS',
  'I drank two DRINKS last night',
  'my father drank DRINKS',
  'my wife ordered a DRINK once',
  'I ordered a DRINK an hour ago',
  'he told me to order a DRINK',
  'she said give me a DRINK',
  'what would a DRINK cost?',
  'how much is a DRINK?',
  'how much are two DRINKS?',
  'what is the price of a DRINK',
  'if I ordered a DRINK, how much would it be?',
  'suppose I had a DRINK',
  'imagine I ordered five DRINKS',
  'what if I took a DRINK',
  'I wish I had a DRINK',
  'do you have DRINK?',
  'do you serve DRINKS?',
  'is the DRINK good?',
  'are your DRINKS strong?',
  'what is in a DRINK?',
  'why is it called DRINK?',
  'I like DRINKS',
  'I love DRINKS',
  'DRINKS are great',
  'the DRINK was lovely',
  'my friend drinks DRINKS',
  'should I have a DRINK?',
  'I might have a DRINK',
  'maybe a DRINK',
  'I will have a DRINK later',
  "I'd like a DRINK tomorrow",
  'a DRINK or a coffee?',
  'can I get a discount on the DRINK?',
  'tell me about the DRINK',
  'call me DRINK',
  'have you ever tried a DRINK?',
]

/** Each is plainly an order of `COUNT DRINK`. */
const orders = [
  'COUNT DRINK please',
  'COUNT DRINK',
  'can I get COUNT DRINK?',
  'could I have COUNT DRINK please',
  'could we please have COUNT DRINK',
  'may I have COUNT DRINK',
  "I'd like COUNT DRINK",
  'I would like COUNT DRINK, please',
  "I'll have COUNT DRINK",
  "I'll take COUNT DRINK, thanks",
  'I want COUNT DRINK',
  'I need COUNT DRINK',
  'give me COUNT DRINK',
  'gimme COUNT DRINK',
  'get me COUNT DRINK',
  'bring us COUNT DRINK',
  'pour me COUNT DRINK',
  'make me COUNT DRINK please',
  'add COUNT DRINK to my order',
  'put COUNT DRINK on my tab',
  'please order COUNT DRINK for me',
  'let me get COUNT DRINK',
  "let's have COUNT DRINK",
  'could you bring me COUNT DRINK please?',
  'would you mind getting me COUNT DRINK?',
  'I was wondering if I could have COUNT DRINK',
  'hi Maya, COUNT DRINK please!',
  'Hello! COUNT DRINK for me please',
]

const counts: readonly (readonly [said: string, quantity: number])[] = [
  ['1', 1],
  ['one', 1],
  ['2', 2],
  ['two', 2],
  ['3', 3],
  ['three', 3],
  ['a couple of', 2],
  ['half a dozen', 6],
  ['twelve', 12],
  ['2x', 2],
]

function pluralOf(name: string): string {
  return /[^e]y$/.test(name) ? `${name.slice(0, -1)}ies` : `${name}s`
}

const item = constantFrom(...names)
const letterCase = constantFrom(
  (text: string) => text,
  (text: string) => text.toLowerCase(),
  (text: string) => text.toUpperCase(),
)

it('never throws and changes nothing on words of no meaning', async () => {
  await assert(
    asyncProperty(anyString({ unit: 'grapheme', maxLength: 200 }), async (text) => {
      const calls = await callsFor(text)
      expect(calls.length).toBeLessThan(17)
    }),
    { numRuns: 200 },
  )
})

it('never throws on shuffled words of its own vocabulary, and calls only what exists', async () => {
  const words = [...names, ...vocabulary.modifiers, ...orders, ...withoutEffect]
    .flatMap((text) => text.split(' '))
    .concat([',', '.', '?', 'and', 'or', 'not', '20%', '$5', 'tip', 'bill', 'remove', 'make', 'that'])
  await assert(
    asyncProperty(array(constantFrom(...words), { maxLength: 60 }), async (chosen) => {
      for (const { name, arguments: given } of await callsFor(chosen.join(' '))) {
        const args = Object.fromEntries(Object.entries(given ?? {}))
        if (name !== 'add_to_order') continue
        expect(names).toContain(args['item_name'])
        expect(args['quantity']).toBeGreaterThan(0)
        expect(Number.isInteger(args['quantity'])).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
})

it.each(withoutEffect)('%s', async (template) => {
  for (const name of names) {
    for (const change of [(text: string) => text, (text: string) => text.toLowerCase()]) {
      const said = change(template.replace('DRINKS', pluralOf(name)).replace('DRINK', name))
      const calls = await callsFor(said)
      expect({ said, calls: calls.filter((call) => mutatingTools.has(call.name)) }).toEqual({
        said,
        calls: [],
      })
    }
  }
})

it.each(orders)('%s', async (template) => {
  for (const name of names) {
    for (const [count, quantity] of counts.filter((_, at) => (at + name.length) % 3 === 0)) {
      const drink = quantity === 1 ? name : pluralOf(name)
      const said = template.replace('COUNT', count).replace('DRINK', drink.toLowerCase())
      const calls = (await callsFor(said)).map(({ name: tool, arguments: given }) => ({ tool, given }))
      expect({ said, calls }).toEqual({
        said,
        calls: [{ tool: 'add_to_order', given: { item_name: name, quantity } }],
      })
    }
  }
})

/** One slip of a finger inside a word of at least five letters. */
const typos: readonly ((word: string, at: number) => string)[] = [
  (word, at) => word.slice(0, at) + word.slice(at + 1),
  (word, at) => word.slice(0, at) + word.charAt(at) + word.slice(at),
  (word, at) => word.slice(0, at) + word.charAt(at + 1) + word.charAt(at) + word.slice(at + 2),
  (word, at) => `${word.slice(0, at)}x${word.slice(at + 1)}`,
]

it('forgives one typing error in a name', async () => {
  const longNames = names.filter((name) => !name.includes(' ') && name.length >= 5)
  await assert(
    asyncProperty(
      tuple(constantFrom(...longNames), constantFrom(...typos)),
      nat(),
      constantFrom(...counts),
      async ([name, slip], where, [count, quantity]) => {
        const typed = slip(name.toLowerCase(), 1 + (where % (name.length - 2)))
        // What the slip makes of it may be another word: `brandy` and `brand`.
        pre(!ordinaryWords.has(typed))
        const said = `can I get ${count} ${typed} please`
        const calls = (await callsFor(said)).map(({ arguments: given }) => given)
        expect({ said, calls }).toEqual({ said, calls: [{ item_name: name, quantity }] })
      },
    ),
    { numRuns: 600 },
  )
})

it('reads lists of any length in the order they are said', async () => {
  const line = tuple(integer({ min: 1, max: 12 }), item)
  await assert(
    asyncProperty(
      array(line, { minLength: 1, maxLength: 6 }),
      constantFrom(', ', ' and ', ' plus ', ', and ', ' and then ', '\n'),
      letterCase,
      async (lines, separator, change) => {
        const said = lines
          .map(([count, name]) => `${count} ${count === 1 ? name : pluralOf(name)}`)
          .join(separator)
        const calls = (await callsFor(change(`${said} please`))).map(({ arguments: given }) => given)
        expect({ said, calls }).toEqual({
          said,
          calls: lines.map(([quantity, name]) => ({ item_name: name, quantity })),
        })
      },
    ),
    { numRuns: 200 },
  )
})

it('reads any modifier with any drink', async () => {
  for (const name of names) {
    for (const modifier of vocabulary.modifiers) {
      const said = `a ${name.toLowerCase()} ${modifier.toLowerCase()} please`
      const calls = (await callsFor(said)).map(({ arguments: given }) => given)
      expect({ said, calls }).toEqual({
        said,
        calls: [{ item_name: name, quantity: 1, modifiers: [modifier] }],
      })
    }
  }
})

it('answers long and hostile messages quickly', async () => {
  const messages = [
    'a '.repeat(2000),
    'a beer and '.repeat(400),
    'tip '.repeat(1000),
    'can you please just '.repeat(250),
    'something sweet and '.repeat(250),
    'my my my '.repeat(400),
    'i would like to just '.repeat(200),
    'for the '.repeat(500),
    'not '.repeat(1000),
    '1 '.repeat(2000),
    ', '.repeat(2000),
    'what is the total '.repeat(200),
    'remove the last one and '.repeat(150),
    'x'.repeat(4000),
    '🍺'.repeat(2000),
  ]
  for (const text of messages) {
    const start = performance.now()
    await callsFor(text)
    expect({ text: text.slice(0, 20), isQuick: performance.now() - start < 3000 }).toEqual({
      text: text.slice(0, 20),
      isQuick: true,
    })
  }
})
