// Panels as Grafana's classic JSON has them, with one look for each kind.

export interface Query {
  readonly expression: string
  /** What the series is called: a word, or labels as `{{container}}`. */
  readonly legend: string
}

type Words = readonly string[]

/** Grafana's names of units; `/min` is one of our own. */
export type Unit =
  | 's'
  | 'bytes'
  | 'percent'
  | 'percentunit'
  | 'short'
  | 'currencyUSD'
  | 'suffix:/min'
  | 'suffix:cores'

interface Step {
  readonly color: string
  /** From where the colour counts; null for everything below the first bound. */
  readonly value: number | null
}

export interface PanelOptions {
  readonly title: string
  /** For whoever is woken: what it is, what is normal, and where to look next. */
  readonly description: string
  readonly unit: Unit
  readonly queries: readonly Query[]
  readonly steps?: readonly Step[]
  /** Columns of 24; else the panels of a row share it evenly. */
  readonly width?: number
}

export interface Panel {
  readonly title: string
  readonly type: string
  readonly width?: number
  readonly content: PanelContent
}

/** What Grafana's JSON says about a panel beside its title, type and place. */
export interface PanelContent {
  readonly description: string
  readonly targets: readonly Target[]
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit: Unit
      readonly thresholds?: { readonly mode: 'absolute'; readonly steps: readonly Step[] }
      readonly [field: string]: unknown
    }
    readonly overrides: readonly object[]
  }
  readonly links?: readonly { readonly url: string }[]
  readonly [field: string]: unknown
}

interface Target {
  readonly refId: string
  readonly expr: string
  readonly legendFormat: string
  readonly instant: boolean
  readonly [field: string]: unknown
}

export const datasource = { type: 'prometheus', uid: '${datasource}' } as const

const plain: readonly Step[] = [{ color: 'blue', value: null }]

/** Green below the first bound, orange from it on, red from the second on. */
export function badAbove(orange: number, red: number): readonly Step[] {
  return [
    { color: 'green', value: null },
    { color: 'orange', value: orange },
    { color: 'red', value: red },
  ]
}

/** Green from the first bound on, orange below it, red below the second. */
export function badBelow(orange: number, red: number): readonly Step[] {
  return [
    { color: 'red', value: null },
    { color: 'orange', value: red },
    { color: 'green', value: orange },
  ]
}

/** Green at 0 and red at anything above. */
export const badAtAll: readonly Step[] = [
  { color: 'green', value: null },
  { color: 'red', value: 0.001 },
]

interface Otherwise {
  readonly text: string
  readonly color: string
}

/** Nobody is there, which is neither good nor bad. */
export function quiet(text: string): Otherwise {
  return { text, color: '#6e7781' }
}

const noData: Otherwise = { text: 'No data', color: 'red' }

interface StatOptions extends PanelOptions {
  /** Shown where the query has no answer; else that counts as a fault. */
  readonly otherwise?: Otherwise
  /** Words for 0, 1 and so on. */
  readonly words?: Words
  /** Shows what a series is called where there is only one, too. */
  readonly isNamed?: boolean
  /** Below each other, for names that are long. */
  readonly isList?: boolean
  /** Where a click leads: the uid of another dashboard. */
  readonly leadsTo?: string | undefined
}

/** One number, as it is now: an instant query, since a series that ended would else go on showing its last value. */
export function stat(options: StatOptions): Panel {
  const {
    unit,
    steps = plain,
    otherwise = noData,
    words = [],
    isNamed = false,
    isList = false,
    leadsTo,
  } = options
  return panel('stat', options, {
    targets: targets(options.queries, { instant: true }),
    fieldConfig: {
      defaults: {
        unit,
        noValue: otherwise.text,
        color: { mode: 'thresholds' },
        thresholds: { mode: 'absolute', steps },
        mappings: [
          { type: 'value', options: textOf(words) },
          { type: 'special', options: { match: 'null+nan', result: { index: words.length, ...otherwise } } },
        ],
      },
      overrides: [],
    },
    options: {
      colorMode: 'background',
      graphMode: 'none',
      justifyMode: 'center',
      orientation: isList ? 'horizontal' : 'auto',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      textMode: isNamed ? 'value_and_name' : 'auto',
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: 'standard',
    },
    links: leadsTo === undefined ? [] : [linkTo(leadsTo)],
  })
}

interface SeriesOptions extends PanelOptions {
  readonly stacked?: boolean
  /** A fixed colour for a series, by its name. */
  readonly colors?: Readonly<Record<string, string>>
  /** Whether everything here is a failure: green would tell otherwise. */
  readonly isBad?: boolean
  /** Shown where there is nothing to draw, which is then no fault. */
  readonly otherwise?: string
}

/** Lines over time. Bounds are dashed lines, so that near and beyond can be told apart. */
export function series(options: SeriesOptions): Panel {
  const { unit, steps, stacked = false, isBad = false, colors = {}, otherwise } = options
  return panel('timeseries', options, {
    targets: targets(options.queries, { range: true }),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(otherwise !== undefined && { noValue: otherwise }),
        color: isBad ? { mode: 'shades', fixedColor: 'red' } : { mode: 'palette-classic' },
        thresholds: { mode: 'absolute', steps: steps ?? plain },
        custom: {
          drawStyle: 'line',
          // Of what is stacked and is 0, a line would still be seen on top of the others.
          lineWidth: stacked ? 0 : 1,
          fillOpacity: stacked ? 60 : 5,
          showPoints: 'never',
          spanNulls: false,
          stacking: { group: 'A', mode: stacked ? 'normal' : 'none' },
          thresholdsStyle: { mode: steps === undefined ? 'off' : 'dashed' },
        },
      },
      overrides: Object.entries(colors).map(([name, fixedColor]) =>
        override(name, { color: { mode: 'fixed', fixedColor } }),
      ),
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  })
}

