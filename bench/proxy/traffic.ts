// What requests and streamed turns cost in each proxy, all of them before one server.
import { startChild, type Child } from '../harness/child.ts'
import { inTurn } from '../harness/options.ts'
import { canPin, type ServerProcess } from '../harness/server-process.ts'
import { median, pairedRatio, spread } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import type { Script } from '../servers/script.ts'
import {
  contestantNames,
  startProxy,
  startUpstream,
  titles,
  type ContestantName,
  type EventLoop,
} from './contestants.ts'
import type { LoadControls, ProxyLoad, ProxyLoadResult, Quantiles } from './load.ts'

const chunks = 60
const paceMs = 20

/** What one connection after the other asks for, by the names of the option. */
const asked = {
  json: { title: '1 KB of JSON', asks: 'json' },
  turn: { title: 'turns, all chunks at once', asks: { chunks, pause: 'none' } },
  tick: { title: 'turns, each chunk in a tick of its own', asks: { chunks, pause: 'tick' } },
  paced: { title: `turns, ${paceMs} ms a chunk`, asks: { chunks, pause: paceMs } },
} as const satisfies Record<string, { title: string; asks: 'json' | Script }>

const runsOnUvicorn: ReadonlySet<ContestantName> = new Set(['maya', 'aiohttp', 'httpx'])

export const defaultLoads = 'json:1,json:50,turn:1,turn:50,tick:1,tick:50,paced:50,paced:100'

export interface Load {
  readonly kind: keyof typeof asked
  readonly connections: number
}

interface Measured extends ProxyLoadResult {
  /** CPU time of the proxy alone; of the server, where there is no proxy. */
  readonly cpuMs: number
}

interface LoadResults {
  readonly load: Load
  readonly measured: ReadonlyMap<ContestantName, Measured[]>
}

export interface TrafficOptions {
  readonly names: readonly ContestantName[]
  readonly loads: readonly Load[]
  readonly eventLoop: EventLoop
  readonly rounds: number
  readonly seconds: number
}

/** `undefined` where the option says something else than `kind:connections,...`. */
export function readLoads(text: string): readonly Load[] | undefined {
  const loads = text.split(',').map((load) => {
    const [kind = '', connections] = load.split(':')
    return isKind(kind) && Number(connections) > 0 ? { kind, connections: Number(connections) } : undefined
  })
  return loads.every((load) => load !== undefined) ? loads : undefined
}

function isKind(text: string): text is Load['kind'] {
  return Object.hasOwn(asked, text)
}

export async function measureTraffic(options: TrafficOptions): Promise<void> {
  if (!canPin) printProgress('No taskset: the proxies, Node and the load share all cores.')
  const generator = await startChild<LoadControls>({ script: 'proxy/load.ts' })
  const servers = new Map<ContestantName, ServerProcess>()
  try {
    const upstream = await startUpstream()
    servers.set('direct', upstream)
    for (const name of contestantNames) {
      if (name === 'direct' || !options.names.includes(name)) continue
      servers.set(name, await startProxy(name, upstream.url, options.eventLoop))
    }
    const results = await measureRounds(options, (name, load, seconds) =>
      measure(generator, servers.get(name), { load, seconds }),
    )
    results.forEach(printResults)
  } finally {
    await Promise.all([...servers.values(), generator].map((process) => process.stop()))
  }
}

async function measureRounds(
  { names, loads, rounds, seconds }: TrafficOptions,
  run: (name: ContestantName, load: Load, seconds: number) => Promise<Measured>,
): Promise<readonly LoadResults[]> {
  const results = loads.map((load): LoadResults => {
    return { load, measured: new Map(contestantsOf(load, names).map((name) => [name, []])) }
  })
  for (const name of names) {
    printProgress(`warming up ${titles[name]}`)
    for (const kind of ['json', 'turn'] as const) await run(name, { kind, connections: 20 }, seconds / 2)
  }
  for (let round = 0; round < rounds; round++) {
    for (const { load, measured } of results) {
      printProgress(`round ${round + 1} of ${rounds}: ${describe(load)}`)
      for (const name of inTurn([...measured.keys()], round))
        measured.get(name)?.push(await run(name, load, seconds))
    }
  }
  return results
}

/** An answer that the ASGI server gives by itself comes in one piece. */
function contestantsOf({ kind }: Load, names: readonly ContestantName[]): readonly ContestantName[] {
  return isStream(kind) ? names.filter((name) => name !== 'none') : names
}

