import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One directory of a cgroup hierarchy that holds this process. It may not exist: then it has no files. */
export class Cgroup {
  readonly source: 'cgroup-v2' | 'cgroup-v1'
  readonly #directory: string
  /** The paths of files that were there before: those are opened without asking first. */
  readonly #present = new Map<string, string>()

  constructor(source: Cgroup['source'], directory: string) {
    this.source = source
    this.#directory = directory
  }

  /** The text of a file, or undefined where it cannot be read. */
  text(name: string): string | undefined {
    const path = this.#present.get(name) ?? join(this.#directory, name)
    const text = this.#present.has(name) ? readText(path) : readTextIfPresent(path)
    if (text === undefined) this.#present.delete(name)
    else this.#present.set(name, path)
    return text
  }

  /** The whole number that a file consists of; undefined for everything else, such as `max`. */
  number(name: string): number | undefined {
    const text = this.text(name)?.trim()
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
  }
}

/** This process's cgroup first, then its parents up to where the hierarchy is mounted. */
export interface Cgroups {
  readonly v2: readonly Cgroup[]
  readonly v1: readonly Cgroup[]
  /** True where the kernel says that this process's controller lives in a v1 hierarchy. */
  readonly controlledByV1: boolean
}

interface Mount {
  /** The cgroup that is seen at the mount point; not `/` in a container that has no cgroup namespace. */
  readonly top: string
  readonly point: string
}

/**
 * Finds the cgroups of this process below `root`, which is `/` but in tests. Mounts are looked up once; the process's
 * own path is read every time, because a supervisor may move it.
 */
export function createCgroupFinder(root: string, controller: 'memory' | 'cpuacct'): () => Cgroups {
  const mountinfo = readText(join(root, 'proc/self/mountinfo')) ?? ''
  const v2Mounts = findMounts(mountinfo, '/sys/fs/cgroup', (type) => type === 'cgroup2')
  const v1Mounts = findMounts(
    mountinfo,
    `/sys/fs/cgroup/${controller}`,
    (type, options) => type === 'cgroup' && options.includes(controller),
  )
  const resolve = (text: string): Cgroups => {
    const v1Path = pathIn(text, (controllers) => controllers.includes(controller))
    const v2Path = pathIn(text, (controllers) => controllers.length === 0)
    return {
      v2: listDirectories(v2Mounts, v2Path).map((path) => new Cgroup('cgroup-v2', join(root, path))),
      v1: listDirectories(v1Mounts, v1Path).map((path) => new Cgroup('cgroup-v1', join(root, path))),
      controlledByV1: v1Path !== undefined,
    }
  }

  let lastText = ''
  let last = resolve(lastText)
  return () => {
    const text = readText(join(root, 'proc/self/cgroup')) ?? ''
    if (text !== lastText) {
      last = resolve(text)
      lastText = text
    }
    return last
  }
}

/** The text of a small file that is usually there, or undefined where it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The same for a file that is often missing: the question costs a third of a throw. */
function readTextIfPresent(path: string): string | undefined {
  return existsSync(path) ? readText(path) : undefined
}

/** The wanted mounts in the order in which they were made, or the place where one usually is. */
function findMounts(
  mountinfo: string,
  usualPoint: string,
  isWanted: (type: string, options: readonly string[]) => boolean,
): readonly [Mount, ...Mount[]] {
  const [first, ...others] = mountinfo.split('\n').flatMap((line) => {
    // "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory"
    const [before = '', after = ''] = line.split(' - ')
    const [, , , top, point] = before.split(' ')
    const [type = '', , options = ''] = after.split(' ')
    if (top === undefined || point === undefined || !isWanted(type, options.split(','))) return []
    return [{ top: unescape(top), point: unescape(point) }]
  })
  return first === undefined ? [{ top: '/', point: usualPoint }] : [first, ...others]
}

/** Spaces and the like stand as octal numbers in mountinfo. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

function pathIn(text: string, isWanted: (controllers: readonly string[]) => boolean): string | undefined {
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (controllers !== undefined && isWanted(controllers.split(',').filter(Boolean))) return path
  }
  return undefined
}

/** The process's directory at the first mount that shows it; with no such mount, the top of the first one. */
function listDirectories(mounts: readonly [Mount, ...Mount[]], path = '/'): readonly string[] {
  const mount = mounts.find(({ top }) => isBelow(path, top)) ?? mounts[0]
  const names = isBelow(path, mount.top) ? path.slice(mount.top.length).split('/').filter(Boolean) : []
  // A cgroup outside of the namespace reads "/../other": its files cannot be reached from here.
  const reachable = names.includes('..') ? [] : names
  return Array.from({ length: reachable.length + 1 }, (_, up) =>
    join(mount.point, ...reachable.slice(0, reachable.length - up)),
  )
}

function isBelow(path: string, top: string): boolean {
  return top === '/' || path === top || path.startsWith(`${top}/`)
}
