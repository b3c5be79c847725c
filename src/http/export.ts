import { Type, type Static } from 'typebox'
import type { BarChange } from '../bar/bar.ts'
import type { Posting } from '../bar/ledger.ts'
import type { SessionEvent } from '../log/events.ts'
import type { SessionState } from '../log/state.ts'
import { turnRecordsOf } from '../log/turn-records.ts'
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

/** Everything since the session was made or reset: what was said, and every posting, read from its whole log. */
export function exportWire(
  state: SessionState,
  events: readonly SessionEvent[],
  exportedAt: number,
): Static<typeof ExportWire> {
  const since = events.slice(events.findLastIndex(({ type }) => type === 'session-reset') + 1)
  return {
    agent: state.agent,
    created_at: iso(state.createdAt),
    exported_at: iso(exportedAt),
    history: historyWire(turnRecordsOf(events[0], since)),
    order: orderWire(state.bar.lines),
    tab: tabWire(state.bar),
    ledger: ledgerWire(since),
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
