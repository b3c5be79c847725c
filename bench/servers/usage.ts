/** What a server process has used; bytes after a full collection. */
export interface MemoryUse {
  readonly residentBytes: number
  readonly heapBytes: number
  /** Buffers outside of the heap. */
  readonly externalBytes: number
}

/** CPU time of the whole process since its start, the collector's threads included. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Needs `--expose-gc`. */
export function memoryUse(): MemoryUse {
  for (let time = 0; time < 3; time++) globalThis.gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { residentBytes: rss, heapBytes: heapUsed, externalBytes: external }
}
