import type { KeyCheck } from '../../llm/model.ts'
import { headersFor } from '../cartesia/address.ts'

export interface CartesiaKeyOptions {
  readonly key: string
  readonly baseUrl: string
  readonly signal: AbortSignal
}

/** Asks for one voice: the cheapest request that needs a key. Says `unverified` when Cartesia cannot be asked. */
export async function checkCartesiaKey({ key, baseUrl, signal }: CartesiaKeyOptions): Promise<KeyCheck> {
  try {
    // A redirect is no answer of Cartesia's, and the key is for nobody else.
    const response = await fetch(`${baseUrl}/voices?limit=1`, {
      headers: headersFor(key),
      signal,
      redirect: 'manual',
    })
    // Only the status counts. A body that breaks off now changes nothing.
    await response.body?.cancel().catch(() => {})
    return checkOfStatus(response.status)
  } catch (error) {
    // What `fetch` throws when nobody answers, or nobody in time.
    if (!signal.aborted && !(error instanceof TypeError)) throw error
    return { status: 'unverified', reason: 'Cartesia could not be reached.' }
  }
}

function checkOfStatus(status: number): KeyCheck {
  if (status >= 200 && status < 300) return { status: 'valid' }
  if (status === 401 || status === 403) return { status: 'rejected', reason: 'Cartesia does not know it.' }
  if (status === 402 || status === 429) {
    return { status: 'unverified', reason: 'Cartesia has no quota left for it at this moment.' }
  }
  return { status: 'unverified', reason: `Cartesia answered with an error (${status}).` }
}
