import type { Cartesia } from '@cartesia/cartesia-js'
import type { Clock } from '../../clock.ts'
import { fieldsOf, textOf } from '../../llm/fields.ts'
import { VoiceError, type VoiceChoice } from '../text-to-speech.ts'
import { garbled, refused, tooSlow, unreachable } from './failures.ts'
import { untilAborted } from '../until-aborted.ts'

export interface VoiceListOptions {
  readonly key: string
  readonly baseUrl: string
  /** The id of the voice that goes first. */
  readonly voice: string
  readonly clock: Clock
  readonly limits: { readonly voiceConnectMs: number }
}

const voicesMax = 100
/** How long a list may take to come, in times of a connection. */
const listFactor = 2
const listBytesMax = 1024 * 1024

/** Asks for the voices of an account. Throws a `VoiceError`, or the signal's reason. */
export async function listVoices(
  options: VoiceListOptions,
  ownSignal: AbortSignal,
): Promise<readonly VoiceChoice[]> {
  ownSignal.throwIfAborted()
  const { clock, limits, voice } = options
  const late = new AbortController()
  const cancelTimer = clock.after(limits.voiceConnectMs * listFactor, () => late.abort(tooSlow()))
  const signal = AbortSignal.any([ownSignal, late.signal])
  try {
    const client = await createClient(options)
    // Before it tries again the SDK waits as long as it was told to, whatever the signal says.
    const { data } = await untilAborted(client.voices.list({ limit: voicesMax }, { signal }), signal)
    return choicesOf(data, voice)
  } catch (error) {
    throw signal.aborted ? signal.reason : translated(error)
  } finally {
    cancelTimer()
  }
}

/** The SDK is loaded when it is needed: most servers never ask. It retries once what may be a passing fault. */
async function createClient({ key, baseUrl }: VoiceListOptions): Promise<Cartesia> {
  const sdk = await import('@cartesia/cartesia-js')
  return new sdk.Cartesia({
    apiKey: key,
    baseURL: baseUrl,
    maxRetries: 1,
    logLevel: 'off',
    fetch: boundedFetch,
  })
}

/** As `fetch`, but it follows nobody with the key, and reads only so much. */
async function boundedFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, { ...init, redirect: 'manual' })
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.byteLength
    if (bytes > listBytesMax) throw garbled()
    parts.push(part)
  }
  const { status, headers } = response
  return new Response(status === 204 || status === 304 ? null : Buffer.concat(parts), { status, headers })
}

/** The configured voice, then those that speak English, then the others; what is no voice is left out. */
function choicesOf(data: unknown, voice: string): readonly VoiceChoice[] {
  if (!Array.isArray(data)) throw garbled()
  const voices = data.slice(0, voicesMax).flatMap(voiceOf)
  const own = voices.find(({ id }) => id === voice) ?? { id: voice, name: 'Maya' }
  const others = voices.filter(({ id }) => id !== voice)
  const inOrder = [
    ...others.filter(({ isEnglish }) => isEnglish),
    ...others.filter((other) => !other.isEnglish),
  ]
  return [own, ...inOrder].slice(0, voicesMax).map(({ id, name }) => ({ id, name }))
}

function voiceOf(value: unknown): readonly (VoiceChoice & { readonly isEnglish: boolean })[] {
  const { id, name, language } = fieldsOf(value)
  if (typeof id !== 'string' || typeof name !== 'string' || id === '' || name === '') return []
  return [{ id, name, isEnglish: textOf(language).startsWith('en') }]
}

/** What the SDK throws has the status of the answer, or none where there was no answer. */
function translated(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof VoiceError) return error
  if (error.cause instanceof VoiceError) return error.cause
  if ('status' in error && typeof error.status === 'number') return refused(error.status)
  return error instanceof SyntaxError ? garbled() : unreachable(error)
}
