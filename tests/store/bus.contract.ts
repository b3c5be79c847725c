import { afterEach, describe, expect, it } from 'vitest'
import type { Bus } from '../../src/log/bus.ts'
import { StoreError } from '../../src/log/store.ts'

/** The buses of several containers: what one says, all of them hear. */
export interface OpenBuses {
  readonly one: Bus
  readonly other: Bus
  close(): Promise<void>
}

/** What every bus does. */
export function busContract(name: string, open: () => Promise<OpenBuses>): void {
  describe(`the ${name} bus`, () => {
    const opened: OpenBuses[] = []
    afterEach(async () => {
      for (const buses of opened.splice(0)) await buses.close()
    })
    const setup = async (): Promise<OpenBuses> => {
      const buses = await open()
      opened.push(buses)
      return buses
    }

    it('brings what one container says to the other, in its order, and says how many listen', async () => {
      const { one, other } = await setup()
      const heard = await listen(other, 'drinks')
      const messages = Array.from({ length: 50 }, (_, index) => `drink ${index} \u{1F378}`)
      const counts = await Promise.all(messages.map((message) => one.publish('drinks', message)))
      expect(await heard.first(50)).toEqual(messages)
      expect(counts).toEqual(messages.map(() => 1))
    })

    it('brings it to all who listen, also to the one who says it', async () => {
      const { one, other } = await setup()
      const listeners = [await listen(one, 'all'), await listen(other, 'all'), await listen(other, 'all')]
      await other.publish('all', 'hello')
      expect(await Promise.all(listeners.map(({ first }) => first(1)))).toEqual([
        ['hello'],
        ['hello'],
        ['hello'],
      ])
    })

    it('says 0 where nobody listens, and keeps nothing for who comes later', async () => {
      const { one, other } = await setup()
      expect(await one.publish('empty', 'lost')).toBe(0)
      const heard = await listen(other, 'empty')
      await one.publish('empty', 'found')
      expect(await heard.first(1)).toEqual(['found'])
    })

    it('keeps channels apart', async () => {
      const { one, other } = await setup()
      const heard = await listen(other, 'here')
      expect(await one.publish('there', 'no')).toBe(0)
      await one.publish('here', 'yes')
      expect(await heard.first(1)).toEqual(['yes'])
    })

    it('brings nothing more to one who has left, while others of the same container stay', async () => {
      const { one, other } = await setup()
      const gone = await listen(other, 'bar')
      const stays = await listen(other, 'bar')
      gone.leave()
      await one.publish('bar', 'last order')
      expect(await stays.first(1)).toEqual(['last order'])
      expect(gone.messages).toEqual([])
      stays.leave()
      gone.leave()
      await expect.poll(() => one.publish('bar', 'closed')).toBe(0)
    })

    it('takes long messages', async () => {
      const { one, other } = await setup()
      const heard = await listen(other, 'long')
      const message = 'x'.repeat(1024 * 1024)
      await one.publish('long', message)
      expect((await heard.first(1))[0]?.length).toBe(message.length)
    })

    it('refuses with a StoreError when it is closed, and may be closed again', async () => {
      const { one } = await setup()
      await one.close()
      await one.close()
      await expect(one.publish('a', 'b')).rejects.toThrow(StoreError)
      await expect(one.subscribe('a', () => {})).rejects.toThrow(StoreError)
    })
  })
}

async function listen(bus: Bus, channel: string) {
  const messages: string[] = []
  const leave = await bus.subscribe(channel, (message) => void messages.push(message))
  const first = async (count: number): Promise<readonly string[]> => {
    await expect.poll(() => messages.length).toBeGreaterThanOrEqual(count)
    return messages
  }
  return { messages, leave, first }
}
