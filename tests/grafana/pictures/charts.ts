import * as echarts from 'echarts'
import type { Panel } from '../dashboard-type.ts'
import type { Range } from '../../proofs/prometheus-server.ts'
import type { Answered, Shown } from './answers.ts'
import { colorOf, heat, seriesColor, theme } from './colors.ts'
import { written } from './units.ts'

export interface Size {
  readonly width: number
  readonly height: number
}

/** Lines over time, with bounds dashed and a legend below, as an SVG. */
export function linesSvg(answered: Answered<'timeseries'>, size: Size): string {
  const { defaults, overrides } = answered.panel.fieldConfig
  const { fillOpacity = 0, lineWidth = 1, stacking, thresholdsStyle } = defaults.custom ?? {}
  const colors = fixedColors(overrides)
  const shown = answered.shown.toSorted((one, other) => one.name.localeCompare(other.name))
  return svg(size, {
    ...axes(answered.range, (value) => written(value, defaults.unit)),
    legend: {
      bottom: 2,
      left: 8,
      type: 'plain',
      icon: 'roundRect',
      itemWidth: 12,
      itemHeight: 4,
      itemGap: 22,
      textStyle: { color: theme.text, fontSize: 11 },
      data: shown.map(({ name }) => name),
    },
    grid: { left: 76, right: 18, top: 10, bottom: 30 + 20 * rowsOfLegend(shown, size.width) },
    series: [
      ...shown.map(({ name, series }, index) => ({
        type: 'line' as const,
        name,
        data: pointsOf(series, answered.range),
        showSymbol: false,
        color: colors.get(name) ?? seriesColor(index, defaults.color?.mode),
        lineStyle: { width: lineWidth },
        areaStyle: { opacity: fillOpacity / 100 },
        ...(stacking?.mode === 'normal' && { stack: 'all' }),
      })),
      ...(thresholdsStyle?.mode === 'dashed' ? [boundLines(defaults.thresholds?.steps ?? [])] : []),
    ],
  })
}

/** How many fell into each bucket over time, as an SVG. */
export function heatSvg(answered: Answered<'heatmap'>, size: Size): string {
  const { panel, shown } = answered
  const buckets = shown
    .map(({ series }) => ({ le: Number(series.labels['le']?.replace('+Inf', 'Infinity')), series }))
    .toSorted((one, other) => one.le - other.le)
  const moments = [...new Set(buckets.flatMap(({ series }) => series.values.map(([at]) => at)))].toSorted(
    (one, other) => one - other,
  )
  const cells = buckets.flatMap(({ series }, row) => {
    const below = new Map(buckets[row - 1]?.series.values)
    return series.values.flatMap(([at, count]) => {
      const own = count - (below.get(at) ?? 0)
      return own > 1e-9 ? [[moments.indexOf(at), row, own]] : []
    })
  })
  return svg(size, {
    grid: { left: 76, right: 18, top: 10, bottom: 26 },
    xAxis: {
      type: 'category',
      data: moments.map(clock),
      axisLabel: { color: theme.faint, interval: Math.max(1, Math.floor(moments.length / 6)) },
      axisTick: { show: false },
    },
    yAxis: {
      type: 'category',
      data: buckets.map(({ le }) => (le === Infinity ? '∞' : written(le, panel.fieldConfig.defaults.unit))),
      axisLabel: { color: theme.faint },
      axisTick: { show: false },
    },
    visualMap: {
      show: false,
      min: 0,
      max: Math.max(1, ...cells.map(([, , count = 0]) => count)),
      inRange: { color: heat },
    },
    series: [{ type: 'heatmap', data: cells, itemStyle: { borderWidth: 1, borderColor: theme.panel } }],
  })
}

/** Draws without a browser. */
function svg({ width, height }: Size, option: echarts.EChartsOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({ animation: false, backgroundColor: 'transparent', ...option })
  const text = chart.renderToSVGString()
  chart.dispose()
  return text
}

function axes(range: Range, label: (value: number) => string): echarts.EChartsOption {
  const splitLine = { lineStyle: { color: theme.grid } }
  return {
    xAxis: {
      type: 'time',
      min: range.fromSeconds * 1000,
      max: range.toSeconds * 1000,
      splitNumber: 6,
      axisLabel: { color: theme.faint, formatter: '{HH}:{mm}', hideOverlap: true },
      splitLine: { show: true, ...splitLine },
    },
    yAxis: {
      type: 'value',
      min: 0,
      axisLabel: { color: theme.faint, formatter: label },
      splitLine,
      splitNumber: 4,
    },
  }
}

/** With gaps where there is no value. */
function pointsOf({ values }: Shown['series'], range: Range): (number | null)[][] {
  const known = new Map(values)
  const count = Math.floor((range.toSeconds - range.fromSeconds) / range.stepSeconds)
  return Array.from({ length: count + 1 }, (_, step) => {
    const at = range.fromSeconds + step * range.stepSeconds
    const value = known.get(at)
    return [at * 1000, value === undefined || Number.isNaN(value) ? null : value]
  })
}

function boundLines(steps: readonly { readonly color: string; readonly value: number | null }[]) {
  const data = steps.flatMap(({ color, value }) =>
    value === null ? [] : [{ yAxis: value, lineStyle: { color: colorOf(color), type: 'dashed' as const } }],
  )
  return {
    type: 'line' as const,
    name: 'bounds',
    data: [],
    markLine: { silent: true, symbol: 'none', label: { show: false }, data },
  }
}

function fixedColors(overrides: Panel['fieldConfig']['overrides']): ReadonlyMap<string, string> {
  return new Map(
    overrides.flatMap(({ matcher, properties }) =>
      properties.flatMap((property) =>
        property.id === 'color' ? [[matcher.options, colorOf(property.value.fixedColor ?? '')] as const] : [],
      ),
    ),
  )
}

function rowsOfLegend(shown: readonly Shown[], width: number): number {
  const total = shown.reduce((sum, { name }) => sum + 42 + name.length * 6.6, 0)
  return Math.ceil(total / (width - 40))
}

export function clock(atSeconds: number): string {
  return new Date(atSeconds * 1000).toISOString().slice(11, 16)
}
