import { readArchive, writeArchive, type ArchivedSession } from '../../src/backup/archive.ts'
import { linesOf } from '../../src/backup/lines.ts'
import type { SessionEvent } from '../../src/log/events.ts'
import type { Store } from '../../src/log/store.ts'
import { at, created, ended, replied, started } from '../log/samples.ts'

export const keyFingerprint = '0123456789abcdef'

/** The moment at which everything here is written and read; sessions live an hour longer. */
export const now = 1_000_000
export const expiresAt = now + 3_600_000

/** A session's id as tokens have it, that sorts like the name. */
export function idOf(name: string): string {
  return name.padEnd(22, '-')
}

/** The log of a guest who has said these things. */
export function logOf(...texts: readonly string[]): readonly SessionEvent[] {
  const turns = texts.map((text, turn) => [
    { ...started(`t${turn}`), userInput: text },
    replied(`t${turn}`, `You said ${text}`),
    ended(`t${turn}`),
  ])
  return at(5, created, ...turns.flat())
}

export async function keep(store: Store, ...sessions: readonly ArchivedSession[]): Promise<void> {
  for (const { id, events, expiresAt: moment } of sessions) {
    await store.append({ id, expectedVersion: 0, events, expiresAt: moment })
  }
}

/** The lines of a backup, each with its end. */
export async function backupOf(store: Store): Promise<readonly string[]> {
  const lines: string[] = []
  const write = async (line: string): Promise<void> => {
    lines.push(line)
  }
  await writeArchive({ store, keyFingerprint, now, write })
  return lines
}

/** The sessions that a text holds, if it is a backup made under the key of the samples. */
export function sessionsIn(text: string): ReturnType<typeof readArchive> {
  return readArchive(linesOf(chunksOf(text)), [keyFingerprint])
}

export async function* chunksOf(...parts: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part)
}
