// The few shapes that our queries have. `$container` and `$interval` are the variables of every dashboard.

/** One metric of the chosen containers, narrowed by more matchers. */
export function of(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${['container=~"$container"', ...matchers].join(', ')}}`
}

/** How fast a counter grows, in its own unit a second, for each of these labels. */
export function perSecond(
  metric: string,
  by: readonly string[] = [],
  ...matchers: readonly string[]
): string {
  return `${sumBy(by)}(rate(${of(metric, ...matchers)}[$interval]))`
}

export function perMinute(
  metric: string,
  by: readonly string[] = [],
  ...matchers: readonly string[]
): string {
  return `${perSecond(metric, by, ...matchers)} * 60`
}

/** A quantile of a histogram over the chosen containers; nothing where nothing was measured. */
export function quantile(part: number, histogram: string, by: readonly string[] = []): string {
  const rates = perSecond(`${histogram}_bucket`, ['le', ...by])
  return `histogram_quantile(${part}, ${rates}) >= 0`
}

/** How many were measured in each bucket, for a heat map. */
export function buckets(histogram: string): string {
  return `sum by (le) (increase(${of(`${histogram}_bucket`)}[$interval]))`
}

/** A part of a whole; nothing where the whole is 0, for then there is nothing to judge. */
export function share(part: string, whole: string): string {
  return `${part} / (${whole} > 0)`
}

function sumBy(labels: readonly string[]): string {
  return labels.length === 0 ? 'sum' : `sum by (${labels.join(', ')}) `
}
