// Bytes of one idle live session and of one open idle stream, and what the server itself believes they are.
import { setTimeout } from 'node:timers/promises'
import { startChild } from './harness/child.ts'
import { readOptions } from './harness/options.ts'
import { median, spread } from './harness/statistics.ts'
import { printMachine, printProgress, printTable } from './harness/table.ts'
import type { GeneratorControls } from './load/generator.ts'
import type { MayaControls } from './servers/maya.ts'

const { quick, rounds } = readOptions({ rounds: 3 })
const counts = quick ? [100] : [1000, 5000]
const chunks = 60
const warmUpSessions = 100
const streamsAtOnce = 50

/** Growth per session or stream, all in KiB. */
interface Growth {
  readonly residentKib: number
  readonly heapKib: number
  readonly externalKib: number
  /** By `maya_session_memory_bytes`. */
  readonly believedKib: number
}

interface Sample {
  readonly residentBytes: number
  readonly heapBytes: number
  readonly externalBytes: number
  readonly believedBytes: number
}

const results = counts.map((count) => ({ count, sessions: [] as Growth[], streams: [] as Growth[] }))
printMachine()
for (let round = 0; round < rounds; round++) {
  for (const { count, sessions, streams } of results) {
    printProgress(`round ${round + 1} of ${rounds}: ${count}`)
    const { session, stream } = await measure(count)
    sessions.push(session)
    streams.push(stream)
  }
}
printGrowth('One idle live session after one turn of 60 chunks', 'sessions')
printGrowth('One open idle stream, its running turn included, its session not', 'streams')

/** A new server for each number: memory that was used once is used again and would hide what is needed. */
async function measure(count: number): Promise<{ readonly session: Growth; readonly stream: Growth }> {
  const server = await startChild<MayaControls>({
    script: 'servers/maya.ts',
    args: ['memory:'],
    nodeOptions: ['--expose-gc'],
  })
  const generator = await startChild<GeneratorControls>({ script: 'load/generator.ts' })
  const url = await server.ask('url', undefined)
  const sample = async (): Promise<Sample> => {
    const { residentBytes, heapBytes, externalBytes } = await server.ask('memoryUse', undefined)
    const believedBytes = await server.ask('sessionBytes', undefined)
    return { residentBytes, heapBytes, externalBytes, believedBytes }
  }
  const talk = async (ids: readonly string[]): Promise<void> => {
    for (let from = 0; from < ids.length; from += streamsAtOnce) {
      const sessions = ids.slice(from, from + streamsAtOnce)
      const script = { chunks, pause: 'none' as const }
      const load = { url, streams: sessions.length, turnsPerStream: 1, script, sessions, staggerMs: 0 }
      const { wrong } = await generator.ask('run', load)
      if (wrong > 0) throw new Error(`${wrong} answers were wrong.`)
    }
  }
  // Code and the heap's own room are there before the first sample is taken.
  const first = await generator.ask('openSessions', { url, count: warmUpSessions })
  for (let time = 0; time < 5; time++) await talk(first)
  await generator.ask('endSessions', { url, ids: first })
  const before = await sample()
  const ids = await generator.ask('openSessions', { url, count })
  await talk(ids)
  const withSessions = await sample()
  await generator.ask('hold', { url, sessions: ids })
  while ((await server.ask('turnsRunning', undefined)) < count) await setTimeout(50)
  const withStreams = await sample()
  await generator.ask('leave', undefined)
  await generator.stop()
  await server.stop()
  return {
    session: growth(before, withSessions, count),
    stream: growth(withSessions, withStreams, count),
  }
}

function growth(before: Sample, after: Sample, count: number): Growth {
  const each = (name: keyof Sample): number => (after[name] - before[name]) / count / 1024
  return {
    residentKib: each('residentBytes'),
    heapKib: each('heapBytes'),
    externalKib: each('externalBytes'),
    believedKib: each('believedBytes'),
  }
}

function printGrowth(title: string, name: 'sessions' | 'streams'): void {
  printTable(
    title,
    ['count', 'RSS KiB [min-max]', 'heap KiB', 'external KiB', 'maya_session_memory_bytes KiB', 'of heap'],
    results.map((result) => {
      const all = result[name]
      const middle = (key: keyof Growth): number => median(all.map((one) => one[key]))
      return [
        String(result.count),
        spread(
          all.map(({ residentKib }) => residentKib),
          1,
        ),
        middle('heapKib').toFixed(1),
        middle('externalKib').toFixed(1),
        middle('believedKib').toFixed(1),
        (middle('believedKib') / (middle('heapKib') + middle('externalKib'))).toFixed(2),
      ]
    }),
  )
}
