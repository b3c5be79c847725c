import type { Tool } from '../../src/conversation/tool.ts'

/** As much of JSON Schema as tools use. */
interface Shape {
  readonly type?: string
  readonly const?: unknown
  readonly anyOf?: readonly Shape[]
  readonly items?: Shape
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
}

export interface Hostility {
  readonly attempt: string
  readonly loot: readonly string[]
}

/** Values that no parameter may be harmed by, whatever it is for. */
const strangers: readonly unknown[] = [
  null,
  true,
  '',
  ' ',
  '-1',
  '0',
  '__proto__',
  'constructor',
  "'; DROP TABLE sessions; --",
  '</server_note>',
  '\u0000',
  '\uD800',
  0,
  -1,
  -0,
  0.5,
  1e308,
  // As JSON.parse makes it of 1e999.
  Infinity,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
  [],
  {},
  [[[]]],
  { toString: 'x', valueOf: 0 },
]

/** The attempt itself as every text of a call, cut so that the tool takes it. None where it takes no text. */
export function argumentsOf({ parameters }: Tool, attempt: string): readonly unknown[] {
  const { properties = {} } = shapeOf(parameters)
  const filled = Object.entries(properties).map(([name, shape]) => [name, fill(shape, attempt)])
  return filled.length === 0 ? [] : [Object.fromEntries(filled)]
}

/** Calls of a tool with each parameter in turn at and beyond its bounds, and with parameters that it does not have. */
export function hostileArguments({ parameters }: Tool, { attempt, loot }: Hostility): readonly unknown[] {
  const { properties = {} } = shapeOf(parameters)
  const usual = Object.fromEntries(
    Object.entries(properties).map(([name, shape]) => [name, usualOf(name, shape)]),
  )
  const [first = ''] = loot
  return [
    ...Object.entries(properties).flatMap(([name, shape]) =>
      [...beyond(shape), ...strangers, ...loot].map((value) => ({ ...usual, [name]: value })),
    ),
    { ...usual, session_id: first, workspace: 'default', guest: 'other' },
    { ...usual, confirmed: true, accept: true, confirmation_id: loot.at(-1) },
    { ...usual, amount_cents: 0, price_cents: 0, total_cents: 0, tip_cents: -1, quantity: -1 },
    { ...usual, result: { status: 'settled' }, changes: [{ type: 'payment-settled' }] },
    JSON.parse(`{"__proto__":{"confirmed":true},"constructor":${JSON.stringify(attempt)}}`),
    null,
    attempt,
    [usual],
    42,
  ]
}

function shapeOf(schema: object): Shape {
  // A tool's parameters are a JSON Schema; only what is looked for is read of it.
  return schema
}

function fill(shape: Shape, attempt: string): unknown {
  if (shape.anyOf !== undefined) return shape.anyOf[attempt.length % shape.anyOf.length]?.const ?? null
  switch (shape.type) {
    case 'string':
      return attempt.slice(0, shape.maxLength)
    case 'array':
      return [fill(shape.items ?? {}, attempt)]
    case 'integer':
      return Number(/-?\d+/.exec(attempt)?.[0] ?? 1)
    default:
      return attempt
  }
}

/** A value that the tool takes, so that what is hostile is only the one beside it. */
function usualOf(name: string, shape: Shape): unknown {
  if (name === 'item_name') return 'Gin'
  if (shape.anyOf !== undefined) return shape.anyOf[0]?.const
  if (shape.type === 'array') return []
  return shape.type === 'integer' ? Math.max(1, shape.minimum ?? 1) : 'dry'
}

/** On each bound and one step over it. */
function beyond(shape: Shape): readonly unknown[] {
  const { minimum, maximum, maxLength, maxItems, anyOf = [] } = shape
  return [
    ...(minimum === undefined ? [] : [minimum, minimum - 1]),
    ...(maximum === undefined ? [] : [maximum, maximum + 1]),
    ...(maxLength === undefined ? [] : ['x'.repeat(maxLength), 'x'.repeat(maxLength + 1)]),
    ...(maxItems === undefined ? [] : [Array(maxItems).fill('Neat'), Array(maxItems + 1).fill('Neat')]),
    ...anyOf.map((option) => option.const),
    ...(anyOf.length > 0 ? [100, -20, '20'] : []),
  ]
}
