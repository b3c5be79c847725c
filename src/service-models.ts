import { menu } from './bar/menu.ts'
import type { Clock } from './clock.ts'
import type { Limits } from './config/limits.ts'
import type { Settings } from './config/settings.ts'
import { createBreaker, withBreaker, type Breaker } from './llm/breaker.ts'
import { withFallback } from './llm/fallback.ts'
import { ModelError, type ClosableModel, type Model } from './llm/model.ts'
import { Models } from './llm/models.ts'
import { observed, type ModelObserver } from './llm/observed.ts'
import { checkGeminiKey, createGeminiModel } from './llm/providers/gemini.ts'
import { createHouseModel } from './llm/providers/house.ts'
import { createOpenAiModel, openAiServerOf } from './llm/providers/openai.ts'
import { withRetries } from './llm/retries.ts'
import { withWatchdog } from './llm/watchdog.ts'
import type { KeyChecks } from './sessions/guest-keys.ts'
import { checkCartesiaKey } from './voice/providers/cartesia-key.ts'

/** The models of this server: the part of its bill of materials that the settings choose. */
export interface ServiceModelsOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly limits: Limits
  readonly observer: ModelObserver
  /** From 0 to 1. */
  readonly random: () => number
  readonly reportDefect: (error: unknown) => void
  /** What a test has in the place of the server's model, and of those of guests. */
  readonly model?: Model
  readonly guestModel?: (key: string) => ClosableModel
}

export type ProviderName = 'house' | 'gemini' | 'openai'

/**
 * `auto` is the best that can be had with what the server itself has. Where only guests have a key for Gemini, the
 * others are answered by the fallback, if there is one.
 */
function ownProviderOf(settings: Settings): ProviderName {
  const { llmProvider, llmFallback, geminiKey, vertexProject, openaiBaseUrl, modalEndpointUrl } = settings
  const hasGemini = geminiKey !== null || vertexProject !== null
  const hasOpenAi = openaiBaseUrl !== null || modalEndpointUrl !== null
  if (llmProvider === 'auto') return hasGemini ? 'gemini' : hasOpenAi ? 'openai' : 'house'
  return llmProvider === 'gemini' && !hasGemini ? (llmFallback ?? llmProvider) : llmProvider
}

/** Who answers when the server's own model does not; what fails there would fail here too. */
function fallbackOf(settings: Settings): ProviderName | null {
  return settings.llmFallback === ownProviderOf(settings) ? null : settings.llmFallback
}

/** Every provider that can be asked, whether by the server or with a guest's key. */
export function providersOf(settings: Settings): readonly ProviderName[] {
  const guests: readonly ProviderName[] = takesGeminiKeys(settings) ? ['gemini'] : []
  const fallback = settings.llmFallback === null ? [] : [settings.llmFallback]
  return [...new Set([ownProviderOf(settings), ...guests, ...fallback])]
}

/** What the tokens of these providers cost the server; nothing for the one that is a part of it. */
export function pricesOf(
  { llmInputPrice, llmOutputPrice }: Settings,
  providers: readonly string[],
): ReadonlyMap<string, { readonly input: number; readonly output: number }> {
  const price = { input: llmInputPrice ?? 0, output: llmOutputPrice ?? 0 }
  return new Map(providers.filter((name) => name !== 'house').map((name) => [name, price]))
}

/** Only Google's own model can be used with a guest's key for it. */
export function takesGeminiKeys({ llmProvider }: Settings): boolean {
  return llmProvider === 'auto' || llmProvider === 'gemini'
}

/** What the start prints: `gemini (gemini-3.5-flash-lite), else house`. */
export function describeModels(settings: Settings): string {
  const provider = ownProviderOf(settings)
  const fallback = fallbackOf(settings)
  const own = describeProvider(provider, settings)
  if (settings.llmProvider === 'gemini' && provider !== 'gemini')
    return `${own}, gemini only with guests' keys`
  return fallback === null ? own : `${own}, else ${describeProvider(fallback, settings)}`
}

function describeProvider(name: ProviderName, settings: Settings): string {
  if (name === 'house') return name
  const model = name === 'gemini' ? settings.geminiModel : (settings.openaiModel ?? 'the first that it lists')
  return `${name} (${model})`
}

