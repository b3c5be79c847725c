import { describe, expect, it } from 'vitest'
import { SoundQueue } from '../../src/http/sound-queue.ts'

function setup(bytesMax: number) {
  let rooms = 0
  const queue = new SoundQueue({ bytesMax, onRoom: () => rooms++ })
  return { queue, sound: queue[Symbol.asyncIterator](), rooms: () => rooms }
}

describe('sound that waits', () => {
  it('comes in order, also what comes while it is waited for', async () => {
    const { queue, sound } = setup(10_000)
    const first = sound.next()
    queue.push(Buffer.from('a'))
    queue.push(Buffer.from('b'))
    expect([await first, await sound.next()].map(({ value }) => String(value))).toEqual(['a', 'b'])
  })

  it('is handed out to its end', async () => {
    const { queue, sound } = setup(10_000)
    queue.push(Buffer.from('a'))
    queue.end()
    expect(String((await sound.next()).value)).toBe('a')
    expect((await sound.next()).done).toBe(true)
  })

  it('is gone when it is discarded', async () => {
    const { queue, sound } = setup(10_000)
    queue.push(Buffer.from('a'))
    queue.discard()
    expect((await sound.next()).done).toBe(true)
  })

  it('has room again when half of it was taken, and says so once', async () => {
    const { queue, sound, rooms } = setup(10 * 1256)
    for (let count = 1; count < 10; count++) expect(queue.push(Buffer.alloc(1000)).isFull).toBe(false)
    expect(queue.push(Buffer.alloc(1000)).isFull).toBe(true)
    for (let count = 0; count < 4; count++) await sound.next()
    expect(rooms()).toBe(0)
    expect(queue.push(Buffer.alloc(1000)).isFull).toBe(true)
    for (let count = 0; count < 7; count++) await sound.next()
    expect(rooms()).toBe(1)
  })

  it('is full of small frames too', () => {
    const { queue } = setup(10_000)
    let pushed = 1
    while (!queue.push(Buffer.alloc(2)).isFull) pushed++
    expect(pushed).toBeLessThan(50)
  })
})
