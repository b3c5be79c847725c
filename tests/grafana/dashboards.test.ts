import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { dashboard } from '../../grafana/source/dashboard.ts'
import { dashboards } from '../../grafana/source/dashboards.ts'
import { overview } from '../../grafana/source/overview.ts'
import { stat } from '../../grafana/source/panels.ts'
import { scrape } from '../fakes/exposition.ts'
import { newGuest } from '../fakes/guest.ts'
import { startService } from '../fakes/test-service.ts'
import { partsOf } from './expression.ts'
import { panelQueries } from './panel-queries.ts'

const folder = 'grafana/dashboards'

const files = Object.entries(dashboards).map(([file, content]) => ({ file, content }))
const panels = files.flatMap(({ file, content }) =>
  content.panels.map((panel) => ({ name: `${file}: ${panel.title}`, panel })),
)

describe('the files', () => {
  it('are what `node grafana/generate.ts` writes, and no others', () => {
    const written = readdirSync(folder).map((file): readonly [string, unknown] => [
      file,
      JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')),
    ])
    expect(Object.fromEntries(written)).toEqual(dashboards)
  })

  it('keep the uids that links and bookmarks have', () => {
    expect(Object.fromEntries(files.map(({ file, content }) => [file, content.uid]))).toEqual({
      'overview.json': 'maya-overview',
      'process.json': 'maya-process',
      'sessions.json': 'maya-sessions',
      'turns.json': 'maya-turns',
      'voice.json': 'maya-voice',
    })
  })

  it('let the data source, the container and the interval be chosen', () => {
    for (const { content } of files) {
      expect(content.templating.list.map(({ name }) => name)).toEqual(['datasource', 'container', 'interval'])
      expect(content.tags).toContain('maya')
    }
  })

  it('name the home of Grafana and what it provisions', () => {
    const compose = readFileSync('grafana/compose.yaml', 'utf8')
    const path = /^ +path: (\S+)$/m.exec(
      readFileSync('grafana/provisioning/dashboards/maya.yaml', 'utf8'),
    )?.[1]
    expect(compose).toContain(`- ./dashboards:${path}:ro`)
    const home = new RegExp(`DEFAULT_HOME_DASHBOARD_PATH: ${path}/(\\S+)$`, 'm').exec(compose)?.[1]
    expect(readdirSync(folder)).toContain(home)
  })
})

describe('panels', () => {
  it.each(files)('of $file lie beside each other and fill whole rows', ({ content }) => {
    const cells = content.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
    )
    const rows = Math.max(...content.panels.map(({ gridPos }) => gridPos.y + gridPos.h))
    const grid = Array.from({ length: 24 * rows }, (_, cell) => `${cell % 24} ${Math.floor(cell / 24)}`)
    expect(cells.toSorted()).toEqual(grid.toSorted())
  })

  it('and their queries have ids of their own', () => {
    for (const { file, content } of files) {
      expect([file, new Set(content.panels.map(({ id }) => id)).size]).toEqual([file, content.panels.length])
    }
    for (const { name, panel } of panels) {
      expect([name, new Set(panel.targets.map(({ refId }) => refId)).size]).toEqual([
        name,
        panel.targets.length,
      ])
    }
  })

  it('have a unit, and a description that says what is normal', () => {
    const silent = panels.filter(
      ({ panel }) => !/\bNormal: /.test(panel.description) || panel.fieldConfig.defaults.unit.length === 0,
    )
    expect(silent.map(({ name }) => name)).toEqual([])
  })

  it('name only settings and pages that there are', () => {
    const settings = readFileSync('README.md', 'utf8')
    const text = JSON.stringify(dashboards)
    const named = new Set(text.match(/\bMAYA_[A-Z_]+\b/g))
    expect([...named].filter((setting) => !settings.includes(`\`${setting}\``))).toEqual([])
    const pages = new Set(text.match(/\bdocs\/[\w-]+\.md\b/g))
    expect([...pages].filter((page) => !existsSync(page))).toEqual([])
  })

  it('have bounds that rise', () => {
    for (const { name, panel } of panels) {
      const [first, ...others] = panel.fieldConfig.defaults.thresholds?.steps.map(({ value }) => value) ?? [
        null,
      ]
      expect([name, first]).toEqual([name, null])
      expect([name, others]).toEqual([name, others.toSorted((one, other) => Number(one) - Number(other))])
    }
  })

  it('lead to dashboards that there are', () => {
    const targets = panels.flatMap(({ panel }) => panel.links?.map(({ url }) => url.split('?')[0]) ?? [])
    expect(targets.length).toBeGreaterThan(0)
    const known = files.map(({ content }) => `/d/${content.uid}`)
    expect(targets.filter((target) => !known.includes(target ?? ''))).toEqual([])
  })

  it('of the overview all lead on where they are a number', () => {
    const numbers = overview.panels.filter(({ type }) => type === 'stat')
    const ends = numbers.filter(({ links = [] }) => links.length === 0)
    expect(ends.map(({ title }) => title)).toEqual(['Alerts'])
  })

  it('are refused where they do not fill a row', () => {
    const panel = stat({ title: 'Half', description: '', unit: 'short', queries: [], width: 12 })
    const narrow = { uid: 'x', title: 'x', description: 'x', rows: [{ height: 1, panels: [panel] }] }
    expect(() => dashboard(narrow)).toThrow('A row has 24 columns: "Half" and its neighbours have 12.')
  })
})

