// Writes grafana/dashboards from grafana/source: `node grafana/generate.ts && oxfmt grafana`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dashboards } from './source/dashboards.ts'

for (const [file, content] of Object.entries(dashboards)) {
  writeFileSync(join(import.meta.dirname, 'dashboards', file), `${JSON.stringify(content, null, 2)}\n`)
}
