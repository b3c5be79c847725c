/** A value as Grafana writes it in this unit, with about three digits. */
export function written(value: number, unit: string): string {
  switch (unit) {
    case 's':
      return scaled(value, seconds)
    case 'bytes':
      return scaled(value, bytes)
    case 'percent':
      return `${digits(value)}%`
    case 'percentunit':
      return `${digits(value * 100)}%`
    case 'short':
      return scaled(value, counts)
    case 'currencyUSD':
      return `$${digits(value)}`
    case 'suffix:/min':
    case 'suffix:cores':
      return `${digits(value)} ${unit.slice('suffix:'.length)}`
    default:
      throw new Error(`Nobody has said how to write ${unit}.`)
  }
}

/** Names of magnitudes, each with where it begins. */
type Scale = readonly (readonly [from: number, name: string])[]

const seconds: Scale = [
  [86_400, ' day'],
  [3600, ' h'],
  [60, ' min'],
  [1, ' s'],
  [1e-3, ' ms'],
  [1e-6, ' µs'],
]
const bytes: Scale = [
  [2 ** 30, ' GiB'],
  [2 ** 20, ' MiB'],
  [2 ** 10, ' KiB'],
  [1, ' B'],
]
const counts: Scale = [
  [1e6, ' Mil'],
  [1e3, ' K'],
  [1, ''],
]

function scaled(value: number, scale: Scale): string {
  const [from, name] = scale.find(([bound]) => Math.abs(value) >= bound) ?? [
    1,
    scale.find(([bound]) => bound === 1)?.[1] ?? '',
  ]
  return `${digits(value / from)}${name}`
}

function digits(value: number): string {
  return String(
    Number(value.toPrecision(Math.abs(value) >= 100 ? Math.ceil(Math.log10(Math.abs(value) + 1)) : 3)),
  )
}
