/** Colours a text where that can be seen. */
export type Paint = (style: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string) => string

const gap = '  '

/** Lines of cells, the first of each at the left and the others at the right. Without blanks at their ends. */
export function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_none, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join(gap)
      .trimEnd(),
  )
}

const unknown = '-'

/** `2 d 5 h`, `5 m 10 s`, `3 s`. */
export function describeDuration(seconds: number | undefined): string {
  if (seconds === undefined) return unknown
  const whole = Math.round(seconds)
  const units = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const
  const first = units.findIndex(([count]) => count > 0)
  if (first === -1) return '0 s'
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ')
}

/** `4 ms`, `250 ms`, `1.2 s`, `75 s`. */
export function describeLatency(seconds: number | undefined): string {
  if (seconds === undefined) return unknown
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`
  return seconds < 9.95 ? `${seconds.toFixed(1).replace('.0', '')} s` : `${Math.round(seconds)} s`
}

/** With as many digits as can be read at a glance. */
export function describeNumber(value: number | undefined): string {
  if (value === undefined) return unknown
  if (value === 0) return '0'
  if (Math.abs(value) < 9.95) return value.toFixed(Math.abs(value) < 0.1 ? 2 : 1)
  return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ' ')
}

/** Of what is whole. */
export function describeCount(value: number | undefined): string {
  return value === undefined ? unknown : describeNumber(Math.round(value)).replace('.0', '')
}

/** In MB of 1024 x 1024 bytes, as Docker and Modal count them. */
export function inMegabytes(bytes: number | undefined): string {
  return bytes === undefined ? unknown : String(Math.round(bytes / 1024 / 1024))
}

const textCharactersMax = 200
const nameCharactersMax = 20

/** What another machine said, as it may stand on a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, ' ').slice(0, textCharactersMax)
}

/** Both ends of a container's name: the beginning says where it runs, the end which one it is. */
export function shortName(name: string): string {
  const text = printable(name)
  if (text.length <= nameCharactersMax) return text
  const half = (nameCharactersMax - 2) / 2
  return `${text.slice(0, half)}..${text.slice(-half)}`
}
