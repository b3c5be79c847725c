import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A path in a folder of its own that is deleted with all it holds when the test is over. */
export function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'maya-store-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, name)
}
