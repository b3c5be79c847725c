// What Grafana takes for a dashboard, by the types that Grafana Labs make of its schema, as JSON has them.
import type * as common from '@grafana/grafana-foundation-sdk/common'
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import type * as heatmap from '@grafana/grafana-foundation-sdk/heatmap'
import type * as prometheus from '@grafana/grafana-foundation-sdk/prometheus'
import type * as stat from '@grafana/grafana-foundation-sdk/stat'
import type * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline'
import type * as table from '@grafana/grafana-foundation-sdk/table'
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'
import type * as units from '@grafana/grafana-foundation-sdk/units'

/** A dashboard with our kinds of panels. Everything that the schema leaves open within them is filled in. */
export type GrafanaDashboard = Omit<Json<dashboard.Dashboard>, 'panels'> & {
  readonly panels: readonly Panel[]
}

export type Panel =
  | PanelOf<'stat', stat.Options, never>
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | PanelOf<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | PanelOf<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
  | PanelOf<'table', table.Options, table.FieldConfig>

type PanelOf<Type extends string, Options, Custom> = Omit<
  Json<dashboard.Panel>,
  'type' | 'title' | 'gridPos' | 'targets' | 'fieldConfig' | 'options' | 'transformations'
> & {
  readonly type: Type
  readonly targets: readonly Json<prometheus.Dataquery>[]
  readonly title: string
  readonly gridPos: Json<dashboard.GridPos>
  readonly options: Json<Options>
  readonly fieldConfig: {
    readonly defaults: Omit<Json<dashboard.FieldConfig>, 'custom' | 'unit'> & {
      readonly unit: Unit
      readonly custom?: Json<Custom>
    }
    readonly overrides: readonly {
      readonly matcher: { readonly id: 'byName'; readonly options: string }
      readonly properties: readonly OverrideProperty[]
    }[]
  }
  readonly transformations?: readonly Transformation[]
}

type OverrideProperty =
  | { readonly id: 'unit'; readonly value: Unit }
  | { readonly id: 'color'; readonly value: Json<dashboard.FieldColor> }
  | { readonly id: 'thresholds'; readonly value: Json<dashboard.ThresholdsConfig> }
  | { readonly id: 'custom.cellOptions'; readonly value: Json<common.TableCellOptions> }

/** Of these the schema knows no options. */
type Transformation =
  | { readonly id: 'merge'; readonly options: Readonly<Record<string, never>> }
  | {
      readonly id: 'organize'
      readonly options: {
        readonly excludeByName: Readonly<Record<string, boolean>>
        readonly renameByName: Readonly<Record<string, string>>
      }
    }

type Unit = Extract<(typeof units)[keyof typeof units], string> | `suffix:${string}`

/** A type of TypeScript as JSON has its values: without methods, and without enums but for their values. */
type Json<Type> = 0 extends 1 & Type
  ? Type
  : Type extends string
    ? `${Type}`
    : Type extends number
      ? `${Type}` extends `${infer Value extends number}`
        ? Value
        : never
      : Type extends readonly (infer Item)[]
        ? readonly Json<Item>[]
        : Type extends object
          ? {
              readonly [Name in keyof Type as Type[Name] extends () => void ? never : Name]: Json<Type[Name]>
            }
          : Type
