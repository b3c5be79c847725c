import { describe, expect, it } from 'vitest'
import { createLibraryLogger } from '../../src/http/library-logger.ts'

const words = 'Canary-Words'

function setup() {
  const lines: [string, object | undefined][] = []
  const logger = createLibraryLogger((line, fields) => lines.push([line, fields]))
  return { logger, lines }
}

describe('what a library says', () => {
  it('is told by its place alone, with the kind and the place of an error', () => {
    const { logger, lines } = setup()
    const request = logger.child({ request_id: 'r' })
    request.warn(`Reply was already sent, did you forget to "return reply" in "/x?message=${words}"?`)
    request.error({ err: new TypeError(words), req: { url: words } }, words)
    logger.error(new RangeError(words))
    logger.fatal(words)
    expect(lines).toMatchObject([
      ['library warning', { request_id: 'r', err: undefined }],
      ['library error', { request_id: 'r', err: { type: 'TypeError' } }],
      ['library error', { request_id: undefined, err: { type: 'RangeError' } }],
      ['library error', { err: undefined }],
    ])
    for (const [, fields] of lines) {
      expect(fields).toHaveProperty(['at', 0], expect.stringContaining('library-logger.test.ts'))
    }
    expect(JSON.stringify(lines)).not.toContain(words)
  })

  it('is not told below a warning', () => {
    const { logger, lines } = setup()
    logger.info(words)
    logger.debug(words)
    logger.trace(words)
    expect(lines).toEqual([])
  })
})
