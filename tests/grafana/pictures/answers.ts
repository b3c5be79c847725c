import type { PrometheusServer, Range, Series } from '../../proofs/prometheus-server.ts'
import type { Panel } from '../dashboard-type.ts'
import { filled, type Choice } from '../panel-queries.ts'

/** One line, number or row of a panel. */
export interface Shown {
  /** As its legend says. */
  readonly name: string
  readonly refId: string
  readonly series: Series
}

/** A panel with what Prometheus answered to its queries. */
export interface Answered<Type extends Panel['type'] = Panel['type']> {
  readonly panel: Extract<Panel, { readonly type: Type }>
  readonly range: Range
  readonly shown: readonly Shown[]
}

export interface Asking {
  readonly prometheus: PrometheusServer
  readonly choice: Choice
  readonly range: Range
}

/** Asks what Grafana would ask for one panel. */
export async function shownIn(
  panel: Panel,
  { prometheus, choice, range }: Asking,
): Promise<readonly Shown[]> {
  const answers = await Promise.all(
    panel.targets.map(async ({ expr, instant, legendFormat = '', refId = '' }) => {
      const query = filled(expr, choice)
      const all = await (instant ? prometheus.query(query) : prometheus.queryRange(query, range))
      return all.map((series) => ({ name: nameOf(series, legendFormat), refId, series }))
    }),
  )
  return answers.flat()
}

function nameOf({ labels }: Series, legend: string): string {
  return legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '')
}