/** How often each duration came, over time; `queries` asks for the buckets of one histogram. */
export function heatMap(options: PanelOptions): Panel {
  return panel('heatmap', options, {
    targets: targets(options.queries, { range: true, format: 'heatmap' }),
    fieldConfig: { defaults: { unit: options.unit }, overrides: [] },
    options: {
      calculate: false,
      showValue: 'never',
      rowsFrame: { layout: 'auto' },
      cellGap: 1,
      cellValues: { unit: 'short', decimals: 1 },
      color: {
        mode: 'scheme',
        scheme: 'Oranges',
        fill: 'dark-orange',
        exponent: 0.5,
        steps: 64,
        reverse: false,
      },
      exemplars: { color: 'rgba(255,0,255,0.7)' },
      // Empty buckets stay blank.
      filterValues: { le: 1e-9 },
      legend: { show: true },
      tooltip: { mode: 'single', yHistogram: true, showColorScale: false },
      yAxis: { axisPlacement: 'left', reverse: false, unit: options.unit },
    },
  })
}

interface TimelineOptions extends PanelOptions {
  readonly words: Words
}

/** States over time, a band for each series. */
export function timeline(options: TimelineOptions): Panel {
  const { unit, steps = plain, words } = options
  return panel('state-timeline', options, {
    targets: targets(options.queries, { range: true }),
    fieldConfig: {
      defaults: {
        unit,
        color: { mode: 'thresholds' },
        thresholds: { mode: 'absolute', steps },
        mappings: [{ type: 'value', options: textOf(words) }],
        custom: { fillOpacity: 70, lineWidth: 0 },
      },
      overrides: [],
    },
    options: {
      mergeValues: true,
      rowHeight: 0.9,
      showValue: 'auto',
      alignValue: 'left',
      legend: { displayMode: 'list', placement: 'bottom', showLegend: false, calcs: [] },
      tooltip: { mode: 'single', sort: 'none' },
    },
  })
}

interface Column {
  readonly title: string
  readonly expression: string
  readonly unit: Unit
  readonly steps?: readonly Step[]
}

type TableOptions = Omit<PanelOptions, 'queries' | 'unit'> & { readonly columns: readonly Column[] }

/** A line for each container as it is now. Every column's query keeps the label `container` and no other. */
export function containerTable({ columns, ...options }: TableOptions): Panel {
  const queries = columns.map(({ title, expression }) => ({ expression, legend: title }))
  const names = Object.fromEntries(columns.map(({ title }, index) => [`Value #${refId(index)}`, title]))
  return panel('table', options, {
    targets: targets(queries, { instant: true, format: 'table' }),
    fieldConfig: {
      defaults: {
        unit: 'short',
        custom: { align: 'auto', cellOptions: { type: 'auto' }, filterable: false, inspect: false },
      },
      overrides: columns.map(({ title, unit, steps }) =>
        override(title, {
          unit,
          ...(steps !== undefined && {
            thresholds: { mode: 'absolute', steps },
            'custom.cellOptions': { type: 'color-background', mode: 'basic' },
          }),
        }),
      ),
    },
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: { excludeByName: { Time: true }, renameByName: { container: 'Container', ...names } },
      },
    ],
    options: {
      frameIndex: 0,
      cellHeight: 'sm',
      showHeader: true,
      sortBy: [{ displayName: 'Container' }],
    },
  })
}

function panel(
  type: string,
  { title, description, width }: Pick<PanelOptions, 'title' | 'description' | 'width'>,
  content: Pick<PanelContent, 'targets' | 'fieldConfig' | 'links'> & Readonly<Record<string, unknown>>,
): Panel {
  return {
    title,
    type,
    ...(width !== undefined && { width }),
    content: { description, datasource, ...content },
  }
}

interface Asking {
  readonly instant?: boolean
  readonly range?: boolean
  readonly format?: 'time_series' | 'table' | 'heatmap'
}

function targets(
  queries: readonly Query[],
  { instant = false, range = false, format = 'time_series' }: Asking,
): readonly Target[] {
  return queries.map(({ expression, legend }, index) => ({
    refId: refId(index),
    datasource,
    editorMode: 'code',
    expr: expression,
    legendFormat: legend,
    format,
    instant,
    range,
  }))
}

/** Grafana calls the queries of a panel A, B, C. */
function refId(index: number): string {
  return String.fromCodePoint('A'.codePointAt(0)! + index)
}

function override(name: string, properties: Readonly<Record<string, unknown>>) {
  return {
    matcher: { id: 'byName', options: name },
    properties: Object.entries(properties).map(([id, value]) => ({ id, value })),
  }
}

function textOf(words: Words) {
  return Object.fromEntries(words.map((text, index) => [index, { index, text }]))
}

function linkTo(uid: string) {
  const kept = [
    '${__url_time_range}',
    '${datasource:queryparam}',
    '${container:queryparam}',
    '${interval:queryparam}',
  ]
  return {
    title: 'More about it',
    type: 'link',
    url: `/d/${uid}?${kept.join('&')}`,
    icon: '',
    tooltip: '',
    tags: [],
    asDropdown: false,
    includeVars: false,
    keepTime: false,
    targetBlank: false,
  }
}