/** What Prometheus itself knows. */
const builtIn: Catalogue = new Map([
  ['up', new Map([['job', null]])],
  [
    'ALERTS',
    new Map([
      ['alertname', null],
      ['alertstate', new Set(['pending', 'firing'])],
    ]),
  ],
])

/** The labels of every series by name, and the values that each label has; null where it may have any. */
type Catalogue = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string> | null>>

/** Everything that a server shows to the fleet, where each series has the container's name as well. */
async function readCatalogue(): Promise<Catalogue> {
  const service = await startService()
  await newGuest(service)
  const found = new Map<string, Map<string, Set<string> | null>>()
  const [families, ofFleet] = [await scrape(service), await scrape(service, '/metrics/fleet')]
  for (const { name, labels } of [...families, ...ofFleet].flatMap(({ samples }) => samples)) {
    const known = found.get(name) ?? new Map<string, Set<string> | null>()
    found.set(name, known)
    for (const [label, value] of Object.entries(labels)) {
      const isOpen = ['container', 'route', 'status'].includes(label)
      known.set(label, isOpen ? null : (known.get(label) ?? new Set<string>()).add(value))
    }
  }
  // The first collection, and the first publication after a request, may be still to come.
  for (const { name } of families.flatMap(({ samples }) => samples)) found.get(name)?.set('container', null)
  const collected = new Map([
    ['kind', null],
    ['container', null],
  ])
  found.set('nodejs_gc_duration_seconds_sum', collected)
  return new Map([...builtIn, ...found])
}

/** Those of Maya that tell nothing over time, or nothing that another does not tell. */
const notShown = [
  'maya_config_max_containers',
  'maya_config_memory_mb',
  'maya_container_memory_available_mb',
  'maya_fleet_containers',
  'maya_guard_policy_info',
  'maya_memory_source_info',
  'maya_rag_available',
  'maya_rag_document_count',
  'maya_rag_type',
]

describe('queries', () => {
  it('ask for metrics, labels and values that there are', async () => {
    const catalogue = await readCatalogue()
    for (const { name, expr } of panelQueries) {
      for (const { metric, matchers } of partsOf(expr).selectors) {
        const labels = catalogue.get(metric)
        expect([name, metric, labels !== undefined]).toEqual([name, metric, true])
        for (const { label, values } of matchers) {
          expect([name, metric, label, labels?.has(label)]).toEqual([name, metric, label, true])
          const known = labels?.get(label)
          const unknown = known ? values.filter((value) => !known.has(value)) : []
          expect([name, label, unknown]).toEqual([name, label, []])
        }
      }
    }
  })

  it('keep the labels that they group by and that their legends name', async () => {
    const catalogue = await readCatalogue()
    for (const { name, expr, legend } of panelQueries) {
      const { selectors, groupings } = partsOf(expr)
      const there = selectors.flatMap(({ metric }) => [...(catalogue.get(metric)?.keys() ?? [])])
      expect([name, groupings.flat().filter((label) => !there.includes(label))]).toEqual([name, []])
      const kept = groupings[0] ?? (/^(sum|max|min|count|histogram_quantile|1 -)/.test(expr) ? [] : there)
      const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
      expect([name, shown.filter((label) => !kept.includes(label))]).toEqual([name, []])
    }
  })

  it('use only the variables of the dashboards', () => {
    const used = new Set(panelQueries.flatMap(({ expr }) => expr.match(/\$\w+/g) ?? []))
    expect(used).toEqual(new Set(['$container', '$interval']))
  })

  it('show every metric of Maya, but those that tell nothing', async () => {
    const service = await startService()
    const families = [...(await scrape(service)), ...(await scrape(service, '/metrics/fleet'))]
    const ours = new Set(families.map((family) => family.name).filter((name) => name.startsWith('maya_')))
    const asked = panelQueries.flatMap(({ expr }) => partsOf(expr).selectors.map(({ metric }) => metric))
    const shown = new Set(asked.map((metric) => metric.replace(/_(bucket|sum|count)$/, '')))
    expect([...ours].filter((name) => !shown.has(name)).toSorted()).toEqual(notShown)
  })
})
