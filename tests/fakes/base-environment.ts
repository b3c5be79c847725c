import { resolve } from 'node:path'

/**
 * What every process of ours starts with. It need not compile what one before it has compiled, and beside many others on
 * two cores it may be late.
 */
export const baseEnvironment = {
  PATH: process.env['PATH'],
  NODE_COMPILE_CACHE: resolve('.cache/compile'),
  MAYA_EVENT_LOOP_DELAY_MS: '0',
}
