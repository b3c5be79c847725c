import { join } from 'node:path'
import { createCgroupFinder, readText, type Cgroup } from './cgroup.ts'

/** What the kernel says about the container's memory at one moment, and who said it. */
export interface MemoryReading {
  readonly usageBytes: number
  readonly usageSource: 'cgroup-v2' | 'cgroup-v1' | 'rss'
  /** Null where nothing limits the memory, or nothing says so. */
  readonly limitBytes: number | null
  readonly limitSource: 'cgroup-v2' | 'cgroup-v1' | 'constrained' | 'configured' | 'none'
}

export interface MemoryReaderOptions {
  /** Where `proc` and `sys` are looked for; `/` but in tests. */
  readonly root?: string
  /** What the operator says the container has; counts only where the kernel names no limit. */
  readonly configuredBytes?: number | null
  /** `process.constrainedMemory`; it tells 0 or an absurdly large number for none. */
  readonly constrainedMemory: () => number | undefined
  /** The resident memory of this process alone. */
  readonly residentBytes: () => number
}

interface Limit {
  readonly bytes: number | null
  readonly source: MemoryReading['limitSource']
  /** The cgroup that has the limit. */
  readonly cgroup?: Cgroup
}

interface Usage {
  readonly bytes: number
  readonly source: Cgroup['source']
}

interface Files {
  readonly limit: string
  readonly usage: string
  /** File pages that the kernel drops before it refuses memory; the line of `memory.stat`. */
  readonly reclaimable: RegExp
}

const files: Record<Cgroup['source'], Files> = {
  'cgroup-v2': { limit: 'memory.max', usage: 'memory.current', reclaimable: /^inactive_file (\d+)$/m },
  'cgroup-v1': {
    limit: 'memory.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
    reclaimable: /^total_inactive_file (\d+)$/m,
  },
}

/** Kernels and gVisor write "unlimited" as different numbers near 2^63. */
const unlimitedBytes = 2 ** 60

/**
 * Makes the reader of the container's memory. Limit and usage are two chains, each giving its first answer; what cannot
 * be read or understood is passed over. The files are read every time: a limit can be changed while the server runs.
 */
export function createMemoryReader(options: MemoryReaderOptions): () => MemoryReading {
  const { root = '/', residentBytes } = options
  const findCgroups = createCgroupFinder(root, 'memory')
  const limitMax = Math.min(unlimitedBytes, readMachineBytes(root) ?? unlimitedBytes)
  return () => {
    const { v2, v1 } = findCgroups()
    const limit = smallestLimit(v2, limitMax) ?? smallestLimit(v1, limitMax) ?? otherLimit(options, limitMax)
    // The cgroup that has the limit is the one whose total meets it, so its usage is the one that counts.
    const usage = (limit.cgroup && readUsage([limit.cgroup])) ?? readUsage(v2) ?? readUsage(v1)
    return {
      usageBytes: usage?.bytes ?? residentBytes() + readWrapperBytes(root),
      usageSource: usage?.source ?? 'rss',
      limitBytes: limit.bytes,
      limitSource: limit.source,
    }
  }
}

function otherLimit(
  { constrainedMemory, configuredBytes = null }: MemoryReaderOptions,
  limitMax: number,
): Limit {
  const constrainedBytes = constrainedMemory()
  if (isLimit(constrainedBytes, limitMax)) return { bytes: constrainedBytes, source: 'constrained' }
  return { bytes: configuredBytes, source: configuredBytes === null ? 'none' : 'configured' }
}

/** Among equal limits the outermost cgroup counts: it holds at least as much as those inside of it. */
function smallestLimit(cgroups: readonly Cgroup[], limitMax: number): Limit | undefined {
  let smallest: Limit | undefined
  let smallestBytes = Infinity
  for (const cgroup of cgroups) {
    const bytes = cgroup.number(files[cgroup.source].limit)
    if (!isLimit(bytes, limitMax) || bytes > smallestBytes) continue
    smallestBytes = bytes
    smallest = { bytes, source: cgroup.source, cgroup }
  }
  return smallest
}

function isLimit(bytes: number | undefined, limitMax: number): bytes is number {
  return bytes !== undefined && bytes > 0 && bytes < limitMax
}

/** The usage of the first cgroup that tells one: where a cgroup counts no memory, the kernel charges its parent. */
function readUsage(cgroups: readonly Cgroup[]): Usage | undefined {
  for (const cgroup of cgroups) {
    const { usage, reclaimable: line } = files[cgroup.source]
    const bytes = cgroup.number(usage)
    if (bytes === undefined || bytes === 0 || bytes >= unlimitedBytes) continue
    const [, digits] = line.exec(cgroup.text('memory.stat') ?? '') ?? []
    const reclaimable = Number(digits ?? 0)
    return { bytes: reclaimable <= bytes ? bytes - reclaimable : bytes, source: cgroup.source }
  }
  return undefined
}

/**
 * The resident memory of the process that started this one, such as the ASGI proxy or npm. A parent outside of the
 * container shows as 0; one in another cgroup, such as the machine's init, does not share this container's memory.
 */
function readWrapperBytes(root: string): number {
  const [, parent] = /^PPid:\s*(\d+)$/m.exec(readText(join(root, 'proc/self/status')) ?? '') ?? []
  if (parent === undefined || parent === '0') return 0
  const ownCgroup = readText(join(root, 'proc/self/cgroup'))
  if (readText(join(root, 'proc', parent, 'cgroup')) !== ownCgroup) return 0
  return readKilobytes(join(root, 'proc', parent, 'status'), /^VmRSS:\s*(\d+) kB$/m) ?? 0
}

function readMachineBytes(root: string): number | undefined {
  return readKilobytes(join(root, 'proc/meminfo'), /^MemTotal:\s*(\d+) kB$/m)
}

function readKilobytes(path: string, line: RegExp): number | undefined {
  const [, digits] = line.exec(readText(path) ?? '') ?? []
  return digits === undefined ? undefined : Number(digits) * 1024
}
