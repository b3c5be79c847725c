import { describe, expect, it } from 'vitest'
import { settle } from '../fakes/fake-clock.ts'
import { calls, hanging, says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { guestOf, openSession, startContainer, textOf, toldBy } from './container.ts'

const answer = (stopped: boolean) => ({ status: 200, body: { stopped } })

async function setup(...replies: readonly ScriptedReply[]) {
  const guest = await openSession({ replies })
  const { use, state, log } = guest
  const stop = (turnId: string | undefined, heardCharacters?: number, key?: string) =>
    use((session) =>
      session.stop(key === undefined ? undefined : { key, fingerprint: 'same' }, answer, {
        turnId,
        heardCharacters,
      }),
    )
  const heardInLog = async () => (await log()).filter(({ type }) => type === 'turn-heard')
  const contentNow = async (turnId: string) =>
    textOf(toldBy(await use((session) => session.findTurn(turnId))))
  const lastTurn = async () => (await state()).turns.at(-1)
  return { ...guest, stop, heardInLog, contentNow, lastTurn }
}

/** The same after one whole answer. */
async function answered(...replies: readonly ScriptedReply[]) {
  const guest = await setup(...replies)
  const events = await guest.send('Hello')
  await events.whenEnded
  return { ...guest, turnId: events.turnId, events }
}

describe('an answer that the guest did not hear to its end', () => {
  it('is cut where the guest broke in, for everybody who reads it from now on', async () => {
    const { stop, turnId, contentNow, script, send } = await answered(says('One. Two. Three.'))
    expect(await stop(turnId, 9)).toEqual({ status: 200, body: { stopped: false } })
    expect(await contentNow(turnId)).toBe('One. Two.')
    script.add(says('Four.'))
    await (
      await send('And?')
    ).whenEnded
    const said = script.requests.at(-1)?.messages.filter(({ role }) => role === 'assistant')
    expect(said).toMatchObject([{ text: 'One. Two.' }])
  })

  it('is a note for the model, which may want to go on', async () => {
    const { stop, turnId, script, send } = await answered(says('One. Two. Three.'))
    await stop(turnId, 9)
    script.add(says('Four.'))
    await (
      await send('And?')
    ).whenEnded
    const [first, , second] = script.requests.at(-1)?.messages ?? []
    expect(first).toMatchObject({ notes: [{ name: 'answer_interrupted' }] })
    expect(second).toMatchObject({ role: 'user', notes: [] })
  })

  it('is stopped first where it still runs', async () => {
    const { heard, reply } = hanging('One. Two. Three. Four')
    const { stop, send, lastTurn, contentNow } = await setup(reply)
    const { turnId } = await send('Hello')
    await heard
    expect(await stop(turnId, 4)).toEqual({ status: 200, body: { stopped: true } })
    expect(await lastTurn()).toMatchObject({ outcome: 'stopped', heardCharacters: 4 })
    expect(await contentNow(turnId)).toBe('One.')
  })

  it('keeps what its tools did', async () => {
    const order = calls(['add_to_order', { item_name: 'Martini', quantity: 1 }])
    const reply = [{ type: 'text-delta', text: 'Let me pour that.' } as const, ...order]
    const { stop, turnId, state, script, send, contentNow } = await answered(reply, says('Here you are.'))
    await stop(turnId, 3)
    expect((await state()).bar.lines).toHaveLength(1)
    expect(await contentNow(turnId)).toBe('Let')
    script.add(says('Cheers.'))
    await (
      await send('Thanks')
    ).whenEnded
    const roles = script.requests.at(-1)?.messages.map(({ role }) => role)
    expect(roles).toEqual(['user', 'assistant', 'tool', 'user'])
    expect(script.requests.at(-1)?.messages[1]).toMatchObject({
      text: 'Let',
      toolCalls: [{ callId: 'call-1' }],
    })
  })

  it('was heard as little as the smallest report says', async () => {
    const { stop, turnId, heardInLog, lastTurn } = await answered(says('One. Two. Three.'))
    for (const characters of [9, 4, 12, 4]) await stop(turnId, characters)
    expect(await heardInLog()).toMatchObject([{ characters: 9 }, { characters: 4 }])
    expect(await lastTurn()).toMatchObject({ heardCharacters: 4 })
  })

  it.each([16, 17, 1000])('is whole when %i of its 16 characters were heard', async (characters) => {
    const { stop, turnId, heardInLog, contentNow } = await answered(says('One. Two. Three.'))
    await stop(turnId, characters)
    expect(await heardInLog()).toEqual([])
    expect(await contentNow(turnId)).toBe('One. Two. Three.')
  })

  it('can be one of which nothing was heard', async () => {
    const { stop, turnId, contentNow, use, script, send } = await answered(says('One. Two.'))
    await stop(turnId, 0)
    expect(await contentNow(turnId)).toBe('')
    script.add(says('Three.'))
    await (
      await send('And?')
    ).whenEnded
    expect(script.requests.at(-1)?.messages.map(({ role }) => role)).toEqual(['user', 'user'])
    await use(({ log }) => expect(log.state.turns).toHaveLength(2))
  })

  it('ends with no half of a character', async () => {
    const { stop, turnId, contentNow } = await answered(says('🍸🍸 Cheers.'))
    await stop(turnId, 3)
    expect(await contentNow(turnId)).toBe('🍸')
  })

  it('is over for a reader that had it all, and begins anew for one that had a part', async () => {
    const { stop, turnId, events, use } = await answered(says('One. Two. Three.'))
    const { lastNumber } = events
    await stop(turnId, 4)
    const again = await use((session) => session.findTurn(turnId))
    expect(again.isReadToEnd(lastNumber)).toBe(true)
    expect(again.attach(2, () => {})?.isRestart).toBe(true)
  })

  it('is cut in other processes and after a restart, too', async () => {
    const { stop, turnId, store, clock, id } = await answered(says('One. Two. Three.'))
    await stop(turnId, 4)
    const other = guestOf(startContainer({ name: 'b', clock, store }), id)
    expect((await other.state()).turns.at(-1)).toMatchObject({ heardCharacters: 4 })
    expect(textOf(toldBy(await other.use((session) => session.findTurn(turnId))))).toBe('One.')
  })
})

describe('what was heard', () => {
  it('of a turn that does not exist is refused, and nothing is stopped', async () => {
    const { heard, reply } = hanging('One')
    const { stop, send, lastTurn } = await setup(reply)
    const events = await send('Hello')
    await heard
    await expect(stop('nonsense', 1)).rejects.toMatchObject({ code: 'TURN_NOT_FOUND' })
    expect((await lastTurn())?.outcome).toBe('running')
    await stop(events.turnId)
  })

  it('of a turn that is no answer is not kept', async () => {
    const { heard, reply } = hanging('One. Two.')
    const { stop, send, clock, heardInLog, lastTurn } = await setup(reply)
    const { turnId, whenEnded } = await send('Hello')
    await heard
    await clock.advanceAsync(120_000)
    await whenEnded
    expect(await lastTurn()).toMatchObject({ outcome: 'failed', replies: [{ text: 'One. Two.' }] })
    await stop(turnId, 0)
    expect(await heardInLog()).toEqual([])
  })

  it('of a turn that waits is nothing yet', async () => {
    const { heard, reply } = hanging('One')
    const { stop, send, heardInLog, lastTurn } = await setup(reply, says('Two.'))
    const first = await send('Hello')
    const second = await send('And?')
    await heard
    expect(await stop(second.turnId, 0)).toEqual({ status: 200, body: { stopped: false } })
    expect(await heardInLog()).toEqual([])
    await stop(first.turnId)
    await second.whenEnded
    expect((await lastTurn())?.outcome).toBe('complete')
  })

  it('of a turn that has not begun yet is nothing, and it is stopped', async () => {
    const { stop, send, heardInLog, store, id } = await setup(says('One.'))
    await store.acquireLease(id, 'another process', 10_000)
    const { turnId, whenEnded } = await send('Hello')
    expect(await stop(turnId, 0)).toEqual({ status: 200, body: { stopped: true } })
    await whenEnded
    expect(await heardInLog()).toEqual([])
  })

  it('is said once under one key', async () => {
    const { stop, turnId, heardInLog } = await answered(says('One. Two. Three.'))
    const first = await stop(turnId, 9, 'k')
    expect(await stop(turnId, 9, 'k')).toEqual(first)
    expect(await heardInLog()).toHaveLength(1)
  })

  it('of one turn stops no other', async () => {
    const { heard, reply } = hanging('Two')
    const { stop, turnId, send, lastTurn, script, contentNow } = await answered(says('One. Two.'))
    script.add(reply)
    const second = await send('And?')
    await heard
    expect(await stop(turnId, 4)).toEqual({ status: 200, body: { stopped: false } })
    expect((await lastTurn())?.outcome).toBe('running')
    expect(await contentNow(turnId)).toBe('One.')
    await stop(second.turnId)
    await settle()
    expect((await lastTurn())?.outcome).toBe('stopped')
  })
})
