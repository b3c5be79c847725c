/** How long a server wants to be left alone, from its header: seconds, or a date by the server's own clock. */
export function retryAfterOf(header: (name: string) => string | undefined): number | undefined {
  const text = header('retry-after') ?? ''
  if (/^\d{1,6}(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000)
  if (!text.endsWith('GMT')) return undefined
  const waitMs = Date.parse(text) - Date.parse(header('date') ?? '')
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs)
}