function isStream(kind: Load['kind']): boolean {
  return kind === 'tick' || kind === 'paced'
}

async function measure(
  generator: Child<LoadControls>,
  server: ServerProcess | undefined,
  { load, seconds }: { readonly load: Load; readonly seconds: number },
): Promise<Measured> {
  if (server === undefined) throw new Error('This contestant was not started.')
  const { asks } = asked[load.kind]
  const staggerMs = load.kind === 'paced' ? chunks * paceMs : 0
  const before = server.cpuMs()
  const request: ProxyLoad = { url: server.url, asks, connections: load.connections, seconds, staggerMs }
  const result = await generator.ask('run', request)
  return { ...result, cpuMs: server.cpuMs() - before }
}

function printResults({ load, measured }: LoadResults): void {
  const [what, wait] = load.kind === 'json' ? ['request', 'answer'] : ['turn', 'first text']
  const columns = [
    'proxy',
    `${what}s/s [min-max]`,
    `CPU us/${what} [min-max]`,
    'x nginx',
    'x aiohttp',
    ...(isStream(load.kind) ? [] : ['less uvicorn', 'x nginx', 'x aiohttp']),
    `${wait} p50 ms`,
    'added',
    'p99 ms',
    'added',
    ...(isStream(load.kind) ? ['late p50 ms', 'added', 'p99 ms', 'added'] : []),
    'wrong',
  ]
  const rows = [...measured].map(([name, mine]) => [
    titles[name],
    ...cpuCells(measured, name, mine),
    ...(isStream(load.kind) ? [] : ownCpuCells(measured, name, mine)),
    ...latencyCells(measured, mine, ({ waitMs }) => waitMs),
    ...(isStream(load.kind) ? latencyCells(measured, mine, ({ lateMs }) => lateMs) : []),
    String(mine.reduce((sum, { wrong }) => sum + wrong, 0)),
  ])
  printTable(describe(load), columns, rows)
}

function describe({ kind, connections }: Load): string {
  return `${connections === 1 ? '1 connection' : `${connections} connections`}: ${asked[kind].title}`
}

type ByName = LoadResults['measured']

function cpuCells(measured: ByName, name: ContestantName, mine: readonly Measured[]): readonly string[] {
  const rates = mine.map(({ answers, seconds }) => answers / seconds)
  const ratios = (['nginx', 'aiohttp'] as const).map((other) =>
    name === 'direct' ? NaN : pairedRatio(cpuUs(mine), cpuUs(measured.get(other))),
  )
  return [spread(rates, 0), spread(cpuUs(mine), 0), ...ratios.map((ratio) => cell(ratio, 2))]
}

/** What the proxy costs beside the ASGI server that it runs on, which is another one on Modal. */
function ownCpuCells(measured: ByName, name: ContestantName, mine: readonly Measured[]): readonly string[] {
  const uvicornUs = cpuUs(measured.get('none'))
  const ownUs = (values: readonly Measured[] | undefined): readonly number[] =>
    cpuUs(values).map((value, round) => value - (uvicornUs[round] ?? NaN))
  if (!runsOnUvicorn.has(name)) return ['', '', '']
  return [
    cell(median(ownUs(mine)), 0),
    cell(pairedRatio(ownUs(mine), cpuUs(measured.get('nginx'))), 2),
    cell(pairedRatio(ownUs(mine), ownUs(measured.get('aiohttp'))), 2),
  ]
}

function cpuUs(values: readonly Measured[] = []): readonly number[] {
  return values.map(({ cpuMs, answers, wrong }) => (cpuMs * 1000) / (answers + wrong))
}

/** A latency at p50 and p99, each with how much longer it is than without a proxy in the same round. */
function latencyCells(
  measured: ByName,
  mine: readonly Measured[],
  read: (measured: Measured) => Quantiles,
): readonly string[] {
  const direct = measured.get('direct')
  return (['p50', 'p99'] as const).flatMap((part) => {
    const added = mine.map((value, round) => {
      const reference = direct?.[round]
      return reference === undefined || direct === mine ? NaN : read(value)[part] - read(reference)[part]
    })
    return [cell(median(mine.map((value) => read(value)[part])), 2), cell(median(added), 2)]
  })
}

/** Empty where there was nothing to compare with. */
function cell(value: number, digits: number): string {
  return Number.isNaN(value) ? '' : value.toFixed(digits)
}