/** Everything that answers guests: the server's own model, and those that are made for guests' keys. */
export function createModels(options: ServiceModelsOptions): Models {
  const { settings, limits, observer, model, guestModel, reportDefect } = options
  const supervision = { ...options, breakers: new Map<ProviderName, Breaker>() }
  const create = (name: ProviderName): ClosableModel =>
    supervised(name, createProvider(name, options), supervision)
  const createOwn = (): ClosableModel => {
    const first = create(ownProviderOf(settings))
    const fallback = fallbackOf(settings)
    return fallback === null ? first : either(first, create(fallback), observer)
  }
  const createForKey = (key: string): ClosableModel => {
    const gemini = createGemini({ kind: 'key', key, owner: 'guest' }, options)
    const first = supervised('gemini', gemini, supervision)
    // Any other would be paid for with the server's key.
    return settings.llmFallback === 'house' ? either(first, create('house'), observer) : first
  }
  return new Models({
    own: model === undefined ? createOwn() : { ...observed(model, observer), close: async () => {} },
    createForKey: guestModel ?? createForKey,
    guestModelsMax: limits.guestModelsMax,
    reportDefect,
  })
}

/** How guests' keys are tried. */
export function createKeyChecks({ geminiModel, geminiBaseUrl, cartesiaBaseUrl }: Settings): KeyChecks {
  return {
    gemini: (key, signal) => checkGeminiKey({ key, model: geminiModel, baseUrl: geminiBaseUrl, signal }),
    cartesia: (key, signal) => checkCartesiaKey({ key, baseUrl: cartesiaBaseUrl, signal }),
  }
}

function createProvider(name: ProviderName, options: ServiceModelsOptions): ClosableModel {
  const { settings, clock, limits } = options
  switch (name) {
    case 'house':
      return { ...createHouse(settings, clock), close: async () => {} }
    case 'gemini': {
      const { geminiKey: key, vertexProject: project, vertexLocation: location } = settings
      if (project !== null) return createGemini({ kind: 'vertex', project, location }, options)
      return key === null ? keyless : createGemini({ kind: 'key', key, owner: 'server' }, options)
    }
    case 'openai': {
      const { temperature, outputTokensMax } = settings
      return createOpenAiModel({ ...openAiServerOf(settings), temperature, outputTokensMax, clock, limits })
    }
  }
}

/** Serves only guests with a key of their own, and says so to the others. */
const keyless: ClosableModel = {
  name: 'gemini',
  isGeneral: true,
  stream() {
    const message = 'This bar has no key for its model. Enter a Gemini key of your own.'
    throw new ModelError('KEY_REJECTED', message, { retryable: false })
  },
  close: async () => {},
}

function createGemini(
  credential: Parameters<typeof createGeminiModel>[0]['credential'],
  { settings, clock, limits }: ServiceModelsOptions,
): ClosableModel {
  const { geminiModel: model, geminiThinking: thinking, geminiBaseUrl: baseUrl } = settings
  const { temperature, outputTokensMax } = settings
  const server = { credential, baseUrl, clock, limits }
  return createGeminiModel({ ...server, model, thinking, temperature, outputTokensMax })
}

function createHouse({ housePaceMs }: Settings, clock: Clock): Model {
  const items = menu.categories.flatMap((category) =>
    category.items.map((item) => ({ ...item, category: category.name })),
  )
  return createHouseModel({ clock, paceMs: housePaceMs, vocabulary: { items, modifiers: menu.modifiers } })
}

interface Supervision extends ServiceModelsOptions {
  readonly breakers: Map<ProviderName, Breaker>
}

/** Whatever a provider does: counted, never silent for long, asked again where that helps, and left alone when down. */
function supervised(name: ProviderName, provider: ClosableModel, supervision: Supervision): ClosableModel {
  const { settings, clock, limits, observer, random } = supervision
  const close = (): Promise<void> => provider.close()
  // It is a part of this process: there is nothing to wait for.
  if (name === 'house') return { ...observed(provider, observer), close }
  const { firstByteMs: firstMs, warmUpMs } = settings
  // Modal keeps a request until the container that it starts for it can answer.
  const startsCold = name === 'openai' && settings.modalEndpointUrl !== null
  const watched = withWatchdog(provider, { clock, firstMs, silenceMs: limits.modelSilenceMs, startsCold })
  const retried = withRetries(observed(watched, observer), {
    clock,
    random,
    attemptsMax: limits.modelAttemptsMax,
    deadlineMs: Math.max(limits.modelRetryMs, firstMs),
    warmUpMs,
    observer,
  })
  return { ...withBreaker(retried, { breaker: breakerOf(name, supervision) }), close }
}

/** One for all who ask the same provider, with whatever key. */
function breakerOf(provider: ProviderName, { breakers, clock, limits, observer }: Supervision): Breaker {
  const present = breakers.get(provider)
  if (present !== undefined) return present
  const { breakerFailuresMax: failuresMax, breakerOpenMs: openMs } = limits
  const breaker = createBreaker({ provider, clock, failuresMax, openMs, observer })
  breakers.set(provider, breaker)
  return breaker
}

function either(first: ClosableModel, second: ClosableModel, observer: ModelObserver): ClosableModel {
  return {
    ...withFallback(first, second, observer),
    async close() {
      await Promise.all([first.close(), second.close()])
    },
  }
}
