import { readFileSync } from 'node:fs'

/** What docs/logs.md says of one line. */
export interface DescribedLine {
  readonly level: string
  readonly always: readonly string[]
  readonly sometimes: readonly string[]
}

export type DescribedLines = ReadonlyMap<string, DescribedLine>

const everywhere = ['level', 'time', 'msg']

/** By message. */
export function describedLines(): DescribedLines {
  const rows = readFileSync('docs/logs.md', 'utf8').matchAll(/^\| `([^`]+)` \| (\w+) \|([^|]*)\|.*\|$/gm)
  return new Map(
    [...rows].map(([, message = '', level = '', fields = '']) => {
      const names = [...fields.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
      const sometimes = names.filter((name) => name.endsWith('?')).map((name) => name.slice(0, -1))
      return [message, { level, always: names.filter((name) => !name.endsWith('?')), sometimes }] as const
    }),
  )
}

/** What a line has that is not described, or lacks; null where it is as it should be. */
export function faultOfLine(
  line: Readonly<Record<string, unknown>>,
  described: DescribedLines,
): string | null {
  const { msg, level } = line
  const known = described.get(String(msg))
  if (known === undefined) return `${String(msg)} is not described`
  if (known.level !== level) return `${String(msg)} has the level ${String(level)}`
  const names = Object.keys(line)
  const missing = [...everywhere, ...known.always].filter((name) => !names.includes(name))
  const allowed = [...everywhere, ...known.always, ...known.sometimes]
  const strange = names.filter((name) => !allowed.includes(name))
  if (missing.length === 0 && strange.length === 0) return null
  return `${String(msg)} lacks [${missing.join()}] and has [${strange.join()}] beside what is described`
}
