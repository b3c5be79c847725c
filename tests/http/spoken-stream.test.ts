import { describe, expect, it } from 'vitest'
import {
  EventReader,
  eventsOf,
  listen,
  streamsAt,
  textOf,
  typesOf,
  type StreamedEvent,
} from '../fakes/event-reader.ts'
import { ModelError } from '../../src/llm/model.ts'
import { FakeVoice, untilAborted } from '../fakes/fake-voice.ts'
import { newGuest, type Guest } from '../fakes/guest.ts'
import { says } from '../fakes/scripted-model.ts'
import { shareService } from '../fakes/test-service.ts'

/** A sentence that never sounds: who says it is stopped. */
const unheard = 'This is never heard.'
const voice = new FakeVoice({
  before: (text, signal) => (text === unheard ? untilAborted(signal) : undefined),
})
const service = await shareService({
  voice: { textToSpeech: voice, speechToText: null, close: async () => {} },
})
const { model } = service
const origin = await listen(service)
const { listenTo } = streamsAt(origin)

function speak(guest: Guest, body: object, headers: Readonly<Record<string, string>> = {}) {
  return EventReader.open(`${origin}/api/v1/chat/stream`, {
    method: 'POST',
    headers: { 'x-session-id': guest.token, ...headers },
    body: { user_input: 'Hello', ...body },
  })
}

/** A guest whose answer was spoken to its end. */
async function answered(body: object = { voice: true }) {
  const guest = await newGuest(service)
  model.add(says('Good evening. What may I bring you?'))
  const events = await (await speak(guest, body)).toEnd()
  return { guest, events }
}

/** A guest whose answer is spoken, and whose second sentence takes for ever. */
async function speaking() {
  const guest = await newGuest(service)
  model.add(says(`Good evening. ${unheard}`))
  const reader = await speak(guest, { voice: true })
  const { turn_id: turnId } = (await reader.saw('session')).data
  await reader.saw('speech_marks')
  await reader.heard('"index":1')
  return { guest, reader, turnId: String(turnId) }
}

const only = (events: readonly StreamedEvent[], type: string) =>
  events.filter(({ data }) => data.type === type).map(({ data }) => data)

describe('a message that asks for a voice', () => {
  it('streams sentences, sound and marks beside its text, and then its end', async () => {
    const { events } = await answered()
    expect(textOf(events)).toBe('Good evening. What may I bring you?')
    expect(only(events, 'sentence')).toEqual([
      { type: 'sentence', index: 0, content: 'Good evening. ' },
      { type: 'sentence', index: 1, content: 'What may I bring you?' },
    ])
    const [first, second] = only(events, 'audio_chunk')
    expect(first).toEqual({
      type: 'audio_chunk',
      index: 0,
      audio: Buffer.alloc(3200, 0).toString('base64'),
      encoding: 'pcm_s16le',
      sample_rate: 8000,
      start_ms: 0,
    })
    expect(second).toMatchObject({ index: 1, start_ms: 200 })
    expect(only(events, 'speech_marks')[0]).toEqual({
      type: 'speech_marks',
      index: 0,
      words: [
        { text: 'Good', start_ms: 0, end_ms: 100, from: 0, to: 4 },
        { text: 'evening', start_ms: 100, end_ms: 200, from: 5, to: expect.any(Number) },
      ],
      phonemes: [{ text: 'AH', start_ms: 0, end_ms: 100 }],
    })
    expect(typesOf(events).at(-1)).toBe('complete')
  })

  it('is spoken as its guest wants', async () => {
    await answered({ voice: true, voice_id: 'other', voice_speed: 0.6 })
    expect(voice.requests.at(-1)).toEqual({ voice: 'other', speed: 0.6 })
    await answered()
    expect(voice.requests.at(-1)).toEqual({ voice: null, speed: 1 })
  })

  it.each([{}, { voice: false }, { voice_id: 'other', voice_speed: 1.5 }])(
    'and one that does not (%j) is only text',
    async (body) => {
      const { events } = await answered(body)
      expect(new Set(typesOf(events))).toEqual(new Set(['session', 'text_chunk', 'complete']))
    },
  )

  it.each([
    { voice: 'true' },
    { voice_id: '' },
    { voice_id: 'x'.repeat(101) },
    { voice_speed: 0.5 },
    { voice_speed: 1.6 },
    { voice_speed: '1' },
  ])('in the wrong words (%j) is refused', async (fields) => {
    const guest = await newGuest(service)
    const refused = await guest.post('/chat/stream', { user_input: 'Hello', voice: true, ...fields })
    expect([refused.statusCode, refused.json().code]).toEqual([400, 'BAD_REQUEST'])
  })

  it('without a stream has no voice', async () => {
    const guest = await newGuest(service)
    model.add(says('Hello.'))
    const before = voice.requests.length
    await guest.post('/chat', { user_input: 'Hello' })
    expect(voice.requests).toHaveLength(before)
    const refused = await guest.post('/chat', { user_input: 'Hello', voice: true })
    expect(refused.json().code).toBe('BAD_REQUEST')
  })

  it('is the same question as one without', async () => {
    const guest = await newGuest(service)
    model.add(says('Hello.'))
    const key = { 'idempotency-key': 'k' }
    const first = await (await speak(guest, { voice: true }, key)).toEnd()
    const again = await (await speak(guest, {}, key)).toEnd()
    expect(again.at(-1)).toEqual(first.at(-1))
    expect(typesOf(again)).toEqual(['session', 'text_chunk', 'sentence', 'complete'])
  })
})

