/** How many sessions are made or ended at the same time. */
const sessionsAtOnce = 32

/** Makes sessions and gives their ids. */
export async function openSessions({
  url,
  count,
}: {
  url: string
  count: number
}): Promise<readonly string[]> {
  const ids: string[] = []
  await inSteps(count, async () => {
    const response = await fetch(`${url}/api/v1/sessions`, { method: 'POST' })
    const id = response.headers.get('x-session-id')
    if (response.status !== 201 || id === null) throw new Error(`No session: ${await response.text()}`)
    await response.arrayBuffer()
    ids.push(id)
  })
  return ids
}

/** Ends what `openSessions` made. */
export async function endSessions({ url, ids }: { url: string; ids: readonly string[] }): Promise<void> {
  await inSteps(ids.length, async (at) => {
    const headers = { 'x-session-id': ids[at] ?? '' }
    const response = await fetch(`${url}/api/v1/session`, { method: 'DELETE', headers })
    if (response.status !== 204) throw new Error(`Not ended: ${await response.text()}`)
  })
}

/** Does the step for each number up to `count`, some at the same time. */
export async function inSteps(count: number, step: (at: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await step(next++)
  }
  await Promise.all(Array.from({ length: Math.min(count, sessionsAtOnce) }, worker))
}
