import { expect, it } from 'vitest'
import { fold } from '../../src/log/state.ts'
import { turnRecordsOf } from '../../src/log/turn-records.ts'
import { at, created, effect, replied, started } from './samples.ts'

const ended = (turnId: string, outcome: 'complete' | 'interrupted') =>
  ({ type: 'turn-ended', turnId, outcome, lastNumber: 9 }) as const

const log = [
  ...at(1, created, started('one'), replied('one', 'Sure.', 'call-1')),
  ...at(2, effect('one', 'call-1'), ended('one', 'interrupted')),
  ...at(3, started('two'), replied('two', 'Hello.'), ended('two', 'complete')),
  ...at(
    4,
    { type: 'turn-resumed', turnId: 'one', owner: 'other' },
    replied('one', 'Done.'),
    ended('one', 'complete'),
  ),
]

it('the records of a log are those of its fold, also of turns that the state drops', () => {
  const everything = { turnsKeptMax: 1000, requestsKeptMax: 1000 }
  expect(turnRecordsOf(log[0], log)).toEqual(fold(undefined, log, everything)?.turns)
  expect(turnRecordsOf(log[0], log).map(({ turnId }) => turnId)).toEqual(['one', 'two'])
})

it('the records of nothing are none', () => {
  expect(turnRecordsOf(undefined, [])).toEqual([])
  expect(turnRecordsOf(log[0], log.slice(0, 1))).toEqual([])
})
