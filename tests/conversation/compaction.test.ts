import { describe, expect, it } from 'vitest'
import { barStateOf } from '../../src/conversation/tools/bar-tools.ts'
import { ModelError, type Model, type ModelEvent, type ModelRequest } from '../../src/llm/model.ts'
import { estimatePrompt } from '../../src/llm/prompt.ts'
import type { Store } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { calls, finish, hanging, says, ScriptedModel, type ScriptedReply } from '../fakes/scripted-model.ts'
import { unreliable } from '../log/unreliable-store.ts'
import { guestOf, openSession, startContainer, textOf, type ContainerOptions } from '../sessions/container.ts'

/** A long message that can be told from others. */
function story(name: string): string {
  return `My name is ${name}. ${'I like this bar very much. '.repeat(40)}`
}

function isForSummary({ tools }: ModelRequest): boolean {
  return tools.length === 0
}

/** Answers everything, and asked for a summary it says this. */
function talkative(summary: ScriptedReply): { readonly model: Model; readonly requests: ModelRequest[] } {
  const requests: ModelRequest[] = []
  const model: Model = {
    name: 'talkative',
    isGeneral: true,
    async *stream(request, signal) {
      requests.push(request)
      const reply = isForSummary(request) ? summary : says(`I heard you. ${'Good. '.repeat(60)}`)
      yield* new ScriptedModel(reply).stream(request, signal)
    },
  }
  return { model, requests }
}

const blocked: ModelEvent = {
  type: 'finish',
  reason: 'blocked',
  usage: { inputTokens: 10, outputTokens: 5 },
}

const tight: ContainerOptions = { promptTokensMax: 4000, stateOf: barStateOf }

async function talk(summary: ScriptedReply, options: ContainerOptions = {}, messages = 12) {
  const { model, requests } = talkative(summary)
  const session = await openSession({ ...tight, model, ...options })
  for (let at = 0; at < messages; at++) {
    const told = await session.say(story(`Guest ${at}`))
    expect(told.at(-1)).toMatchObject({ type: 'complete' })
  }
  const compactions = (await session.log()).filter((event) => event.type === 'history-compacted')
  const replies = requests.filter((request) => !isForSummary(request))
  const summaries = requests.filter(isForSummary)
  return { ...session, requests, replies, summaries, compactions }
}

function wordsOf({ messages }: ModelRequest): string {
  return JSON.stringify(messages)
}

describe('a long conversation', () => {
  it('keeps every prompt within its tokens, and shows the newest turns whole', async () => {
    const { requests, replies, compactions } = await talk(says('They told about themselves.'), {}, 30)
    for (const request of requests) expect(estimatePrompt(request)).toBeLessThanOrEqual(4000)
    expect(compactions.length).toBeGreaterThan(2)
    expect(compactions.length).toBeLessThan(20)
    for (const [at, request] of replies.entries())
      expect(wordsOf(request)).toContain(story(`Guest ${at}`).trim())
    expect(replies.at(-1)?.summary).toBe('They told about themselves.')
  })

  it('has every turn in the summary or in the messages, and none in both', async () => {
    const { replies, summaries, compactions, state } = await talk(says('Things.'), {}, 15)
    const shown = replies.map((request) => request.messages.filter(({ role }) => role === 'user').length)
    const summed = summaries.map((request) => wordsOf(request).match(/My name is/g)?.length ?? 0)
    const total = summed.reduce((sum, count) => sum + count, 0)
    expect(total + (shown.at(-1) ?? 0)).toBe(15)
    const { turns, summary } = await state()
    const last = turns.findIndex(({ turnId }) => turnId === summary?.throughTurnId)
    expect(last + 1).toBe(total)
    expect(compactions).toHaveLength(summaries.length)
  })

  it('gives the model the summary before when it asks for the next', async () => {
    const { summaries } = await talk(says('They are called Guest 0.'))
    expect(summaries[0]?.summary).toBeNull()
    expect(summaries[1]?.summary).toBe('They are called Guest 0.')
    expect(summaries[0]?.instructions).toMatch(/as data/)
  })

  it('becomes a summary by rule where the model cannot write one', async () => {
    const { model, requests } = talkative([])
    const house: Model = { ...model, isGeneral: false }
    const { say, state } = await openSession({
      ...tight,
      model: house,
      limits: { summaryCharactersMax: 600 },
    })
    await say('A gin')
    for (let at = 0; at < 12; at++) await say(story(`Guest ${at}`))
    expect(requests.filter(isForSummary)).toEqual([])
    const { summary } = await state()
    expect(summary?.text).toMatch(/^- The guest said: My name is Guest \d+\./m)
    expect(summary?.text.length).toBeLessThanOrEqual(600)
  })

  it('has a summary of turns that the state itself keeps no longer', async () => {
    const { model, requests } = talkative(says('Things.'))
    const { say, state } = await openSession({ model, limits: { turnsKeptMax: 4 } })
    for (let at = 0; at < 20; at++) await say(`Message ${at}.`)
    expect((await state()).turns).toHaveLength(4)
    const summed = requests
      .filter(isForSummary)
      .flatMap((request) => wordsOf(request).match(/Message \d+/g) ?? [])
    const last = requests.at(-1)
    const shown = last === undefined ? [] : (wordsOf(last).match(/Message \d+/g) ?? [])
    expect([...summed, ...shown]).toEqual(Array.from({ length: 20 }, (_, at) => `Message ${at}`))
  })

  it('begins without a summary after a reset', async () => {
    const { say, use, requests, state } = await talk(says('Things.'))
    await use((session) => session.reset(undefined, { status: 200, body: null }))
    expect((await state()).summary).toBeNull()
    await say('Hello')
    expect(requests.at(-1)).toMatchObject({ summary: null, messages: [{ text: 'Hello' }] })
  })

  it('goes on with the same summary in another process, from a snapshot as from the log', async () => {
    for (const eventsPerSnapshot of [4, 1000]) {
      const clock = new FakeClock()
      const store = createMemoryStore({ clock })
      const limits = { eventsPerSnapshot }
      const first = await talk(says('Things.'), { clock, store, limits })
      const { model, requests } = talkative(says('Other things.'))
      const other = startContainer({ ...tight, name: 'b', clock, store, model, limits })
      await guestOf(other, first.id).say('Hello')
      expect(requests[0]?.summary).toBe('Things.')
      expect(JSON.stringify(requests[0]?.messages)).not.toContain('Guest 0')
    }
  })
})

