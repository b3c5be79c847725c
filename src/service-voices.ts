import type { Clock } from './clock.ts'
import type { Limits } from './config/limits.ts'
import type { Settings } from './config/settings.ts'
import { observedVoice } from './voice/observed.ts'
import type { VoiceObserver } from './voice/observer.ts'
import { createCartesia } from './voice/providers/cartesia.ts'
import { createEmbeddedVoice } from './voice/providers/embedded.ts'
import { Voices, type VoiceClient } from './voice/voices.ts'

/** Who speaks and listens on this server: the part of its bill of materials that the settings choose. */
export interface ServiceVoicesOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly limits: Limits
  readonly observer: VoiceObserver
  readonly reportDefect: (error: unknown) => void
  /** What a test has in the place of the server's own. */
  readonly voice?: VoiceClient
  readonly guestVoice?: (key: string) => VoiceClient
}

type VoiceName = 'embedded' | 'cartesia'

/** `auto` is the best that can be had with what the server itself has. */
function ownVoiceOf({ voiceProvider, cartesiaKey }: Settings): VoiceName | null {
  if (voiceProvider === 'none') return null
  if (voiceProvider === 'auto') return cartesiaKey === null ? 'embedded' : 'cartesia'
  return voiceProvider
}

/** Guests may bring a key wherever anybody may speak at all. */
export function takesCartesiaKeys({ voiceProvider }: Settings): boolean {
  return voiceProvider !== 'none'
}

/** What the start prints: `embedded (slt)`. */
export function describeVoice(settings: Settings): string {
  const name = ownVoiceOf(settings)
  if (name === null) return 'none'
  return `${name} (${name === 'embedded' ? settings.embeddedVoice : settings.cartesiaModel})`
}

/** The names of all voices and ears that can be used, whether by the server or with a guest's key. */
export function voicesOf(settings: Settings, voice?: VoiceClient): readonly string[] {
  const given = [voice?.textToSpeech?.name, voice?.speechToText?.name]
  const own = voice === undefined ? [ownVoiceOf(settings)] : given
  const guests = takesCartesiaKeys(settings) ? ['cartesia'] : []
  return [...new Set([...own, ...guests].filter((name) => typeof name === 'string'))]
}

export function createVoices(options: ServiceVoicesOptions): Voices {
  const { limits, reportDefect, voice, observer } = options
  const { guestVoice = (key: string) => cartesiaFor(key, options) } = options
  return new Voices({
    own: observed(voice ?? createOwn(options), observer),
    createForKey: (key) => observed(guestVoice(key), observer),
    guestClientsMax: limits.guestModelsMax,
    reportDefect,
  })
}

function createOwn(options: ServiceVoicesOptions): VoiceClient {
  const { settings } = options
  switch (ownVoiceOf(settings)) {
    case 'embedded':
      return embedded(options)
    case 'cartesia':
      return settings.cartesiaKey === null ? silent : cartesiaFor(settings.cartesiaKey, options)
    case null:
      return silent
  }
}

/** Where only guests with a key of their own hear a voice, or nobody. */
const silent: VoiceClient = { textToSpeech: null, speechToText: null, close: async () => {} }

function embedded({ settings, clock, limits }: ServiceVoicesOptions): VoiceClient {
  const textToSpeech = createEmbeddedVoice({ voice: settings.embeddedVoice, clock, limits })
  return { textToSpeech, speechToText: null, close: () => textToSpeech.close() }
}

function cartesiaFor(key: string, { settings, clock, limits }: ServiceVoicesOptions): VoiceClient {
  const { cartesiaBaseUrl: baseUrl, cartesiaModel: model, cartesiaVoice: voice } = settings
  const { cartesiaListeningModel: listeningModel, cartesiaConcurrency: concurrency } = settings
  return createCartesia({ key, baseUrl, model, voice, listeningModel, concurrency, clock, limits })
}

function observed(client: VoiceClient, observer: VoiceObserver): VoiceClient {
  const { textToSpeech } = client
  if (textToSpeech === null) return client
  return { ...client, textToSpeech: observedVoice(textToSpeech, observer) }
}
