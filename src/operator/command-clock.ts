import { systemClock, type Clock } from '../clock.ts'

/** The clock of a command, whose timers keep it running: nothing else does while it waits. */
export const commandClock: Clock = {
  ...systemClock,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
