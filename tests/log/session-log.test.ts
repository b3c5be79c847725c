import { describe, expect, it } from 'vitest'
import type { NewEvent } from '../../src/log/events.ts'
import { LeaseLostError, SessionLog } from '../../src/log/session-log.ts'
import { fold, type SessionState } from '../../src/log/state.ts'
import { StoreError } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { at, bounds, effect, ended, keyed, started } from './samples.ts'
import { once, unreliable, type Faults } from './unreliable-store.ts'

const expiryMs = 60_000

async function setup({ shared = false } = {}) {
  const clock = new FakeClock()
  const inner = createMemoryStore({ clock, shared })
  const { store, faults } = unreliable(inner)
  const options = { id: 's', store, clock, bounds, expiryMs }
  const log = await SessionLog.create(options, { agent: 'maya', workspace: 'default' })
  const open = async () => {
    const opened = await SessionLog.open(options)
    if (opened === undefined) throw new Error('The session is there.')
    return opened
  }
  /** Another process appends before this one can. */
  const win = async (...events: readonly NewEvent[]) => {
    const expectedVersion = await inner.version('s')
    await inner.append({ id: 's', expectedVersion, events: at(0, ...events), expiresAt: Infinity })
  }
  /** The next answer to an append is lost. */
  const loseAnswer = () => {
    faults.after = once('append', () => Promise.reject(new StoreError('lost')))
  }
  return { clock, inner, log, open, win, loseAnswer, faults, options }
}

/** The versions of the snapshots that are saved from here on. */
function snapshotsOf(faults: Faults): readonly unknown[] {
  const versions: unknown[] = []
  faults.before = (operation, argument) => {
    if (operation === 'saveSnapshot' && typeof argument === 'object' && argument !== null) {
      versions.push('version' in argument && argument.version)
    }
  }
  return versions
}

function effectOnce({ turns }: SessionState): readonly NewEvent[] {
  return turns[0]?.effects.length === 0 ? [effect('t', 'a')] : []
}

function tip(cents: number): NewEvent {
  return { type: 'tip-set', tip: { kind: 'amount', cents } }
}

describe('a session log', () => {
  it('begins with its creation, and cannot be created twice', async () => {
    const { log, inner, options } = await setup()
    expect([log.version, log.state.agent]).toEqual([1, 'maya'])
    expect(await inner.version('s')).toBe(1)
    const again = SessionLog.create(options, { agent: 'maya', workspace: 'default' })
    await expect(again).rejects.toBeInstanceOf(StoreError)
  })

  it('opened elsewhere is the same, and there is none to open for an unknown id', async () => {
    const { log, open, options } = await setup()
    await log.commit(() => [started('t'), tip(5)])
    expect((await open()).state).toEqual(log.state)
    expect(await SessionLog.open({ ...options, id: 'unknown' })).toBeUndefined()
  })

  it('appends what was decided with the time, and puts off the expiry', async () => {
    const { log, inner, clock } = await setup()
    clock.advance(1000)
    await log.commit(() => [tip(5)])
    expect((await inner.events('s')).at(-1)).toEqual({ ...tip(5), at: clock.date() })
    expect(log.expiresAt).toBe(clock.date() + expiryMs)
    expect((await inner.load('s'))?.expiresAt).toBe(clock.date() + expiryMs)
  })

  it('appends nothing for an empty decision', async () => {
    const { log } = await setup()
    await log.commit(() => [])
    expect(log.version).toBe(1)
  })

  it('lets commits of one process wait for each other, so that each decides on the one before', async () => {
    const { log, faults } = await setup()
    const asked: string[] = []
    faults.before = (operation) => void asked.push(operation)
    const seen: number[] = []
    const commits = Array.from({ length: 10 }, () =>
      log.commit(({ bar }) => {
        seen.push(bar.tabVersion)
        return [tip(1)]
      }),
    )
    await Promise.all(commits)
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(asked.filter((operation) => operation !== 'saveSnapshot')).toEqual(Array(10).fill('append'))
  })

  it('is not harmed by a decision that throws', async () => {
    const { log } = await setup()
    const thrown = log.commit(() => {
      throw new Error('no')
    })
    await expect(thrown).rejects.toThrow('no')
    await log.commit(() => [tip(1)])
    expect(log.version).toBe(2)
  })

  it('refuses events that break the log before they reach the store', async () => {
    const { log, inner } = await setup()
    await expect(log.commit(() => [ended('t')])).rejects.toThrow('not open')
    expect(await inner.version('s')).toBe(1)
    await log.commit(() => [tip(1)])
    expect(log.version).toBe(2)
  })

  it('counts a touch as a use that appends nothing', async () => {
    const { log, clock, inner } = await setup()
    clock.advance(1000)
    await log.touch()
    expect([log.version, log.expiresAt]).toEqual([1, clock.date() + expiryMs])
    expect((await inner.load('s'))?.expiresAt).toBe(clock.date() + expiryMs)
  })
})

