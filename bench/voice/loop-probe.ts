// Preloaded into a server that is measured: what its main thread computes between two ticks, told over a socket.
import { createServer } from 'node:http'

/** What was worst since it was last asked. */
export interface LoopReading {
  /** How much later a tick came than it should. What others on the machine took is in it. */
  readonly lateMs: number
  /** CPU time of the main thread between two ticks: no block of its own making can be longer. */
  readonly cpuMs: number
}

const tickMs = 5

let worst = { lateMs: 0, cpuMs: 0 }
let last = reading()

const timer = setInterval(() => {
  const now = reading()
  worst = {
    lateMs: Math.max(worst.lateMs, now.wallMs - last.wallMs - tickMs),
    cpuMs: Math.max(worst.cpuMs, now.cpuMs - last.cpuMs),
  }
  last = now
}, tickMs)
timer.unref()

const server = createServer((_, response) => {
  const told: LoopReading = worst
  worst = { lateMs: 0, cpuMs: 0 }
  response.setHeader('Connection', 'close').end(JSON.stringify(told))
})
server.listen(process.env['LOOP_PROBE_SOCKET'])
server.unref()

function reading() {
  const { user, system } = process.threadCpuUsage()
  return { wallMs: performance.now(), cpuMs: (user + system) / 1000 }
}
