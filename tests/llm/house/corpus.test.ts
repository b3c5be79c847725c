import { describe, expect, it } from 'vitest'
import { createHouseModel } from '../../../src/llm/providers/house.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { callsOf, corpus } from './corpus.ts'
import { Conversation, vocabulary } from './fake-bar.ts'

const model = createHouseModel({ clock: new FakeClock(), paceMs: 0, vocabulary })

describe.each([...corpus])('what guests say: %s', (_topic, rows) => {
  it.each(rows)('%s => %s', async (said, expected) => {
    const conversation = new Conversation(model)
    const turns = said.split(' >> ')
    for (const earlier of turns.slice(0, -1)) await conversation.say(earlier)
    const { calls, text } = await conversation.say(turns.at(-1) ?? '')
    expect(calls).toEqual(callsOf(expected))
    expect(text).not.toBe('')
  })
})

it('has enough utterances, each once', () => {
  const said = [...corpus.values()].flatMap((rows) => rows.map(([utterance]) => utterance))
  expect(said.length).toBeGreaterThan(1000)
  expect(said.length - new Set(said).size).toBe(0)
})
