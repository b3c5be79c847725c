import { resolve } from 'node:path'

/** What every process of ours starts with. It need not compile what one before it has compiled. */
export const baseEnvironment = {
  PATH: process.env['PATH'],
  NODE_COMPILE_CACHE: resolve('.cache/compile'),
}
