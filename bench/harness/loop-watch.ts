/** The longest time for which the event loop did nothing else. */
export interface LongestBlock {
  readonly wallMs: number
  /** The same by the CPU time of this thread: what others on the machine took is not in it. */
  readonly cpuMs: number
}

/** Runs the task and watches the event loop meanwhile. */
export async function longestBlock(task: () => Promise<void>): Promise<LongestBlock> {
  let wallMs = 0
  let cpuMs = 0
  let isOver = false
  let last = reading()
  const look = (): void => {
    const now = reading()
    wallMs = Math.max(wallMs, now.wallMs - last.wallMs)
    cpuMs = Math.max(cpuMs, now.cpuMs - last.cpuMs)
    last = now
    if (!isOver) setImmediate(look)
  }
  await new Promise((resolve) => setImmediate(resolve))
  last = reading()
  setImmediate(look)
  await task()
  isOver = true
  await new Promise((resolve) => setImmediate(resolve))
  return { wallMs, cpuMs }
}

function reading(): LongestBlock {
  const { user, system } = process.threadCpuUsage()
  return { wallMs: performance.now(), cpuMs: (user + system) / 1000 }
}
