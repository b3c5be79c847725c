import { cpus, loadavg, totalmem } from 'node:os'

/** Prints what was measured as a Markdown table, ready for the README. */
export function printTable(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = columns.map((column, at) =>
    Math.max(column.length, ...rows.map((row) => (row[at] ?? '').length)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  process.stdout.write(`\n${title}\n\n${[line(columns), rule, ...rows.map(line)].join('\n')}\n`)
}

/** Says on what the numbers come about. The load of others decides how far they can be trusted. */
export function printMachine(): void {
  const { model = 'unknown' } = cpus()[0] ?? {}
  const memoryGb = Math.round(totalmem() / 1024 ** 3)
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')
  process.stdout.write(
    `${cpus().length} x ${model}, ${memoryGb} GB, Node ${process.version}, load before ${load}\n`,
  )
}

/** Shows on a terminal that something goes on; keeps out of the table that is written to a file. */
export function printProgress(text: string): void {
  process.stderr.write(`${text}\n`)
}
