import { sleep, systemClock } from '../../src/clock.ts'
import { limits } from '../../src/config/limits.ts'
import type { Random } from '../simulation/random.ts'
import type { Fleet, Place } from './fleet.ts'

export const faultKinds = [
  'terminate',
  'kill',
  'pause',
  'partition',
  'slow-network',
  'redis-kill',
  'redis-terminate',
] as const
export type FaultKind = (typeof faultKinds)[number]

/** One thing that goes wrong, at a time that the seed alone decides. */
export interface Fault {
  readonly kind: FaultKind
  /** From the beginning of the evening. */
  readonly atMs: number
  /** Of what is healed again; 0 for a process that has ended. */
  readonly lastsMs: number
  /** Index of the place that it strikes; none for Redis. */
  readonly place: number | undefined
}

/** How long it takes until every kind of fault has come once. */
export const roundMs = 17_000

/**
 * In each round one server stands still and another loses its Redis, both for longer than a lease, while the third and
 * Redis itself are struck by everything that is over soon.
 */
export function planFaults(random: Random, rounds: number): readonly Fault[] {
  return Array.from({ length: rounds }, (_, round) => planRound(random, round * roundMs)).flat()
}

function planRound(random: Random, fromMs: number): readonly Fault[] {
  const [paused, parted, third] = shuffled(random, [0, 1, 2])
  const beyondLease = (): number => limits.leaseMs + random.between(1500, 3000)
  const long = [
    { kind: 'pause', place: paused, atMs: fromMs + random.between(0, 1500), lastsMs: beyondLease() },
    { kind: 'partition', place: parted, atMs: fromMs + random.between(0, 1500), lastsMs: beyondLease() },
  ] as const
  const soonOver = shuffled(random, [
    { kind: 'kill', place: third, lastsMs: 0 },
    { kind: 'terminate', place: third, lastsMs: 0 },
    { kind: 'slow-network', place: third, lastsMs: random.between(1500, 2500) },
    { kind: 'redis-kill', place: undefined, lastsMs: random.between(100, 1000) },
    { kind: 'redis-terminate', place: undefined, lastsMs: random.between(100, 1000) },
  ] as const)
  const stepMs = roundMs / soonOver.length
  return [
    ...long,
    ...soonOver.map((fault, step) => ({ ...fault, atMs: fromMs + step * stepMs + random.between(0, 800) })),
  ]
}

/** What a fault met: how many turns were running where it struck. */
export interface Struck {
  readonly kind: FaultKind
  readonly turns: number
}

/** Lets every fault happen in its time, those of one place one after the other. Resolves when all is healed. */
export async function strikeAll(
  plan: readonly Fault[],
  fleet: Fleet,
  signal: AbortSignal,
): Promise<readonly Struck[]> {
  const beganMs = systemClock.now()
  const byPlace = [...Map.groupBy(plan, ({ place }) => place).values()]
  const struck = await Promise.all(
    byPlace.map(async (faults) => {
      const met: Struck[] = []
      for (const fault of faults.toSorted((one, other) => one.atMs - other.atMs)) {
        await sleep(systemClock, Math.max(0, beganMs + fault.atMs - systemClock.now()), signal)
        met.push(await strike(fault, fleet, signal))
      }
      return met
    }),
  )
  return struck.flat()
}

/** Resolves when the fault is healed. */
async function strike(
  { kind, place: index, lastsMs }: Fault,
  fleet: Fleet,
  signal: AbortSignal,
): Promise<Struck> {
  const place = index === undefined ? undefined : fleet.places[index]
  const turns = await turnsToStrike(
    () => (place === undefined ? fleet.turnsRunning() : place.server.turnsRunning()),
    signal,
  )
  const wait = (): Promise<void> => sleep(systemClock, lastsMs, signal)
  await (place === undefined ? strikeRedis(kind, fleet, wait) : strikePlace(kind, { fleet, place, wait }))
  return { kind, turns }
}

/** Waits a while for turns to run, because a fault that meets none proves little. */
async function turnsToStrike(count: () => Promise<number>, signal: AbortSignal): Promise<number> {
  const givesUpAt = systemClock.now() + turnsWaitMs
  for (;;) {
    const turns = await count()
    if (turns > 0 || systemClock.now() > givesUpAt) return turns
    await sleep(systemClock, turnsPollMs, signal)
  }
}

const turnsWaitMs = 3000
const turnsPollMs = 100

async function strikeRedis(kind: FaultKind, { redis }: Fleet, wait: () => Promise<void>): Promise<void> {
  await (kind === 'redis-kill' ? redis.kill() : redis.terminate())
  await wait()
  await redis.start()
}

async function strikePlace(
  kind: FaultKind,
  { fleet, place, wait }: { fleet: Fleet; place: Place; wait: () => Promise<void> },
): Promise<void> {
  const { relay, server } = place
  switch (kind) {
    case 'terminate':
      server.end('SIGTERM')
      return fleet.renew(place)
    case 'kill':
      server.end('SIGKILL')
      return fleet.renew(place)
    case 'pause':
      server.child.kill('SIGSTOP')
      await wait()
      server.child.kill('SIGCONT')
      return
    case 'partition':
      relay.part()
      await wait()
      relay.heal()
      return
    case 'slow-network':
      relay.delayMs = slowMs
      await wait()
      relay.delayMs = 0
      return
    case 'redis-kill':
    case 'redis-terminate':
      throw new Error(`${kind} strikes no place.`)
  }
}

const slowMs = 150

function shuffled<Item>(random: Random, items: readonly Item[]): readonly Item[] {
  return items
    .map((item) => ({ item, order: random.next() }))
    .toSorted((one, other) => one.order - other.order)
    .map(({ item }) => item)
}
