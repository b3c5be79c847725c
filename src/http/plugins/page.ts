import { join, sep } from 'node:path'
import staticFiles from '@fastify/static'
import type { FastifyInstance } from 'fastify'

export interface PageOptions {
  /** Where the page was built. */
  readonly directory: string
}

/** The page and all that it loads, small where they were compressed beforehand. */
export async function page(app: FastifyInstance, { directory }: PageOptions): Promise<void> {
  const hashed = join(directory, 'assets') + sep
  /** A file whose name holds a hash of it never changes; every other one is asked for again. */
  const cachingOf = (path: string): string =>
    path.startsWith(hashed) ? 'public, max-age=31536000, immutable' : 'no-cache'
  await app.register(staticFiles, {
    root: directory,
    wildcard: false,
    preCompressed: true,
    cacheControl: false,
    setHeaders: (reply, path) => void reply.header('cache-control', cachingOf(path)),
  })
}
