import { createCgroupFinder, type Cgroup } from './cgroup.ts'

export interface CpuReaderOptions {
  /** Where `proc` and `sys` are looked for; `/` but in tests. */
  readonly root?: string
  /** Seconds of CPU that this process has used; counts where no cgroup tells. */
  readonly processCpuSeconds: () => number
}

/** Makes the reader of the seconds of CPU that the container has used since it began. */
export function createCpuReader({ root = '/', processCpuSeconds }: CpuReaderOptions): () => number {
  const findCgroups = createCgroupFinder(root, 'cpuacct')
  return () => {
    const { v2, v1, controlledByV1 } = findCgroups()
    // Beside a v1 controller the v2 tree still has a cpu.stat, that of the whole machine.
    const fromV2 = controlledByV1 ? undefined : firstSeconds(v2, readStatSeconds)
    return fromV2 ?? firstSeconds(v1, readAccountSeconds) ?? processCpuSeconds()
  }
}

function firstSeconds(
  cgroups: readonly Cgroup[],
  read: (cgroup: Cgroup) => number | undefined,
): number | undefined {
  for (const cgroup of cgroups) {
    const seconds = read(cgroup)
    if (seconds !== undefined) return seconds
  }
  return undefined
}

function readStatSeconds(cgroup: Cgroup): number | undefined {
  const [, microseconds] = /^usage_usec (\d+)$/m.exec(cgroup.text('cpu.stat') ?? '') ?? []
  return microseconds === undefined ? undefined : Number(microseconds) / 1e6
}

function readAccountSeconds(cgroup: Cgroup): number | undefined {
  const nanoseconds = cgroup.number('cpuacct.usage')
  return nanoseconds === undefined ? undefined : nanoseconds / 1e9
}
