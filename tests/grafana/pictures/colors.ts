import type { Panel } from '../dashboard-type.ts'

/** Grafana's dark theme. */
export const theme = {
  page: '#111217',
  panel: '#181b1f',
  border: '#26292e',
  text: '#ccccdc',
  faint: '#8e8e9a',
  grid: '#2a2d33',
} as const

const named: Readonly<Record<string, string>> = {
  green: '#73bf69',
  orange: '#ff9830',
  yellow: '#fade2a',
  red: '#f2495c',
  'dark-red': '#c4162a',
  'light-red': '#ff7383',
  blue: '#5794f2',
  purple: '#b877d9',
  gray: '#8e8e8e',
}

/** What Grafana takes for series without a colour of their own, in this order. */
const palette = [
  '#73bf69',
  '#f2cc0c',
  '#8ab8ff',
  '#ff780a',
  '#f2495c',
  '#5794f2',
  '#b877d9',
  '#705da0',
  '#37872d',
]

/** From dark for few to bright for many. */
export const heat = ['#3a1d0b', '#7f2704', '#d94801', '#fd8d3c', '#fdd0a2']

export function colorOf(name: string): string {
  return named[name] ?? name
}

/** Of red, for series that are all failures. */
const shades = ['#f2495c', '#ff7383', '#c4162a', '#ffa6b0', '#ad0317']

/** The colour of a series that has none of its own, by its place and how its panel chooses. */
export function seriesColor(index: number, mode: string | undefined): string {
  const colors = mode === 'shades' ? shades : palette
  return colors[index % colors.length] ?? theme.text
}

/** The colour of the bound that a value has reached. */
export function thresholdColor(value: number, { thresholds }: Panel['fieldConfig']['defaults']): string {
  const reached = thresholds?.steps.findLast((step) => step.value === null || value >= step.value)
  return colorOf(reached?.color ?? 'blue')
}
