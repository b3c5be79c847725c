import { dashboards } from '../../grafana/source/dashboards.ts'

/** One query of a panel. */
export interface PanelQuery {
  /** `overview.json: Alerts: alerts` */
  readonly name: string
  readonly expr: string
  readonly legend: string
}

/** What is chosen above every dashboard. */
export interface Choice {
  /** Names of containers; `null` is all. */
  readonly containers: readonly string[] | null
  /** One of those that can be chosen, such as `5m`. */
  readonly interval: string
}

/** Every query of every panel. */
export const panelQueries: readonly PanelQuery[] = Object.entries(dashboards).flatMap(([file, { panels }]) =>
  panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => ({
      name: `${file}: ${title}: ${legendFormat}`,
      expr,
      legend: legendFormat,
    })),
  ),
)

/** Replaces the variables as Grafana does. */
export function filled(expression: string, { containers, interval }: Choice): string {
  return expression.replaceAll('$container', patternOf(containers)).replaceAll('$interval', interval)
}

/** Grafana writes one value as it is, several in brackets, and escapes what is special in a pattern, in a string. */
function patternOf(containers: readonly string[] | null): string {
  if (containers === null) return '.*'
  const escaped = containers.map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\\$&`))
  return escaped.length === 1 ? escaped.join() : `(${escaped.join('|')})`
}
