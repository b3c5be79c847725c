import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../src/clock.ts'
import { limits } from '../src/config/limits.ts'
import { readSettings } from '../src/config/settings.ts'
import { createModels, describeModels } from '../src/service-models.ts'
import { chunk, GeminiServer, type ScriptedAnswer } from './fakes/gemini-server.ts'
import { Hearing, NotedModels } from './fakes/played-model.ts'

function settingsOf(environment: Readonly<Record<string, string>>) {
  const result = readSettings({ MAYA_STORE_URL: 'memory:', ...environment })
  if (!result.ok) throw new Error('The settings are wrong.')
  return result.settings
}

/** The models of a server whose Gemini is scripted, and its observer's notes. */
async function setup(environment: Readonly<Record<string, string>> = {}) {
  const server = await GeminiServer.start()
  const observer = new NotedModels()
  const models = createModels({
    settings: settingsOf({ GEMINI_BASE_URL: server.url, MAYA_HOUSE_PACE_MS: '0', ...environment }),
    clock: systemClock,
    limits,
    observer,
    random: () => 0,
    reportDefect: (error) => {
      throw error
    },
  })
  onTestFinished(async () => {
    await models.close()
    await server.stop()
  })
  /** One request, answered so each time that it is asked; null is the server's own key. */
  const ask = async (key: string | null, answer?: ScriptedAnswer) => {
    if (answer !== undefined) server.answers(...Array.from({ length: limits.modelAttemptsMax }, () => answer))
    const lease = models.lease(key)
    const hearing = new Hearing(lease.model)
    await hearing.whenOver
    lease.release()
    return hearing
  }
  return { server, ask, notes: observer.notes }
}

const yes: ScriptedAnswer = { pieces: [chunk([{ text: 'Yes.' }], 'STOP')] }

/** As many failures in a row as a provider is allowed. */
async function failOften(failing: () => Promise<Hearing>): Promise<void> {
  for (let count = 0; count < limits.breakerFailuresMax; count++) {
    expect((await failing()).error).toBeDefined()
  }
}

describe('what happens to one guest of a provider', () => {
  it("is not changed by the rate limit of the server's own key", async () => {
    const { ask, notes } = await setup({ GEMINI_API_KEY: 'key-of-the-server' })
    await failOften(() => ask(null, { status: 429, pieces: ['{"error":{"code":429}}'] }))
    expect((await ask('key-of-a-guest', yes)).text).toBe('Yes.')
    expect(notes).not.toContain('gemini opened')
  })

  it('is not changed by the garbled replies of another', async () => {
    const { ask, notes } = await setup()
    await failOften(() => ask('key-of-one', { pieces: [chunk([], 'MALFORMED_FUNCTION_CALL')] }))
    expect((await ask('key-of-another', yes)).text).toBe('Yes.')
    expect(notes).not.toContain('gemini opened')
  })

  it.each<readonly [string, ScriptedAnswer]>([
    ['fails', { status: 503, pieces: ['{"error":{"code":503}}'] }],
    ['fails in the stream', { pieces: ['data: {"error":{"code":500}}\n\n'] }],
    ['hangs up', { end: 'drop' }],
    ['breaks off', { end: 'reset' }],
    ['is cut off', { pieces: [] }],
  ])('is spared a provider that %s', async (_how, answer) => {
    const { server, ask, notes } = await setup()
    await failOften(() => ask('key-of-one', answer))
    expect(notes).toContain('gemini opened')
    const asked = server.requests.length
    expect((await ask('key-of-another')).error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
    expect(server.requests).toHaveLength(asked)
  })
})

describe('a server of Gemini that has no key', () => {
  const keyless = { MAYA_LLM_PROVIDER: 'gemini' }

  it('answers with its fallback, and guests with a key with Gemini', async () => {
    const { ask, notes, server } = await setup({ ...keyless, MAYA_LLM_FALLBACK: 'house' })
    expect((await ask(null)).text).not.toBe('')
    expect([notes[0], server.requests.length]).toEqual(['house ok', 0])
    expect((await ask('key-of-a-guest', yes)).text).toBe('Yes.')
  })

  it('asks for one where there is no fallback', async () => {
    const { ask } = await setup(keyless)
    expect((await ask(null)).error).toMatchObject({ code: 'KEY_REJECTED' })
  })
})

describe('the models, as the start prints them', () => {
  it.each([
    [{}, 'house'],
    [
      { GEMINI_API_KEY: 'key-of-the-server', MAYA_LLM_FALLBACK: 'house' },
      'gemini (gemini-3.5-flash-lite), else house',
    ],
    [{ MAYA_LLM_PROVIDER: 'gemini' }, 'gemini (gemini-3.5-flash-lite)'],
    [{ MAYA_LLM_PROVIDER: 'gemini', MAYA_LLM_FALLBACK: 'house' }, "house, gemini only with guests' keys"],
  ])('%j are %s', (environment, words) => {
    expect(describeModels(settingsOf(environment))).toBe(words)
  })
})
