import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A real cgroup with a memory limit, made by a test. */
export interface LimitedCgroup {
  readonly source: 'cgroup-v2' | 'cgroup-v1'
  readonly directory: string
  /** Starts a command inside of the cgroup, so that all of its memory is charged there. */
  readonly spawn: (command: readonly string[], env: NodeJS.ProcessEnv) => ChildProcessWithoutNullStreams
  readonly setLimit: (bytes: number) => void
  /** Ends what still runs inside and takes the cgroup away. */
  readonly remove: () => Promise<void>
}

export type CgroupResult =
  | { readonly ok: true; readonly cgroup: LimitedCgroup }
  | { readonly ok: false; readonly reason: string }

interface Hierarchy {
  readonly source: LimitedCgroup['source']
  readonly mount: string
  readonly limitFile: string
  /** The line of `/proc/self/cgroup` that tells this process's path. */
  readonly line: RegExp
}

const hierarchies: readonly Hierarchy[] = [
  { source: 'cgroup-v2', mount: '/sys/fs/cgroup', limitFile: 'memory.max', line: /^0::(\/.*)$/m },
  {
    source: 'cgroup-v1',
    mount: '/sys/fs/cgroup/memory',
    limitFile: 'memory.limit_in_bytes',
    line: /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m,
  },
]

/** Makes a cgroup inside of this process's own one or, where that takes no children, of the nearest parent that does. */
export function createLimitedCgroup(limitBytes: number): CgroupResult {
  const reasons: string[] = []
  for (const hierarchy of hierarchies) {
    for (const parent of listParents(hierarchy)) {
      const directory = join(parent, `maya-test-${process.pid}-${Date.now().toString(36)}`)
      try {
        makeDirectory(hierarchy, { directory, limitBytes })
        return { ok: true, cgroup: toCgroup(hierarchy, directory) }
      } catch (error) {
        reasons.push(error instanceof Error ? error.message : String(error))
        if (existsSync(directory)) rmdirSync(directory)
      }
    }
  }
  return { ok: false, reason: reasons.join('; ') || 'no memory cgroup is mounted' }
}

function listParents({ mount, line }: Hierarchy): readonly string[] {
  if (!existsSync(join(mount, 'cgroup.procs'))) return []
  const own = line.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/'
  const parents = [join(mount, own)]
  while (parents[0] !== mount && parents[0] !== undefined) parents.unshift(dirname(parents[0]))
  return parents.toReversed().filter((path) => existsSync(path))
}

function makeDirectory(
  { source, limitFile }: Hierarchy,
  { directory, limitBytes }: { directory: string; limitBytes: number },
): void {
  const parent = dirname(directory)
  const delegated = join(parent, 'cgroup.subtree_control')
  if (source === 'cgroup-v2' && !readFileSync(delegated, 'utf8').split(/\s/).includes('memory')) {
    writeFileSync(delegated, '+memory')
  }
  mkdirSync(directory)
  writeFileSync(join(directory, limitFile), String(limitBytes))
}

function toCgroup({ source, limitFile }: Hierarchy, directory: string): LimitedCgroup {
  const children = new Set<ChildProcess>()
  return {
    source,
    directory,
    spawn([command = '', ...args], env) {
      const script = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
      const child = spawn('sh', ['-c', script, directory, command, ...args], { env, stdio: 'pipe' })
      children.add(child)
      return child
    },
    setLimit: (bytes) => writeFileSync(join(directory, limitFile), String(bytes)),
    async remove() {
      await Promise.all([...children].map(end))
      // The kernel lets go of an ended process's cgroup a moment later.
      for (let attempt = 0; attempt < 50 && existsSync(directory); attempt++) {
        try {
          rmdirSync(directory)
        } catch {
          await delay(20)
        }
      }
      if (existsSync(directory)) throw new Error(`${directory} could not be removed.`)
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
