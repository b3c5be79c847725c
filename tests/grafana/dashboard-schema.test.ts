// The compiler holds the dashboards, as they stand in their files, against Grafana's own types.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const folder = 'grafana/dashboards'
const files = readdirSync(folder)
const texts = new Map(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]))

/** One thing that Grafana would not know, in a dashboard that is right but for it. */
interface Fault {
  readonly what: string
  readonly file: string
  readonly from: string
  readonly to: string
}

const faults: readonly Fault[] = [
  { what: 'a field', file: 'overview.json', from: '"graphTooltip"', to: '"graphTooltips"' },
  { what: 'a field of a panel', file: 'overview.json', from: '"fieldConfig"', to: '"fieldsConfig"' },
  { what: 'a kind of panel', file: 'overview.json', from: '"type": "stat"', to: '"type": "stats"' },
  { what: 'a unit', file: 'overview.json', from: '"unit": "percentunit"', to: '"unit": "percentage"' },
  { what: 'a unit of a column', file: 'sessions.json', from: '"value": "bytes"', to: '"value": "byte"' },
  { what: 'a legend', file: 'overview.json', from: '"displayMode": "list"', to: '"displayMode": "lists"' },
  { what: 'an option', file: 'overview.json', from: '"graphMode"', to: '"graphsMode"' },
  { what: 'a way to stack', file: 'turns.json', from: '"mode": "normal"', to: '"mode": "usual"' },
  { what: 'a style of bounds', file: 'process.json', from: '"mode": "dashed"', to: '"mode": "dotted"' },
  { what: 'a mapping', file: 'overview.json', from: '"match": "null+nan"', to: '"match": "nothing"' },
  { what: 'a format', file: 'turns.json', from: '"format": "heatmap"', to: '"format": "heat_map"' },
  { what: 'a field of a query', file: 'voice.json', from: '"legendFormat"', to: '"legend"' },
  { what: 'a kind of variable', file: 'voice.json', from: '"type": "interval"', to: '"type": "duration"' },
  { what: 'a transformation', file: 'sessions.json', from: '"id": "merge"', to: '"id": "mix"' },
  { what: 'a number for a text', file: 'voice.json', from: '"uid": "maya-voice"', to: '"uid": 7' },
]

/** What the compiler says of each of these dashboards. */
function judge(dashboards: readonly string[]): readonly (readonly string[])[] {
  const directory = mkdtempSync(join(tmpdir(), 'maya-dashboards-'))
  try {
    const type = `import type { GrafanaDashboard } from ${JSON.stringify(resolve('tests/grafana/dashboard-type.ts'))}`
    for (const [at, text] of dashboards.entries()) {
      writeFileSync(
        join(directory, `${at}.ts`),
        `${type}\nexport const dashboard: GrafanaDashboard = ${text}`,
      )
    }
    const settings = { extends: resolve('tsconfig.json'), compilerOptions: { types: [] }, include: ['*.ts'] }
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(settings))
    const { stdout, error } = spawnSync(process.execPath, [resolve('node_modules/typescript/bin/tsc')], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 60_000,
    })
    if (error !== undefined) throw error
    const errors = stdout.split('\n').filter((line) => line.includes('error TS'))
    const strays = errors.filter((line) => !/^\d+\.ts\(/.test(line))
    if (strays.length > 0) throw new Error(strays.join('\n'))
    return dashboards.map((_, at) => errors.filter((line) => line.startsWith(`${at}.ts(`)))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const faulty = faults.map(({ file, from, to }) => texts.get(file)?.replace(from, to) ?? '')
const verdicts = judge([...texts.values(), ...faulty])

describe('Grafana', () => {
  it.each(files.map((file, at) => ({ file, errors: verdicts[at] })))('takes $file', ({ errors }) => {
    expect(errors).toEqual([])
  })

  it.each(faults.map((fault, at) => ({ ...fault, at })))(
    'would not take $what that it does not know',
    (fault) => {
      expect(texts.get(fault.file)).toContain(fault.from)
      expect(verdicts[files.length + fault.at]?.join()).toContain('error TS')
    },
  )
})
