import { Type, type Static } from 'typebox'
import type { BarChange } from '../bar/bar.ts'
import type { Posting } from '../bar/ledger.ts'
import type { SessionEvent } from '../log/events.ts'
import { fold } from '../log/state.ts'
import { DateTime } from './schemas.ts'
import { historyWire, HistoryEntryWire, iso, orderWire, OrderLineWire, tabWire, TabWire } from './wire.ts'

export const ExportWire = Type.Object({
  agent: Type.String(),
  created_at: DateTime,
  exported_at: DateTime,
  history: Type.Array(HistoryEntryWire),
  order: Type.Array(OrderLineWire),
  tab: TabWire,
  ledger: Type.Array(
    Type.Object({
      at: DateTime,
      what: Type.String(),
      from: Type.String(),
      to: Type.String(),
      cents: Type.Integer(),
    }),
  ),
})

/** Everything since the session was made or reset, read from its log: what was said, and every posting. */
export function exportWire(events: readonly SessionEvent[], exportedAt: number): Static<typeof ExportWire> {
  const state = fold(undefined, events, { turnsKeptMax: Number.MAX_SAFE_INTEGER, requestsKeptMax: 1 })
  if (state === undefined) throw new Error('A session without a log.')
  return {
    agent: state.agent,
    created_at: iso(state.createdAt),
    exported_at: iso(exportedAt),
    history: historyWire(state.turns),
    order: orderWire(state.bar.lines),
    tab: tabWire(state.bar),
    ledger: ledgerWire(events.slice(events.findLastIndex(({ type }) => type === 'session-reset') + 1)),
  }
}

function ledgerWire(events: readonly SessionEvent[]): Static<typeof ExportWire>['ledger'] {
  return events.flatMap((event) =>
    changesOf(event).flatMap((change) =>
      postingsOf(change).map((posting) => ({ at: iso(event.at), what: change.type, ...posting })),
    ),
  )
}

function changesOf(event: SessionEvent): readonly (BarChange | SessionEvent)[] {
  return event.type === 'effect' ? event.changes : [event]
}

function postingsOf(change: BarChange | SessionEvent): readonly Posting[] {
  return 'postings' in change ? change.postings : []
}