describe('when another process was faster', () => {
  it('decides again on what it finds, and both stand', async () => {
    const { log, open, inner } = await setup({ shared: true })
    const other = await open()
    await other.commit(() => [started('t')])
    const seen: (string | null)[] = []
    await log.commit(({ openTurnId }) => {
      seen.push(openTurnId)
      return [tip(openTurnId === null ? 1 : 2)]
    })
    expect(seen).toEqual([null, 't'])
    const state = fold(undefined, await inner.events('s'), bounds)
    expect(state).toMatchObject({ openTurnId: 't', bar: { tip: { cents: 2 } } })
    expect(log.state).toEqual(state)
  })

  it('may decide to append nothing then', async () => {
    const { log, open } = await setup({ shared: true })
    await (await open()).commit(() => [started('t')])
    await log.commit(({ openTurnId }) => (openTurnId === null ? [started('u')] : []))
    expect(log.state.openTurnId).toBe('t')
    expect(log.version).toBe(2)
  })

  it('gives up with a StoreError after a hundred conflicts, and not before', async () => {
    const { log, win, faults } = await setup({ shared: true })
    let lost = 99
    faults.before = async (operation) => {
      if (operation === 'append' && lost-- > 0) await win(tip(1))
    }
    await log.commit(() => [tip(2)])
    expect([log.state.bar.tip, log.version]).toEqual([{ kind: 'amount', cents: 2 }, 101])
    lost = 100
    await expect(log.commit(() => [tip(3)])).rejects.toBeInstanceOf(StoreError)
    await log.commit(() => [tip(4)])
    expect([log.state.bar.tip, log.version]).toEqual([{ kind: 'amount', cents: 4 }, 202])
  })

  it('reads it at a refresh, and nothing when there is nothing new', async () => {
    const { log, open, faults } = await setup({ shared: true })
    const other = await open()
    await other.commit(() => [tip(1)])
    const asked: string[] = []
    faults.before = (operation) => void asked.push(operation)
    expect(await log.refresh()).toBe(true)
    expect(log.state).toEqual(other.state)
    expect(await log.refresh()).toBe(true)
    expect(asked).toEqual(['version', 'load', 'version'])
  })

  it('says so at a refresh when the session was removed, and refuses every commit', async () => {
    const { log, inner } = await setup({ shared: true })
    await inner.remove('s')
    expect(await log.refresh()).toBe(false)
    await expect(log.commit(() => [tip(1)])).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' })
    await expect(log.commit(() => [])).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' })
  })
})

describe('with a lease', () => {
  it('appends while it is held and is refused after it', async () => {
    const { log, inner, clock } = await setup()
    await inner.acquireLease('s', 'me', 1000)
    await log.commit(() => [tip(1)], 'me')
    clock.advance(1000)
    await expect(log.commit(() => [tip(2)], 'me')).rejects.toBeInstanceOf(LeaseLostError)
    expect(await inner.version('s')).toBe(2)
  })

  it('is refused while another holds it, though anybody may append without an owner', async () => {
    const { log, inner } = await setup()
    await inner.acquireLease('s', 'other', 1000)
    await expect(log.commit(() => [tip(1)], 'me')).rejects.toBeInstanceOf(LeaseLostError)
    await log.commit(() => [tip(2)])
    expect(log.version).toBe(2)
  })
})