describe('a turn that is taken up again', () => {
  it('is spoken if it is asked for with a voice now', async () => {
    const guest = await newGuest(service)
    model.add(new ModelError('MODEL_TIMEOUT', 'Too late.', { retryable: true }), says('Hello.'))
    const key = { 'idempotency-key': 'k' }
    const first = await (await speak(guest, {}, key)).toEnd()
    expect(typesOf(first).at(-1)).toBe('error')
    const again = await (await speak(guest, { voice: true }, key)).toEnd()
    expect(only(again, 'audio_chunk')).toHaveLength(1)
  })
})

describe('a reader of a spoken turn', () => {
  it.each([
    [{}, true],
    [{ voice: 'true' }, true],
    [{ voice: 'false' }, false],
  ] as const)('that attaches with %j hears it: %s', async (query, isHeard) => {
    const { guest, events } = await answered()
    const turnId = events[0]?.data.turn_id
    const attached = await (await listenTo(guest, { turn_id: turnId, ...query })).toEnd()
    expect(textOf(attached)).toBe(textOf(events))
    expect(typesOf(attached).includes('audio_chunk')).toBe(isHeard)
    expect(typesOf(attached).includes('speech_marks')).toBe(isHeard)
    expect(typesOf(attached)).toContain('sentence')
  })

  it('at every place gets exactly the rest, sound and all', async () => {
    const { guest, events } = await answered()
    for (let have = 1; have < events.length; have++) {
      const response = await guest.get(`/chat/stream?last_event_id=${events[have - 1]?.id}`)
      expect(eventsOf(response.body).slice(1)).toEqual(events.slice(have))
    }
    const all = await guest.get(`/chat/stream?last_event_id=${events.at(-1)?.id}`)
    expect(all.statusCode).toBe(204)
  })

  it('by EventSource is spoken to when it says so, and not otherwise', async () => {
    const guest = await newGuest(service)
    model.add(says('One.'), says('Two.'))
    const silent = await (await listenTo(guest, { message: 'Hi', idempotency_key: 'a' })).toEnd()
    expect(typesOf(silent)).toEqual(['session', 'text_chunk', 'complete'])
    const query = { message: 'Hi', idempotency_key: 'b', voice: 'true' }
    const spoken = await (await listenTo(guest, query)).toEnd()
    expect(typesOf(spoken)).toContain('audio_chunk')
    const wrong = await guest.get('/chat/stream?message=Hi&idempotency_key=c&voice=yes')
    expect(wrong.json().code).toBe('BAD_REQUEST')
  })

  it('reads its end only when the voice is done; the history has the text before', async () => {
    const { guest, reader, turnId } = await speaking()
    expect(textOf(reader.events)).toBe(`Good evening. ${unheard}`)
    expect(typesOf(reader.events)).not.toContain('complete')
    const { history } = (await guest.get('/chat/history')).json()
    expect(history.at(-1)).toMatchObject({ content: `Good evening. ${unheard}`, turn_id: turnId })
    expect((await guest.post('/chat/stop')).json()).toEqual({ stopped: true })
    expect((await reader.toEnd()).at(-1)?.data).toMatchObject({ type: 'complete', finish_reason: 'stop' })
  })
})

describe('a guest who breaks in', () => {
  it('leaves in the history only what was heard', async () => {
    const { guest, turnId } = await speaking()
    const stopped = await guest.post('/chat/stop', { turn_id: turnId, heard_characters: 13 })
    expect(stopped.json()).toEqual({ stopped: true })
    expect((await guest.get('/chat/history')).json().history.at(-1).content).toBe('Good evening.')
    expect((await guest.get('/session/export')).json().history.at(-1).content).toBe('Good evening.')
    const retold = await guest.get(`/chat/stream?turn_id=${turnId}`)
    expect(textOf(eventsOf(retold.body))).toBe('Good evening.')
  })

  it('says so once under one key, and never two things', async () => {
    const { guest, turnId } = await speaking()
    const say = (heard: number) =>
      guest.post('/chat/stop', { turn_id: turnId, heard_characters: heard }, { key: 'k' })
    expect((await say(13)).json()).toEqual({ stopped: true })
    expect((await say(13)).json()).toEqual({ stopped: true })
    expect((await say(4)).json().code).toBe('IDEMPOTENCY_KEY_REUSED')
  })

  it('stops only the turn that is meant', async () => {
    const { guest, reader, turnId } = await speaking()
    const other = await guest.post('/chat/stop', { turn_id: 'other' })
    expect(other.json()).toEqual({ stopped: false })
    expect(reader.isWhole).toBe(false)
    expect((await guest.post('/chat/stop', { turn_id: turnId })).json()).toEqual({ stopped: true })
    await reader.toEnd()
  })

  it.each([
    [{ heard_characters: 1 }, 400, 'BAD_REQUEST'],
    [{ turn_id: 'other', heard_characters: 1 }, 404, 'TURN_NOT_FOUND'],
    [{ turn_id: 'other', heard_characters: -1 }, 400, 'BAD_REQUEST'],
    [{ turn_id: 'other', heard_characters: 1.5 }, 400, 'BAD_REQUEST'],
    [{ turn_id: 'other', heard: 1 }, 400, 'BAD_REQUEST'],
  ] as const)('and says %j is refused with %i', async (body, status, code) => {
    const guest = await newGuest(service)
    const refused = await guest.post('/chat/stop', body)
    expect([refused.statusCode, refused.json().code]).toEqual([status, code])
  })
})