describe('a model that is asked for a summary', () => {
  const failures: Readonly<Record<string, ScriptedReply>> = {
    'cannot be reached': new ModelError('MODEL_UNAVAILABLE', 'Away.', { retryable: true }),
    'breaks off': [{ type: 'text-delta', text: 'They' }],
    'says nothing': [finish],
    'calls a tool': calls(['pay_bill', {}]),
    'says far too much': says('word '.repeat(10_000)),
    'is blocked in the middle': [{ type: 'text-delta', text: 'They' }, blocked],
    'is broken': new Error('simulated: a defect'),
  }

  it.each(Object.entries(failures))('and %s is replaced by the rule', async (name, reply) => {
    const { compactions, defects, requests } = await talk(reply)
    expect(compactions.length).toBeGreaterThan(0)
    for (const { summary } of compactions) expect(summary).toContain('The guest said: My name is Guest')
    for (const request of requests) expect(estimatePrompt(request)).toBeLessThanOrEqual(4000)
    expect(defects.length > 0).toBe(name === 'is broken')
  })

  it('is cut to the length that it was told', async () => {
    const { compactions } = await talk(says('word '.repeat(150)), { limits: { summaryCharactersMax: 200 } })
    for (const { summary } of compactions) expect(summary.length).toBeLessThanOrEqual(200)
    expect(compactions[0]?.summary).toMatch(/^word word .*…$/)
  })

  it('and does not answer in time is replaced by the rule', async () => {
    const { model } = talkative(hanging('They').reply)
    const { say, send, log, clock } = await openSession({ ...tight, model, limits: { summaryMs: 5000 } })
    const isSummed = async () => (await log()).some(({ type }) => type === 'history-compacted')
    for (let at = 0; !(await isSummed()) && at < 10; at++) {
      const events = await send(story(`Guest ${at}`))
      await clock.advanceAsync(5000)
      expect(events.last).toMatchObject({ type: 'complete' })
    }
    expect(await isSummed()).toBe(true)
    expect(clock.pending).toBe(0)
    await say('Hello')
  })

  it('and is stopped by the guest writes none', async () => {
    const { heard, reply } = hanging('They')
    const { model } = talkative(reply)
    const { send, use, log, state } = await openSession({ ...tight, model })
    for (let at = 0; at < 10; at++) {
      const events = await send(story(`Guest ${at}`))
      if (await Promise.race([heard.then(() => true), events.whenEnded.then(() => false)])) break
    }
    await use((session) => session.stop(undefined, () => ({ status: 200, body: null })))
    expect((await log()).some(({ type }) => type === 'history-compacted')).toBe(false)
    expect((await state()).turns.at(-1)).toMatchObject({ outcome: 'stopped', replies: [] })
    expect((await state()).turns.at(-1)?.tokensBeside).toBeGreaterThan(0)
  })

  it('is paid once where the reply after it breaks off', async () => {
    const replies = [
      says('One.'),
      says('Two.'),
      says('Summary.'),
      [{ type: 'text-delta', text: 'So' } as const],
    ]
    const { say, state, script } = await openSession({ replies, limits: { turnsShownToModelMax: 2 } })
    for (const text of ['1', '2', '3']) await say(text)
    const request = script.requests[3]
    const cut = request === undefined ? 0 : estimatePrompt(request) + 1
    expect((await state()).tokensUsed).toBe(15 + 15 + 15 + cut)
  })

  it('pays for it out of the same budgets', async () => {
    const usage = { inputTokens: 1000, outputTokens: 100 }
    const reply: ScriptedReply = [
      { type: 'text-delta', text: 'Things.' },
      { type: 'finish', reason: 'stop', usage },
    ]
    const { compactions, state, store } = await talk(reply, {
      budgets: { workspaceDailyTokensMax: 1_000_000 },
    })
    expect(compactions[0]?.usage).toEqual(usage)
    const used = 12 * 15 + compactions.length * 1100
    expect((await state()).tokensUsed).toBe(used)
    const name = `tokens ${Date.UTC(2026, 0, 1) / 86_400_000} default`
    expect(await store.count(name, 0, Date.UTC(2026, 0, 2))).toBe(used)
  })
})

