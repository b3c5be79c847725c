// The metrics of the fleet as whole services show them.
import { expect, it } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { createMemoryBoard } from '../../src/store/memory-board.ts'
import { scrape, seriesOf } from '../fakes/exposition.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest } from '../fakes/guest.ts'
import { startService } from '../fakes/test-service.ts'
import { facts } from '../fakes/test-settings.ts'

async function setup() {
  const clock = new FakeClock()
  const { fleetContainersMax: containersMax, fleetTextBytesMax: textBytesMax } = limits
  const board = createMemoryBoard({ clock, containersMax, textBytesMax })
  const start = (containerName: string) => startService({ clock, board, facts: { ...facts, containerName } })
  return { clock, start }
}

it('has every series of every container, labelled with a name of its own', async () => {
  const { clock, start } = await setup()
  const one = await start('ta-1')
  const other = await start('ta-1')
  await newGuest(one)
  await clock.advanceAsync(limits.fleetPublishMs)
  const families = await scrape(other, '/metrics/fleet')
  const own = await scrape(one)
  const shared = families.filter(({ name }) => !/^maya_fleet_(?:board_up|containers)$/.test(name))
  expect(shared.map(({ name, type, help }) => [name, type, help])).toEqual(
    own.map(({ name, type, help }) => [name, type, help]),
  )
  const names = new Set(shared.flatMap(({ samples }) => samples.map(({ labels }) => labels['container'])))
  expect([...names]).toEqual([
    expect.stringMatching(/^ta-1-[0-9a-f]{8}$/),
    expect.stringMatching(/^ta-1-[0-9a-f]{8}$/),
  ])
  const created = shared.find(({ name }) => name === 'maya_sessions_created_total')
  expect(created?.samples.map(({ value }) => value).toSorted()).toEqual([0, 1])
})

it('has the name of its host where the platform gives none, and nobody else on a store of its own', async () => {
  const families = await scrape(await startService(), '/metrics/fleet')
  expect(seriesOf(families).get('maya_fleet_containers')).toBe(1)
  const labels = families.flatMap(({ samples }) => samples.map((sample) => sample.labels['container']))
  expect(new Set(labels)).toEqual(new Set([undefined, expect.stringMatching(/^[\w.-]+-[0-9a-f]{8}$/)]))
})

it('lets go of a container that closes', async () => {
  const { start } = await setup()
  const stays = await start('stays')
  const leaves = await start('leaves')
  expect(seriesOf(await scrape(stays, '/metrics/fleet')).get('maya_fleet_containers')).toBe(2)
  await leaves.close(0)
  const series = seriesOf(await scrape(stays, '/metrics/fleet'))
  expect(series.get('maya_fleet_containers')).toBe(1)
  expect([...series.keys()].filter((name) => name.includes('leaves'))).toEqual([])
})

it('fits the bounds with room to spare', async () => {
  const { app } = await startService()
  for (let round = 0; round < 3; round++) {
    for (const path of ['/', '/metrics', '/metrics/fleet', '/healthz', '/api/v1/menu', '/none'])
      await app.inject(path)
  }
  const { body } = await app.inject('/metrics/fleet')
  expect(Buffer.byteLength(body)).toBeLessThan(limits.fleetTextBytesMax / 3)
  expect(limits.fleetLifeMs).toBeGreaterThanOrEqual(3 * limits.fleetPublishMs)
})
