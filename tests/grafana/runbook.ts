/** What the runbook says about one alert. */
export interface Chapter {
  readonly name: string
  readonly text: string
}

/** The chapters about alerts; what stands before the first of them is for all. */
export function chaptersOf(runbook: string): readonly Chapter[] {
  const [, ...chapters] = runbook.split(/^## (?=Maya)/m)
  return chapters.map((chapter) => {
    const end = chapter.indexOf('\n')
    return { name: chapter.slice(0, end), text: chapter.slice(end) }
  })
}

/** The queries for Prometheus, one in each line of its blocks. */
export function queriesIn(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^```promql\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  return blocks.flatMap((block) => block.split('\n').filter((line) => line !== ''))
}
