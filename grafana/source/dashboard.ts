import { datasource, type Panel, type PanelContent } from './panels.ts'

/** The uids of the dashboards, which never change. */
export const uids = {
  overview: 'maya-overview',
  sessions: 'maya-sessions',
  turns: 'maya-turns',
  voice: 'maya-voice',
  process: 'maya-process',
} as const

interface Row {
  /** Grafana's units of about 36 pixels. */
  readonly height: number
  readonly panels: readonly Panel[]
}

interface DashboardOptions {
  /** Stands in links and bookmarks: never changes. */
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly rows: readonly Row[]
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly tags: readonly string[]
  readonly templating: { readonly list: readonly { readonly name: string }[] }
  readonly panels: readonly PlacedPanel[]
  readonly [field: string]: unknown
}

interface PlacedPanel extends PanelContent {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly gridPos: Place
}

interface Place {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

/** The schema of Grafana 11.0; later ones read it and take it up to their own. */
const schemaVersion = 39
const columns = 24

/** A whole dashboard as Grafana imports it. */
export function dashboard({ uid, title, description, rows }: DashboardOptions): Dashboard {
  return {
    uid,
    title,
    description,
    tags: ['maya'],
    schemaVersion,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'browser',
    time: { from: 'now-3h', to: 'now' },
    refresh: '30s',
    fiscalYearStartMonth: 0,
    annotations: { list: [] },
    templating: { list: variables },
    links: [linksToOthers],
    panels: place(rows),
  }
}

/** Puts rows below each other, and the panels of each side by side. */
function place(rows: readonly Row[]): readonly PlacedPanel[] {
  const placed: PlacedPanel[] = []
  let y = 0
  for (const { height, panels } of rows) {
    let x = 0
    for (const { title, type, width = columns / panels.length, content } of panels) {
      placed.push({ id: placed.length + 1, title, type, gridPos: { x, y, w: width, h: height }, ...content })
      x += width
    }
    if (x !== columns || panels.some(({ width = columns / panels.length }) => !Number.isInteger(width))) {
      throw new Error(`A row has ${columns} columns: "${panels[0]?.title}" and its neighbours have ${x}.`)
    }
    y += height
  }
  return placed
}

const intervals = ['2m', '5m', '15m', '1h', '6h']
const containers = 'label_values(maya_active_sessions, container)'

const variables = [
  {
    name: 'datasource',
    label: 'Prometheus',
    type: 'datasource',
    query: 'prometheus',
    current: { selected: true, text: 'default', value: 'default' },
    hide: 0,
    includeAll: false,
    multi: false,
    options: [],
    refresh: 1,
    regex: '',
  },
  {
    name: 'container',
    label: 'Container',
    type: 'query',
    datasource,
    query: { qryType: 1, query: containers, refId: 'containers' },
    current: { selected: true, text: ['All'], value: ['$__all'] },
    // Matches also what has no such label: a scrape of one container.
    allValue: '.*',
    includeAll: true,
    multi: true,
    hide: 0,
    options: [],
    // Whenever the time range changes: containers come and go.
    refresh: 2,
    regex: '',
    sort: 1,
  },
  {
    name: 'interval',
    label: 'Rates over',
    type: 'interval',
    query: intervals.join(','),
    current: { selected: true, text: '5m', value: '5m' },
    options: intervals.map((value) => ({ selected: value === '5m', text: value, value })),
    auto: false,
    auto_count: 30,
    auto_min: '2m',
    hide: 0,
    refresh: 2,
  },
]

const linksToOthers = {
  title: 'Maya',
  type: 'dashboards',
  tags: ['maya'],
  asDropdown: false,
  includeVars: true,
  keepTime: true,
  targetBlank: false,
  icon: 'external link',
  tooltip: '',
  url: '',
}
