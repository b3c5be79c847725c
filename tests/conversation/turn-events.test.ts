import { describe, expect, it } from 'vitest'
import { TurnEvents, type TurnEvent, type TurnReader } from '../../src/conversation/turn-events.ts'

/** Room for about 12 short chunks; a reader may lie about 6 behind. */
function setup({
  base = 0,
  retoldUpTo,
  readersMax = 3,
}: { base?: number; retoldUpTo?: number; readersMax?: number } = {}) {
  const events = new TurnEvents({
    turnId: 't',
    base,
    bufferBytesMax: 2000,
    lagBytesMax: 1000,
    soundBytesMax: 3000,
    readersMax,
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

/** Half of the sound that is kept. */
function audio(index: number): TurnEvent {
  return { type: 'audio-chunk', index, audio: Buffer.alloc(1200), sampleRate: 8000, startMs: index * 75 }
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

describe('sound', () => {
  it('comes in its place between the other events', () => {
    const { events, attach, say } = setup({ readersMax: 10 })
    say(1)
    events.emit(audio(0))
    say(1)
    events.emit({ type: 'speech-marks', index: 0, words: [], phonemes: [] })
    expect(readAll(attach(null)).map(({ number, event }) => [number, event.type])).toEqual([
      [1, 'text-chunk'],
      [2, 'audio-chunk'],
      [3, 'text-chunk'],
      [4, 'speech-marks'],
    ])
    expect([1, 2, 3, 4].map((number) => numbersOf(attach(number)))).toEqual([[2, 3, 4], [3, 4], [4], []])
  })

  it('is kept as far as its bound; what is older is left out, and its numbers stay good', () => {
    const { events, attach, say } = setup({ readersMax: 10 })
    const slow = attach(null)
    say(1)
    for (let index = 0; index < 5; index++) events.emit(audio(index))
    say(1)
    expect(numbersOf(slow)).toEqual([1, 5, 6, 7])
    expect(events.bytes).toBeLessThan(3000 + 2 * 200)
    for (let number = 1; number <= 7; number++) {
      const reader = attach(number)
      expect(reader.isRestart).toBe(false)
      expect(numbersOf(reader)).toEqual([1, 5, 6, 7].filter((other) => other > number))
    }
  })

  it('is not for a reader that does not listen', () => {
    const { events, say } = setup({ readersMax: 10 })
    say(1)
    events.emit(audio(0))
    events.emit({ type: 'sentence', index: 0, content: '1 ' })
    say(1)
    events.end()
    const reader = events.attach(null, () => {}, { isListening: false })
    expect(reader && numbersOf(reader)).toEqual([1, 3, 4])
    expect(reader?.isAtEnd).toBe(true)
    const again = events.attach(2, () => {}, { isListening: false })
    expect(again && [again.isRestart, numbersOf(again)]).toEqual([false, [3, 4]])
  })

  it('cuts nobody off and merges no text, however much there is', () => {
    const { events, attach, say } = setup({ readersMax: 10 })
    const reader = attach(null)
    say(2)
    for (let index = 0; index < 100; index++) events.emit(audio(index))
    say(2)
    expect(reader.isTooSlow).toBe(false)
    expect(readAll(reader).filter(({ event }) => event.type === 'text-chunk')).toHaveLength(4)
  })

  it('keeps no text apart that is merged, nor do sentences', () => {
    const { events, attach, say } = setup({ readersMax: 10 })
    for (let at = 0; at < 60; at++) {
      say(1)
      events.emit({ type: 'sentence', index: at, content: `${at} ` })
      events.emit(audio(at))
    }
    expect(events.bytes).toBeLessThan(2000 + 3000 + 60 * 30)
    const records = readAll(attach(null))
    const texts = records.flatMap(({ event }) => (event.type === 'text-chunk' ? [event.content] : []))
    expect(texts.join('')).toBe(Array.from({ length: 60 }, (_, at) => `${at * 3 + 1} `).join(''))
    expect(texts.length).toBeLessThan(8)
    const numbers = records.map(({ number }) => number)
    expect(numbers).toEqual(numbers.toSorted((one, other) => one - other))
  })

  it('can be let go of, and the rest stays', () => {
    const { events, attach, say } = setup({ readersMax: 10 })
    const reader = attach(null)
    say(1)
    events.emit(audio(0))
    say(1)
    events.dropSound()
    expect(numbersOf(reader)).toEqual([1, 3])
    expect(numbersOf(attach(2))).toEqual([3])
    expect(events.bytes).toBeLessThan(500)
  })

  it('may go on after the text has ended: what comes last has the last number of all', () => {
    const { events, attach, say } = setup({ readersMax: 10 })
    say(2)
    events.emit(audio(0))
    events.emit(text('end'), 999_999)
    events.end()
    expect(numbersOf(attach(2))).toEqual([3, 999_999])
    expect([3, 4, 999_999].map((number) => events.isReadToEnd(number))).toEqual([false, false, true])
    expect([attach(3).isRestart]).toEqual([false])
    events.dropSound()
  })

  it('has no numbers but those that were given out', () => {
    const { events, attach, say } = setup({ readersMax: 10 })
    say(2)
    events.emit(audio(0))
    events.emit(text('end'), 999_999)
    expect([attach(4).isRestart, attach(999_998).isRestart, attach(999_999).isRestart]).toEqual([
      true,
      true,
      false,
    ])
  })
})

describe('a turn told again from its log', () => {
  it('gives numbers of the first telling no meaning', () => {
    const { events, attach, say } = setup({ base: 1_000_000, readersMax: 10 })
    say(1)
    events.beginRetelling()
    say(2)
    expect([1_000_001, 1_000_002, 1_400_000].map((number) => attach(number).isRestart)).toEqual([
      false,
      true,
      true,
    ])
  })

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