describe('the state of the bar', () => {
  it('comes from the ledger with every call, whatever a summary says', async () => {
    const lie = 'Everything is paid. The tab is 0 and the balance is a million.'
    const { say, requests, state } = await talk(says(lie))
    const reply = requests.at(-1)
    expect(reply).toMatchObject({ summary: lie, state: { tab_cents: 0, balance_cents: 1000_00 } })
    expect((await say('What do I owe?')).at(-1)).toMatchObject({ type: 'complete' })
    expect((await state()).bar.ledger.accounts).toMatchObject({ tab: 0, balance: 1000_00 })
  })

  it('is as it was left by the tools of the same turn', async () => {
    const { say, script } = await openSession({
      ...tight,
      replies: [
        calls(['add_to_order', { item_name: 'gin', quantity: 2 }], ['set_tip', { tip_percentage: 10 }]),
        says('Done.'),
      ],
    })
    await say('Two gins')
    const [before, after] = script.requests
    expect(before?.state).toEqual({
      order: [],
      tab_cents: 0,
      tip_cents: 0,
      total_cents: 0,
      balance_cents: 1000_00,
      status: 'open',
    })
    expect(after?.state).toMatchObject({ order: [{ item_name: 'Gin', quantity: 2 }], status: 'open' })
    expect(after?.state).toMatchObject({ tab_cents: 1600, tip_cents: 160, total_cents: 1760 })
  })
})

describe('one turn that alone is too long', () => {
  it('loses the results that were answered to, then all long ones, and is answered', async () => {
    const menu = calls(['get_menu', {}], ['get_menu', {}])
    const { say, script } = await openSession({
      promptTokensMax: 3000,
      replies: [menu, menu, menu, says('That is the menu.')],
    })
    expect(textOf(await say('The menu, please'))).toBe('That is the menu.')
    for (const request of script.requests) expect(estimatePrompt(request)).toBeLessThanOrEqual(3000)
    const results = script.requests.at(-1)?.messages.filter(({ role }) => role === 'tool')
    expect(JSON.stringify(results?.[0])).toContain('left_out')
    expect(JSON.stringify(results?.at(-1))).toContain('Martini')
  })
})

/** Stands still for ever at this append of the process's. */
function dyingAt(inner: Store, append: number, when: 'before' | 'after'): Store {
  const { store, faults } = unreliable(inner)
  let count = 0
  let isDead = false
  const dead = new Promise<void>(() => {})
  faults.before = (operation) => {
    if (operation === 'append' && ++count === append && when === 'before') isDead = true
    return isDead ? dead : undefined
  }
  faults.after = (operation) => {
    if (operation === 'append' && count === append) isDead = true
    return isDead ? dead : undefined
  }
  return store
}

describe('a process that dies', () => {
  it.each([
    [1, 'after'],
    [2, 'before'],
    [2, 'after'],
    [3, 'before'],
  ] as const)('at append %i, %s, around a compaction: the turn goes on', async (append, when) => {
    const clock = new FakeClock()
    const store = createMemoryStore({ clock })
    const limits = { turnsShownToModelMax: 2 }
    const replies = [says('One.'), says('Two.')]
    const { id, say } = await openSession({ ...tight, clock, store, limits, replies })
    for (const text of ['1', '2']) await say(text)
    const dying = { replies: [says('Summary.'), says('Three.')], store: dyingAt(store, append, when) }
    void guestOf(startContainer({ ...tight, name: 'b', clock, limits, ...dying }), id).say('3', 'key')
    await settle()
    await clock.advanceAsync(10_000)
    const isSummed = append === 2 ? when === 'after' : append > 2
    const left = isSummed ? [says('Three.')] : [says('Summary.'), says('Three.')]
    const last = startContainer({ ...tight, name: 'c', clock, store, limits, replies: left })
    expect(textOf(await guestOf(last, id).say('3', 'key'))).toBe('Three.')
    const compactions = (await store.events(id)).filter(({ type }) => type === 'history-compacted')
    expect(compactions).toHaveLength(1)
    expect(last.script.requests.at(-1)).toMatchObject({ summary: 'Summary.', messages: [{ text: '3' }] })
    expect(last.defects).toEqual([])
  })
})
