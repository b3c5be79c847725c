import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

export const MiB = 1024 * 1024
export const GiB = 1024 * MiB

/** Files of a pretended machine by their path below its root. */
export type Files = Readonly<Record<string, string | number>>

export interface Machine {
  readonly root: string
  /** Changes or adds files. */
  readonly write: (files: Files) => void
}

/** Writes a pretended machine's files to a directory of its own, which is gone after the test. */
export function createMachine(files: Files): Machine {
  const root = mkdtempSync(join(tmpdir(), 'maya-machine-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const write = (changed: Files): void => {
    for (const [path, content] of Object.entries(changed)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), `${content}\n`)
    }
  }
  write(files)
  return { root, write }
}

/** A whole machine's memory, as `/proc/meminfo` tells it. */
export function meminfo(bytes: number): Files {
  return { 'proc/meminfo': `MemTotal:       ${bytes / 1024} kB\nMemFree:        1024 kB` }
}

/** One cgroup of the v2 hierarchy. */
export function v2Cgroup(
  path: string,
  memory: { max: string | number; current: number; cache?: number },
): Files {
  const directory = `sys/fs/cgroup${path}`
  return {
    [`${directory}/memory.max`]: memory.max,
    [`${directory}/memory.current`]: memory.current,
    [`${directory}/memory.stat`]: `anon 4096\nactive_file 8192\ninactive_file ${memory.cache ?? 0}`,
  }
}

/** One cgroup of the v1 memory hierarchy. */
export function v1Cgroup(
  path: string,
  memory: { limit: string | number; usage: number; cache?: number },
): Files {
  const directory = `sys/fs/cgroup/memory${path}`
  return {
    [`${directory}/memory.limit_in_bytes`]: memory.limit,
    [`${directory}/memory.usage_in_bytes`]: memory.usage,
    [`${directory}/memory.stat`]: `inactive_file 1\ntotal_inactive_file ${memory.cache ?? 0}\ntotal_rss 4096`,
  }
}
