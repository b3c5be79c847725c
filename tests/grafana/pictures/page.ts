import type { GrafanaDashboard, Panel } from '../dashboard-type.ts'
import type { Answered, Shown } from './answers.ts'
import { heatSvg, linesSvg, clock, type Size } from './charts.ts'
import { colorOf, theme, thresholdColor } from './colors.ts'
import { written } from './units.ts'

export interface PageOptions {
  readonly dashboard: GrafanaDashboard
  readonly panels: readonly Answered[]
  readonly width: number
}

/** Grafana's grid: so many columns, and rows of so many pixels with gaps between. */
const columns = 24
const rowPixels = 30
const gapPixels = 8
const titlePixels = 30

/** A dashboard as a page, laid out by its own JSON. */
export function pageOf({ dashboard, panels, width }: PageOptions): string {
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h))
  const height = bottom * (rowPixels + gapPixels)
  const boxes = panels.map((answered) => boxOf(answered, (width - gapPixels) / columns))
  return `<!doctype html><meta charset="utf-8"><style>${style}</style>
<body style="width:${width}px"><h1>${escaped(dashboard.title ?? '')}<small>${escaped(dashboard.description ?? '')}</small></h1>
<main style="height:${height}px">${boxes.join('\n')}</main></body>`
}

const style = `
* { box-sizing: border-box; margin: 0 }
body { background: ${theme.page}; color: ${theme.text}; font: 13px "DejaVu Sans", sans-serif }
h1 { font-size: 17px; font-weight: 500; padding: 14px 16px 8px }
h1 small { color: ${theme.faint}; font-size: 12px; font-weight: 400; margin-left: 14px }
main { position: relative; margin-left: ${gapPixels}px }
section { position: absolute; background: ${theme.panel}; border: 1px solid ${theme.border}; border-radius: 3px; overflow: hidden }
h2 { font-size: 13px; font-weight: 500; height: ${titlePixels}px; line-height: ${titlePixels}px; padding-left: 9px; white-space: nowrap }
.numbers { display: flex; position: absolute; inset: ${titlePixels}px 5px 5px; gap: 4px }
.number { flex: 1; display: flex; flex-direction: column; align-items: center; justify-content: center; border-radius: 3px;
  color: #fff; text-shadow: 0 0 3px rgba(0, 0, 0, .4); font-size: 27px; font-weight: 600; text-align: center; min-width: 0 }
.list { flex-direction: column }
.list .number:has(span) { flex-direction: row; justify-content: space-between; padding: 0 9px; font-size: 14px; min-height: 0 }
.number span { font-size: 12px; font-weight: 500; overflow-wrap: anywhere }
.nothing { position: absolute; inset: ${titlePixels}px 0 0; display: grid; place-items: center; color: ${theme.faint} }
table { width: 100%; border-collapse: collapse; font-size: 12px }
th { color: #6e9fff; text-align: left; font-weight: 500 }
th, td { padding: 5px 9px; border-bottom: 1px solid ${theme.border} }
.states { padding: 4px 10px; display: grid; grid-template-columns: max-content 1fr; gap: 5px 10px; align-items: center }
.states > b { font-weight: 400; font-size: 11px; color: ${theme.faint} }
.band { position: relative; height: 24px; background: ${theme.page} }
.band i { position: absolute; top: 0; bottom: 0; font-style: normal; font-size: 11px; line-height: 24px; padding-left: 4px;
  color: #111; overflow: hidden; opacity: .8 }
.times { display: flex; justify-content: space-between; grid-column: 2; color: ${theme.faint}; font-size: 11px }
`

function boxOf(answered: Answered, column: number): string {
  const { title, gridPos } = answered.panel
  const size = {
    width: Math.round(gridPos.w * column) - gapPixels,
    height: gridPos.h * (rowPixels + gapPixels) - gapPixels,
  }
  const left = Math.round(gridPos.x * column)
  const top = gridPos.y * (rowPixels + gapPixels)
  const place = `left:${left}px;top:${top}px;width:${size.width}px;height:${size.height}px`
  return `<section style="${place}"><h2>${escaped(title)}</h2>${contentOf(answered, size)}</section>`
}

function contentOf(answered: Answered, { width, height }: Size): string {
  const { panel, shown, range } = answered
  const size = { width: width - 2, height: height - titlePixels - 4 }
  if (panel.type === 'stat') return numbersOf({ panel, shown, range })
  if (shown.length === 0)
    return `<div class="nothing">${escaped(panel.fieldConfig.defaults.noValue ?? 'No data')}</div>`
  switch (panel.type) {
    case 'timeseries':
      return linesSvg({ panel, shown, range }, size)
    case 'heatmap':
      return heatSvg({ panel, shown, range }, size)
    case 'state-timeline':
      return statesOf({ panel, shown, range })
    case 'table':
      return tableOf({ panel, shown, range })
  }
}

