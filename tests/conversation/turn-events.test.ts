import { describe, expect, it } from 'vitest'
import { TurnEvents, type TurnEvent, type TurnReader } from '../../src/conversation/turn-events.ts'

/** Room for about 12 short chunks; a reader may lie about 6 behind. */
function setup({ base = 0, retoldUpTo }: { base?: number; retoldUpTo?: number } = {}) {
  const events = new TurnEvents({
    turnId: 't',
    base,
    bufferBytesMax: 2000,
    lagBytesMax: 1000,
    readersMax: 3,
    ...(retoldUpTo !== undefined && { retoldUpTo }),
  })
  const attach = (after: number | null, wake = () => {}) => {
    const reader = events.attach(after, wake)
    if (reader === undefined) throw new Error('There is no place.')
    return reader
  }
  const say = (count: number) => {
    for (let at = 0; at < count; at++) events.emit(text(`${events.lastNumber + 1} `))
  }
  return { events, attach, say }
}

function text(content: string): TurnEvent {
  return { type: 'text-chunk', content }
}

function result(callId: string): TurnEvent {
  return { type: 'tool-result', callId, name: 'look_up', result: 'x'.repeat(100) }
}

function readAll(reader: TurnReader) {
  const records = []
  for (let record = reader.next(); record !== undefined; record = reader.next()) records.push(record)
  return records
}

function numbersOf(reader: TurnReader): readonly number[] {
  return readAll(reader).map(({ number }) => number)
}

describe('the events of a turn', () => {
  it('are numbered one by one above their base', () => {
    const { attach, say } = setup({ base: 1_000_000 })
    say(3)
    expect(numbersOf(attach(null))).toEqual([1_000_001, 1_000_002, 1_000_003])
  })

  it('reach every reader, each woken by every event', () => {
    const { events, attach, say } = setup()
    let woken = 0
    const readers = [attach(null, () => woken++), attach(null, () => woken++)]
    say(2)
    expect(woken).toBe(4)
    expect(readers.map(numbersOf)).toEqual([
      [1, 2],
      [1, 2],
    ])
    readers[0]?.close()
    events.end()
    expect([woken, events.readerCount]).toEqual([5, 1])
  })

  it('go on for a reader that comes back after the number it has', () => {
    const { attach, say } = setup()
    say(5)
    const reader = attach(3)
    expect([reader.isRestart, numbersOf(reader)]).toEqual([false, [4, 5]])
    expect(numbersOf(attach(5))).toEqual([])
  })

  it.each([0, 999_999, 1_000_000, 1_000_006, 5_000_000])(
    'begin anew for a reader that comes with %i, which this run never gave out',
    (number) => {
      const { attach, say } = setup({ base: 1_000_000 })
      say(5)
      const reader = attach(number)
      expect([reader.isRestart, numbersOf(reader)[0]]).toEqual([true, 1_000_001])
    },
  )

  it('have room for so many readers and no more, until one leaves', () => {
    const { events, attach } = setup()
    const readers = [attach(null), attach(null), attach(null)]
    expect(events.attach(null, () => {})).toBeUndefined()
    readers[0]?.close()
    expect(events.attach(null, () => {})).toBeDefined()
  })

  it('are over when they end: a reader that has them all is at the end, and nothing follows', async () => {
    const { events, attach, say } = setup()
    say(1)
    const reader = attach(null)
    events.end()
    expect(reader.isAtEnd).toBe(false)
    readAll(reader)
    expect(reader.isAtEnd).toBe(true)
    say(1)
    expect(reader.next()).toBeUndefined()
    events.end()
    await events.whenEnded
  })

  it('are read to their end by whoever has the last number, once they are over', () => {
    const { events, say } = setup()
    say(3)
    expect(events.isReadToEnd(3)).toBe(false)
    events.end()
    // The last number of the range is what a reader has to whom the turn was told again from its log.
    expect([2, 3, 4, 999_999].map((number) => events.isReadToEnd(number))).toEqual([false, true, false, true])
  })
})

describe('beyond the bound', () => {
  it('old text is merged, and a new reader still gets all of it', () => {
    const { events, attach, say } = setup()
    say(200)
    expect(events.bytes).toBeLessThan(2000 + 4 * 200 * 2)
    const records = readAll(attach(null))
    expect(records.length).toBeLessThan(20)
    const contents = records.map(({ event }) => (event.type === 'text-chunk' ? event.content : ''))
    expect(contents.join('')).toBe(Array.from({ length: 200 }, (_, at) => `${at + 1} `).join(''))
    expect(records[0]).toMatchObject({ firstNumber: 1 })
    expect(records.at(-1)).toMatchObject({ number: 200 })
  })

  it('other events are never merged, and text not across them', () => {
    const { events, attach, say } = setup()
    say(10)
    events.emit(result('a'))
    say(40)
    const [first, second] = readAll(attach(null))
    expect(first).toMatchObject({ number: 10, event: { type: 'text-chunk' } })
    expect(second).toMatchObject({ number: 11, event: { type: 'tool-result' } })
  })

  it('a reader in the middle of what was merged begins anew, one at its edge goes on', () => {
    const { attach, say } = setup()
    say(50)
    const [merged] = readAll(attach(null))
    const edge = merged?.number ?? 0
    expect(edge).toBeGreaterThan(10)
    const inside = attach(edge - 1)
    expect([inside.isRestart, numbersOf(inside)[0]]).toEqual([true, edge])
    const outside = attach(edge)
    expect([outside.isRestart, numbersOf(outside)[0]]).toEqual([false, edge + 1])
  })

  it('a reader that keeps up never notices', () => {
    const { attach, say } = setup()
    const seen: number[] = []
    const reader = attach(null, () => seen.push(...numbersOf(reader)))
    say(200)
    expect(seen).toEqual(Array.from({ length: 200 }, (_, at) => at + 1))
    expect(reader.isTooSlow).toBe(false)
  })

  it('a reader that does not read is too slow, gets nothing wrong, and is not at the end', () => {
    const { events, attach, say } = setup()
    const reader = attach(null)
    say(6)
    expect(reader.isTooSlow).toBe(false)
    say(1)
    expect(reader.isTooSlow).toBe(true)
    say(50)
    expect(reader.next()).toBeUndefined()
    events.end()
    expect([reader.isAtEnd, reader.isTooSlow]).toEqual([false, true])
  })

  it('a single event larger than all bounds sends its readers round once more', () => {
    const { events, attach, say } = setup()
    const reader = attach(null)
    say(2)
    expect(numbersOf(reader)).toEqual([1, 2])
    events.emit(text('x'.repeat(5000)))
    expect([reader.next(), reader.isTooSlow]).toEqual([undefined, true])
    const again = attach(2)
    expect([again.isRestart, numbersOf(again)]).toEqual([true, [3]])
  })
})

describe('a turn told again from its log', () => {
  it('begins anew for whoever comes with a number, but is over for whoever has the last one', () => {
    const { events, attach } = setup({ retoldUpTo: 20 })
    events.emit({ type: 'session' })
    events.emit(text('All of it.'))
    events.emit(
      {
        type: 'complete',
        content: 'All of it.',
        usage: { inputTokens: 0, outputTokens: 0 },
        finishReason: 'stop',
      },
      20,
    )
    events.end()
    expect(events.lastNumber).toBe(20)
    expect([1, 2, 19].map((number) => attach(number).isRestart).every(Boolean)).toBe(true)
    expect([19, 20].map((number) => events.isReadToEnd(number))).toEqual([false, true])
  })
})