describe('when the store fails', () => {
  it('leaves the copy as it was, and a later commit works', async () => {
    const { log, faults } = await setup()
    faults.before = once('append', () => Promise.reject(new StoreError('away')))
    const before = log.state
    await expect(log.commit(() => [tip(1)])).rejects.toBeInstanceOf(StoreError)
    expect([log.state, log.version]).toEqual([before, 1])
    await log.commit(() => [tip(2)])
    expect([log.state.bar.tabVersion, log.version]).toEqual([1, 2])
  })

  it('applies nothing twice that was appended though the answer was lost', async () => {
    const { log, inner, loseAnswer } = await setup()
    await log.commit(() => [started('t')])
    loseAnswer()
    await expect(log.commit(effectOnce)).rejects.toBeInstanceOf(StoreError)
    await log.commit(effectOnce)
    expect(await inner.version('s')).toBe(3)
    expect(log.state.turns[0]?.effects).toHaveLength(1)
  })

  it('decides on what the store has after an answer was lost, also when that is to do nothing', async () => {
    const { log, loseAnswer } = await setup()
    loseAnswer()
    await expect(log.commit(() => [started('t')])).rejects.toBeInstanceOf(StoreError)
    await log.commit(({ openTurnId }) => (openTurnId === 't' ? [ended('t', 'interrupted')] : []))
    expect(log.state).toMatchObject({ openTurnId: null, turns: [{ outcome: 'interrupted' }] })
  })

  it('reads what it may have missed at the next refresh, also where nobody else writes', async () => {
    const { log, loseAnswer } = await setup()
    loseAnswer()
    await expect(log.commit(() => [started('t')])).rejects.toBeInstanceOf(StoreError)
    expect(await log.refresh()).toBe(true)
    expect(log.state.openTurnId).toBe('t')
  })

  it('lets nobody wait longer for it because others wait already', async () => {
    const { log, faults } = await setup({ shared: true })
    const failed = Promise.withResolvers<void>()
    let asked = 0
    faults.before = () => (asked++ < 4 ? failed.promise : undefined)
    const waiting = [log.refresh(), log.refresh(), log.refresh(), log.commit(() => [tip(100)])]
    await settle()
    expect(asked).toBe(4)
    failed.reject(new StoreError('away'))
    const results = await Promise.allSettled(waiting)
    expect(results.map(({ status }) => status)).toEqual(Array(4).fill('rejected'))
    expect(await log.refresh()).toBe(true)
  })

  it('asks a store of its own nothing at a refresh when every answer has come', async () => {
    const { log, inner } = await setup()
    await inner.close()
    expect(await log.refresh()).toBe(true)
  })
})

describe('snapshots', () => {
  it('are taken every so many events, and a session opened from one is the same', async () => {
    const { log, open, inner, faults } = await setup()
    const snapshots = snapshotsOf(faults)
    for (let count = 0; count < 10; count++) await log.commit(() => [tip(count)])
    expect(snapshots).toEqual([4, 8])
    expect((await inner.load('s'))?.events).toHaveLength(3)
    expect((await open()).state).toEqual(log.state)
  })

  it('go on counting from the one that a session was opened with', async () => {
    const { log, open, faults } = await setup()
    const snapshots = snapshotsOf(faults)
    for (let count = 0; count < 5; count++) await log.commit(() => [tip(count)])
    const other = await open()
    for (let count = 0; count < 2; count++) await other.commit(() => [tip(count)])
    expect(snapshots).toEqual([4, 8])
  })

  it('keep the bound of keys over many of them', async () => {
    const { log, open } = await setup()
    for (let count = 0; count < 40; count++) {
      await log.commit(() => [
        { type: 'request-answered', request: keyed(`k${count}`), status: 200, body: null },
      ])
    }
    const keys = (await open()).state.requests.map(({ key }) => key)
    expect(keys).toEqual(['k35', 'k36', 'k37', 'k38', 'k39'])
  })

  it('of a version that knew less are read', async () => {
    const { log, open, inner } = await setup()
    const { summary: _, tokensUsed: _tokens, toolCallsMade: _calls, ...known } = log.state
    const state: SessionState = JSON.parse(JSON.stringify(known))
    await inner.saveSnapshot('s', { version: 1, state })
    expect((await open()).state).toEqual(log.state)
  })

  it('that cannot be saved take nothing back', async () => {
    const { log, open, faults } = await setup()
    faults.before = (operation) => {
      if (operation === 'saveSnapshot') throw new StoreError('away')
    }
    for (let count = 0; count < 6; count++) await log.commit(() => [tip(count)])
    expect(log.version).toBe(7)
    expect((await open()).state).toEqual(log.state)
  })
})
