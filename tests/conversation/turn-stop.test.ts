import { describe, expect, it } from 'vitest'
import { settle } from '../fakes/fake-clock.ts'
import { calls, hangsAfter, says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { openSession } from '../sessions/container.ts'

const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const

async function setup(...replies: readonly ScriptedReply[]) {
  const session = await openSession({ replies })
  const stop = (key?: string) =>
    session.use((live) =>
      live.stop(key === undefined ? undefined : { key, fingerprint: 'stop' }, (stopped) => ({
        status: 200,
        body: { stopped },
      })),
    )
  return { ...session, stop }
}

describe('stopping', () => {
  it('before the first word ends the turn without any', async () => {
    const { send, stop, state, clock } = await setup(hangsAfter(''))
    const events = await send('Hello')
    await settle()
    expect(await stop()).toEqual({ status: 200, body: { stopped: true } })
    expect(events.last).toMatchObject({ type: 'complete', content: '', finishReason: 'stopped' })
    expect((await state()).turns).toMatchObject([
      { outcome: 'stopped', finishReason: 'stopped', replies: [] },
    ])
    expect(clock.pending).toBe(0)
  })

  it('in the text keeps what was said, for the guest and for the model', async () => {
    const { send, say, stop, script, happened } = await setup(hangsAfter('Once upon'), says('Fine.'))
    const events = await send('Tell me')
    await settle()
    await stop()
    expect(events.last).toMatchObject({ type: 'complete', content: 'Once upon', finishReason: 'stopped' })
    await say('Enough')
    expect(script.requests[1]?.messages).toMatchObject([
      { role: 'user', text: 'Tell me' },
      { role: 'assistant', text: 'Once upon', toolCalls: [] },
      { role: 'user', text: 'Enough' },
    ])
    expect(happened).toContain('turn stopped')
  })

  it('after the tools keeps their effects, and every call has its result', async () => {
    const { send, say, stop, script, state } = await setup(calls(gin), hangsAfter('Here'), says('Fine.'))
    await send('Gin')
    await settle()
    await stop()
    await say('And?')
    expect(script.requests[2]?.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', toolCalls: [{ callId: 'call-1' }] },
      { role: 'tool', results: [{ callId: 'call-1', result: { status: 'added' } }] },
      { role: 'assistant', text: 'Here' },
      { role: 'user', text: 'And?' },
    ])
    expect((await state()).bar.lines).toMatchObject([{ quantity: 1 }])
  })

  it('between two tools keeps the first, and tells the model that the second was not run', async () => {
    const { send, say, use, script, store, state } = await setup(calls(gin, gin), says('Fine.'))
    const live = await use((session) => session)
    const append = store.append.bind(store)
    const stopped = Promise.withResolvers<unknown>()
    Object.assign(store, {
      async append(entry: Parameters<typeof append>[0]) {
        const result = await append(entry)
        if (entry.events[0]?.type === 'effect')
          stopped.resolve(live.stop(undefined, () => ({ status: 200, body: null })))
        return result
      },
    })
    await send('Two gins')
    await stopped.promise
    await say('And?')
    expect(script.requests[1]?.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant' },
      { role: 'tool', results: [{ result: { status: 'added' } }, { result: { status: 'stopped' } }] },
      { role: 'user' },
    ])
    expect((await state()).bar.lines).toMatchObject([{ quantity: 1 }])
  })

  it('stops nothing when nothing runs', async () => {
    const { stop } = await setup()
    expect(await stop()).toEqual({ status: 200, body: { stopped: false } })
  })

  it('with the same key again stops nothing more', async () => {
    const { send, stop } = await setup(hangsAfter('One'), hangsAfter('Two'))
    await send('1')
    await settle()
    expect(await stop('k')).toMatchObject({ body: { stopped: true } })
    const second = await send('2')
    await settle()
    expect(await stop('k')).toMatchObject({ body: { stopped: true } })
    expect(second.isEnded).toBe(false)
    await stop()
  })

  it('lets the next waiting message begin', async () => {
    const { send, stop } = await setup(hangsAfter('One'), says('Two.'))
    await send('1')
    const second = await send('2')
    await settle()
    await stop()
    await second.whenEnded
    expect(second.last).toMatchObject({ type: 'complete', content: 'Two.' })
  })

  it('is heard once: what comes after the end changes nothing', async () => {
    const { say, stop, state } = await setup(says('Done.'))
    await say('Hello')
    await stop()
    expect((await state()).turns).toMatchObject([{ outcome: 'complete' }])
  })

  it('counts as a use of the session', async () => {
    const { stop, use, clock } = await setup()
    clock.advance(1000)
    await stop()
    expect(await use(({ log }) => log.expiresAt)).toBe(clock.date() + 3600_000)
  })
})
