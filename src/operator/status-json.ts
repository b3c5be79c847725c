import type { StatusReport } from './status-report.ts'

/** The report for machines: names in snake_case, what is not known left out. */
export function statusJson(report: StatusReport): string {
  return `${JSON.stringify(snakeCase(report))}\n`
}

/** Names of reasons, which are data, are in capitals and stay as they are. */
function snakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCase)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      /^[A-Z_]+$/.test(name) ? name : name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snakeCase(part),
    ]),
  )
}
