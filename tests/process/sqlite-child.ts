// Run by the sqlite-*.test.ts beside it: opens the file and says so; then either adds to some sessions, saying what
// was acknowledged, or keeps the file until its input ends.
// Arguments: the file, how long to wait for it in ms, how many sessions to write.
import { systemClock } from '../../src/clock.ts'
import type { SessionEvent } from '../../src/log/events.ts'
import { StoreError, type Store } from '../../src/log/store.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'

const [path = '', waitMs, writers] = process.argv.slice(2)

try {
  const onWaiting = (): void => say('waiting')
  const store = await openSqliteStore({ path, clock: systemClock, waitMs: Number(waitMs), onWaiting })
  say('open')
  if (writers === undefined) for await (const _ of process.stdin);
  else
    await Promise.all(Array.from({ length: Number(writers) }, (_, at) => writeUntilRefused(store, `s${at}`)))
  await store.close()
  say('closed')
} catch (error) {
  if (!(error instanceof StoreError)) throw error
  say(`refused ${error.message}`)
}

async function writeUntilRefused(store: Store, id: string): Promise<void> {
  let version = await store.version(id)
  for (;;) {
    const events = eventsAt(version)
    try {
      const result = await store.append({ id, expectedVersion: version, events, expiresAt: Date.now() })
      if (!result.ok) throw new Error(`Nobody else writes ${id}, and yet: ${result.reason}.`)
      version = result.version
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      say(`refused ${error.message}`)
      return
    }
    say(`${id} ${version}`)
  }
}

/** A log begins with its session; then every append is a whole turn, long enough to fill pages. */
function eventsAt(version: number): readonly SessionEvent[] {
  const at = Date.now()
  if (version === 0) return [{ at, type: 'session-created', agent: 'maya', workspace: 'default' }]
  const turnId = `turn ${version}`
  return [
    { at, type: 'turn-started', turnId, owner: 'child', userInput: 'x'.repeat(1500) },
    { at, type: 'turn-ended', turnId, outcome: 'complete', lastNumber: 1 },
  ]
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
