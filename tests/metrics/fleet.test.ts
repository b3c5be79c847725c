import * as fc from 'fast-check'
import { Counter, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/log/store.ts'
import type { Board } from '../../src/log/board.ts'
import { containerName, Fleet, type FleetFailure } from '../../src/metrics/fleet.ts'
import { createMemoryBoard } from '../../src/store/memory-board.ts'
import { parseExposition, seriesOf } from '../fakes/exposition.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { unreachableBoard } from '../fakes/unreachable-board.ts'

const publishMs = 10_000
const lifeMs = 30_000

/** Containers over one board. Each counts drinks; its way to the board can break. */
function setup({ containersMax = 10, textBytesMax = 10_000 } = {}) {
  const clock = new FakeClock()
  const shared = createMemoryBoard({ clock, containersMax, textBytesMax })

  function addContainer(name: string) {
    const network = { isCut: false }
    const failures: FleetFailure[] = []
    const errors: unknown[] = []
    const registry = new Registry()
    const drinks = new Counter({ name: 'drinks_total', help: 'Drinks.', registers: [registry] })
    const board = unreachableBoard(shared, () => network.isCut)
    const fleet = new Fleet({
      board,
      container: name,
      metrics: { text: () => registry.metrics() },
      clock,
      publishMs,
      lifeMs,
      observer: { fleetFailed: (reason) => failures.push(reason) },
      reportError: (error) => errors.push(error),
    })
    const scrape = async () => seriesOf(parseExposition(await fleet.text()))
    return { fleet, network, board, failures, errors, serve: (count = 1) => drinks.inc(count), scrape }
  }
  return { clock, shared, addContainer }
}

const drinksOf = (container: string) => `drinks_total{container="${container}"}`

describe('the metrics of the fleet', () => {
  it('show every container that has started, at once, whoever is asked', async () => {
    const { addContainer } = setup()
    const [a, b] = [addContainer('a'), addContainer('b')]
    a.serve(2)
    await a.fleet.start()
    await b.fleet.start()
    const shown = new Map([
      ['maya_fleet_board_up', 1],
      ['maya_fleet_containers', 2],
      [drinksOf('a'), 2],
      [drinksOf('b'), 0],
    ])
    expect(await a.scrape()).toEqual(shown)
    expect(await b.scrape()).toEqual(shown)
  })

  it('are renewed by every container', async () => {
    const { addContainer, clock } = setup()
    const [a, b] = [addContainer('a'), addContainer('b')]
    await a.fleet.start()
    await b.fleet.start()
    a.serve()
    expect((await b.scrape()).get(drinksOf('a'))).toBe(0)
    await clock.advanceAsync(publishMs)
    expect((await b.scrape()).get(drinksOf('a'))).toBe(1)
    await clock.advanceAsync(10 * lifeMs)
    expect((await b.scrape()).get('maya_fleet_containers')).toBe(2)
  })

  it('show nothing more of a container that has left', async () => {
    const { addContainer, clock } = setup()
    const [a, b] = [addContainer('a'), addContainer('b')]
    await a.fleet.start()
    await b.fleet.start()
    await b.fleet.stop()
    expect([...(await a.scrape()).keys()]).toEqual([
      'maya_fleet_board_up',
      'maya_fleet_containers',
      drinksOf('a'),
    ])
    await clock.advanceAsync(2 * lifeMs)
    expect((await a.scrape()).get('maya_fleet_containers')).toBe(1)
    await a.fleet.stop()
    expect(clock.pending).toBe(0)
  })

  it('show nothing more of a container that was publishing as it left', async () => {
    const { addContainer, shared, clock } = setup()
    const [a, b] = [addContainer('a'), addContainer('b')]
    await a.fleet.start()
    await b.fleet.start()
    const door = Promise.withResolvers<void>()
    const slow: Pick<Board, 'post'> = {
      post: (container, text, durationMs) =>
        door.promise.then(() => shared.post(container, text, durationMs)),
    }
    Object.assign(b.board, slow)
    clock.advance(publishMs)
    const stopped = b.fleet.stop()
    await settle()
    door.resolve()
    await stopped
    expect([...(await shared.all()).keys()]).toEqual(['a'])
  })

  it('show a container that died for as long as a few publications take', async () => {
    const { addContainer, clock } = setup()
    const [a, b] = [addContainer('a'), addContainer('b')]
    await a.fleet.start()
    await b.fleet.start()
    b.network.isCut = true
    await clock.advanceAsync(lifeMs - 1)
    expect((await a.scrape()).has(drinksOf('b'))).toBe(true)
    await clock.advanceAsync(1)
    expect((await a.scrape()).has(drinksOf('b'))).toBe(false)
  })
})

describe('a container without its board', () => {
  it('shows that, and no series, which would go back with the next look at the board', async () => {
    const { addContainer, clock } = setup()
    const a = addContainer('a')
    await a.fleet.start()
    a.network.isCut = true
    a.serve(5)
    expect(await a.scrape()).toEqual(new Map([['maya_fleet_board_up', 0]]))
    a.network.isCut = false
    expect((await a.scrape()).get(drinksOf('a'))).toBe(0)
    await clock.advanceAsync(publishMs)
    expect((await a.scrape()).get(drinksOf('a'))).toBe(5)
  })

  it('starts and stops all the same, and reports why it is not seen', async () => {
    const { addContainer } = setup()
    const a = addContainer('a')
    a.network.isCut = true
    await a.fleet.start()
    await a.fleet.stop()
    expect(a.failures).toEqual(['unreachable', 'unreachable'])
    expect(a.errors).toEqual([new StoreError('cut'), new StoreError('cut')])
  })

  it('never shows a counter that goes back, whoever is asked, whatever breaks and whenever', async () => {
    const step = fc.record({
      act: fc.constantFrom('serve', 'scrape', 'scrape', 'cut', 'mend', 'wait'),
      at: fc.nat(2),
      waitMs: fc.integer({ min: 1, max: 20_000 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { addContainer, clock } = setup()
        const containers = ['a', 'b', 'c'].map(addContainer)
        for (const { fleet } of containers) await fleet.start()
        const scrapes: ReadonlyMap<string, number>[] = []
        for (const { act, at, waitMs } of steps) {
          const one = containers[at] ?? addContainer('nobody')
          if (act === 'serve') one.serve()
          if (act === 'scrape') scrapes.push(await one.scrape())
          if (act === 'cut') one.network.isCut = true
          if (act === 'mend') one.network.isCut = false
          if (act === 'wait') await clock.advanceAsync(waitMs)
        }
        for (const name of ['a', 'b', 'c'].map(drinksOf)) {
          const seen = scrapes.map((series) => series.get(name)).filter((value) => value !== undefined)
          expect(seen).toEqual(seen.toSorted((one, other) => one - other))
        }
      }),
    )
  })
})

describe('bounds', () => {
  it('leave out a container too many, and one whose text is too large, which both report', async () => {
    const { addContainer } = setup({ containersMax: 1, textBytesMax: 100 })
    const [a, b] = [addContainer('a'), addContainer('b'.repeat(100))]
    await a.fleet.start()
    await b.fleet.start()
    const c = addContainer('c')
    await c.fleet.start()
    expect([a.failures, b.failures, c.failures]).toEqual([[], ['too-large'], ['too-many']])
    expect((await c.scrape()).get('maya_fleet_containers')).toBe(1)
  })

  it('hold for readers: those who ask at once share one look at the board, never one from before they asked', async () => {
    const { addContainer, shared } = setup()
    const a = addContainer('a')
    await a.fleet.start()
    const looks: PromiseWithResolvers<void>[] = []
    Object.assign(a.board, {
      all: async () => {
        const shown = await shared.all()
        const look = Promise.withResolvers<void>()
        looks.push(look)
        await look.promise
        return shown
      },
    })
    const first = a.scrape()
    await settle()
    a.serve()
    await a.fleet.start()
    const later = Array.from({ length: 50 }, () => a.scrape())
    await settle()
    expect(looks).toHaveLength(1)
    looks[0]?.resolve()
    expect((await first).get(drinksOf('a'))).toBe(0)
    await settle()
    looks[1]?.resolve()
    const seen = await Promise.all(later)
    expect(seen.map((series) => series.get(drinksOf('a')))).toEqual(later.map(() => 1))
    expect(looks).toHaveLength(2)
    await a.fleet.stop()
  })
})

describe('the name of a container', () => {
  it('says where it runs, is short and plain, and ends with what is its own', () => {
    expect(containerName('ta-01JXYZ', 'c0ffee00')).toBe('ta-01JXYZ-c0ffee00')
    expect(containerName('my host"\n{}', 'c0ffee00')).toBe('my-host--c0ffee00')
    expect(containerName('x'.repeat(300), 'c0ffee00')).toHaveLength(57)
    expect(containerName('', 'c0ffee00')).toBe('-c0ffee00')
  })
})
