import type { Dashboard } from './dashboard.ts'
import { overview } from './overview.ts'
import { processes } from './processes.ts'
import { sessions } from './sessions.ts'
import { turns } from './turns.ts'
import { voice } from './voice.ts'

/** Every dashboard, by the name of its file in `grafana/dashboards`. */
export const dashboards: Readonly<Record<string, Dashboard>> = {
  'overview.json': overview,
  'sessions.json': sessions,
  'turns.json': turns,
  'voice.json': voice,
  'process.json': processes,
}
