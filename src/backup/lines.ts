import { ArchiveError } from './archive-error.ts'

export interface Line {
  /** From 1 on. */
  readonly number: number
  readonly text: string
}

/** The longest line of a backup, which holds the log of one session. */
export const lineBytesMax = 256 * 1024 * 1024

const newline = 0x0a

/** The lines of a text in UTF-8, of which never more than one is held. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, bytesMax = lineBytesMax): AsyncGenerator<Line> {
  let number = 1
  let parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      keep(chunk.subarray(from, end))
      yield take()
      from = end + 1
    }
    keep(chunk.subarray(from))
  }
  if (bytes > 0) yield take()

  function keep(part: Buffer): void {
    bytes += part.length
    if (bytes > bytesMax) throw new ArchiveError(`Line ${number} is longer than ${bytesMax} bytes.`)
    parts.push(part)
  }

  function take(): Line {
    const line = { number, text: decode(Buffer.concat(parts), number) }
    number++
    parts = []
    bytes = 0
    return line
  }
}

function decode(bytes: Buffer, number: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ArchiveError(`Line ${number} is not UTF-8.`)
  }
}