function numbersOf({ panel, shown }: Answered<'stat'>): string {
  const { noValue = '' } = panel.fieldConfig.defaults
  const named = panel.options.textMode === 'value_and_name' || shown.length > 1
  const numbers = shown.map(({ name, series }) => {
    const value = series.values.at(-1)?.[1] ?? Number.NaN
    const { text, color } = labelOf(value, panel.fieldConfig.defaults)
    return `<div class="number" style="background:${color}">${named ? `<span>${escaped(name)}</span>` : ''}${escaped(text)}</div>`
  })
  const { color } = labelOf(Number.NaN, panel.fieldConfig.defaults)
  const nothing = `<div class="number" style="background:${color}">${escaped(noValue)}</div>`
  const kind = panel.options.orientation === 'horizontal' ? 'numbers list' : 'numbers'
  return `<div class="${kind}">${numbers.join('') || nothing}</div>`
}

/** What the mappings, or else the unit and the bounds, make of a value. */
function labelOf(
  value: number,
  defaults: Panel['fieldConfig']['defaults'],
): { readonly text: string; readonly color: string } {
  for (const { type, options } of defaults.mappings ?? []) {
    const mapped =
      type === 'value'
        ? options[String(value)]
        : type === 'special' && Number.isNaN(value)
          ? options.result
          : undefined
    if (mapped !== undefined) {
      return {
        text: mapped.text ?? '',
        color: mapped.color === undefined ? thresholdColor(value, defaults) : colorOf(mapped.color),
      }
    }
  }
  return { text: written(value, defaults.unit), color: thresholdColor(value, defaults) }
}

function statesOf({ panel, shown, range }: Answered<'state-timeline'>): string {
  const { fromSeconds, toSeconds, stepSeconds } = range
  const percent = (seconds: number): number => (100 * seconds) / (toSeconds - fromSeconds)
  const rows = shown.map(({ name, series }) => {
    const bands: { from: number; to: number; value: number }[] = []
    for (const [at, value] of series.values) {
      const last = bands.at(-1)
      if (last?.value === value && last.to >= at) last.to = at + stepSeconds
      else bands.push({ from: at, to: at + stepSeconds, value })
    }
    const drawn = bands.map(({ from, to, value }) => {
      const { text, color } = labelOf(value, panel.fieldConfig.defaults)
      const end = Math.min(to, toSeconds)
      return `<i style="left:${percent(from - fromSeconds)}%;width:${percent(end - from)}%;background:${color}">${escaped(text)}</i>`
    })
    return `<b>${escaped(name)}</b><div class="band">${drawn.join('')}</div>`
  })
  const times = [0, 0.25, 0.5, 0.75, 1].map(
    (part) => `<span>${clock(fromSeconds + part * (toSeconds - fromSeconds))}</span>`,
  )
  return `<div class="states">${rows.join('')}<div class="times">${times.join('')}</div></div>`
}

/** A line for each container, a column for each query. */
function tableOf({ panel, shown }: Answered<'table'>): string {
  const containers = [...new Set(shown.map(({ series }) => series.labels['container'] ?? ''))].toSorted()
  const titles = panel.targets.map(({ legendFormat = '' }) => legendFormat)
  const head = ['Container', ...titles].map((title) => `<th>${escaped(title)}</th>`)
  const rows = containers.map((container) => {
    const cells = panel.targets.map(({ refId = '', legendFormat = '' }) =>
      cellOf(
        shown.find((one) => one.refId === refId && one.series.labels['container'] === container),
        columnOf(panel, legendFormat),
      ),
    )
    return `<tr><td>${escaped(container)}</td>${cells.join('')}</tr>`
  })
  return `<table><tr>${head.join('')}</tr>${rows.join('')}</table>`
}

function cellOf(shown: Shown | undefined, column: Panel['fieldConfig']['defaults']): string {
  const value = shown?.series.values.at(-1)?.[1]
  if (value === undefined) return '<td></td>'
  const color =
    column.thresholds === undefined ? '' : ` style="color:#fff;background:${thresholdColor(value, column)}"`
  return `<td${color}>${escaped(written(value, column.unit))}</td>`
}

function columnOf({ fieldConfig }: Panel, title: string): Panel['fieldConfig']['defaults'] {
  const own = fieldConfig.overrides.find(({ matcher }) => matcher.options === title)?.properties ?? []
  return { ...fieldConfig.defaults, ...Object.fromEntries(own.map(({ id, value }) => [id, value])) }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
