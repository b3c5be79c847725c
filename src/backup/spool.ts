import { randomUUID } from 'node:crypto'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { ArchiveError } from './archive-error.ts'

/** What came from a stream, to be read more than once. */
export interface Spool {
  /** All of it, from the beginning. One reading at a time. */
  read(): AsyncIterable<Buffer>
  close(): Promise<void>
}

const spoolBytesMax = 64 * 1024 ** 3

/**
 * Keeps `input` in a file that nobody else can read and that has no name any more: it is gone with the process,
 * however that ends.
 */
export async function spool(
  input: AsyncIterable<Buffer>,
  directory: string,
  bytesMax = spoolBytesMax,
): Promise<Spool> {
  const file = await openNameless(directory)
  try {
    let bytes = 0
    for await (const chunk of input) {
      bytes += chunk.length
      if (bytes > bytesMax) throw new ArchiveError(`The backup is longer than ${bytesMax} bytes.`)
      await file.writeFile(chunk).catch((error: unknown) => refuse(error, directory))
    }
  } catch (error) {
    await file.close()
    throw error
  }
  return {
    read: () => file.createReadStream({ start: 0, autoClose: false }),
    close: () => file.close(),
  }
}

async function openNameless(directory: string): Promise<FileHandle> {
  const path = join(directory, `maya-import-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600).catch((error: unknown) => refuse(error, directory))
  await unlink(path)
  return file
}

function refuse(error: unknown, directory: string): never {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  throw new ArchiveError(
    `The backup is kept in ${directory} while it is checked, which failed (${reason}). TMPDIR names another place.`,
    { cause: error },
  )
}
