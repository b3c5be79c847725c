// Draws the dashboards from what a real Prometheus has seen of a real fleet: npm run pictures. It takes ten minutes,
// and less with `-- --minutes 0.5 --into /tmp/pictures`.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Browser } from 'playwright-core'
import { launchBrowser } from '../../browser/launch.ts'
import type { GrafanaDashboard, Panel } from '../dashboard-type.ts'
import { shownIn, type Answered, type Asking } from './answers.ts'
import { Evening } from './evening.ts'
import { pageOf } from './page.ts'

const folder = 'grafana/dashboards'
const width = 1280
const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '6.5' },
    into: { type: 'string', default: 'docs/pictures' },
  },
})
/** Until everything goes wrong, and with half of it from then on. */
const minutes = Number(options.minutes)

mkdirSync(options.into, { recursive: true })
const browser = await launchBrowser()
const evening = await Evening.begin()
const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => ending.abort(new Error(`Ended by ${signal}.`)))
}
try {
  await evening.last(minutes, ending.signal)
  for (const file of readdirSync(folder)) await take(file, file.replace('.json', ''))
  evening.goWrong()
  await evening.last(minutes / 2, ending.signal)
  await take('overview.json', 'overview-bad-night')
} finally {
  await evening.close()
  await browser.close()
}

/** A picture of one dashboard as it is now. */
async function take(file: string, name: string): Promise<void> {
  const dashboard: GrafanaDashboard = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'))
  const toSeconds = Math.floor(Date.now() / 1000)
  const asking: Asking = {
    prometheus: evening.fleet.prometheus,
    choice: { containers: null, interval: '2m' },
    range: { fromSeconds: toSeconds - minutes * 60, toSeconds, stepSeconds: 5 },
  }
  const panels = await Promise.all(dashboard.panels.map((panel) => answeredOf(panel, asking)))
  await photograph(browser, pageOf({ dashboard, panels, width }), `${options.into}/${name}.png`)
}

async function answeredOf(panel: Panel, asking: Asking): Promise<Answered> {
  return { panel, range: asking.range, shown: await shownIn(panel, asking) }
}

async function photograph(by: Browser, page: string, path: string): Promise<void> {
  const tab = await by.newPage({ viewport: { width, height: 600 } })
  await tab.setContent(page)
  await tab.screenshot({ path, fullPage: true })
  await tab.close()
}
