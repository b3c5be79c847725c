import { textOf } from '../llm/fields.ts'
import { fieldsOfAnswer, notMaya } from './answer-fields.ts'
import type { Connection } from './connection.ts'
import { printable } from './terminal.ts'

export interface HealthOptions {
  readonly connection: Connection
  readonly path: '/healthz' | '/readyz'
  readonly timeoutMs: number
}

const bytesMax = 64 * 1024
const checksMax = 20

/** What a probe says is wrong; nothing where all is well. Throws a `NoAnswerError` where it is no Maya that answers. */
export async function askHealth(options: HealthOptions, signal: AbortSignal): Promise<readonly string[]> {
  const { connection, path, timeoutMs } = options
  const answer = await connection.ask({ method: 'GET', path, timeoutMs, bytesMax }, signal)
  const url = `${connection.url}${path}`
  const { status, checks } = fieldsOfAnswer(answer, url)
  const isHealthy = answer.status === 200 && status === 'healthy'
  const isUnhealthy = answer.status === 503 && status === 'unhealthy'
  if (!(isHealthy || isUnhealthy)) throw notMaya(answer, url)
  if (isHealthy) return []
  const said = (Array.isArray(checks) ? checks : []).map(textOf).filter((check) => check !== '')
  return said.length === 0 ? ['No reason was given'] : said.slice(0, checksMax).map(printable)
}
