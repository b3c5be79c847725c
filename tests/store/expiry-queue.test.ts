import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { ExpiryQueue, type Expiring } from '../../src/store/expiry-queue.ts'

interface Item extends Expiring {
  expiresAt: number
}

const step = fc.record({
  kind: fc.constantFrom('add', 'move', 'remove'),
  at: fc.nat(30),
  expiresAt: fc.integer({ min: 0, max: 20 }),
})

it('names the earliest in order after any additions, moves and removals', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const queue = new ExpiryQueue<Item>()
      const items: Item[] = []
      for (const { kind, at, expiresAt } of steps) {
        const item = items[at % Math.max(1, items.length)]
        if (kind === 'add' || item === undefined) {
          const added = { expiresAt, place: 0 }
          items.push(added)
          queue.add(added)
        } else if (kind === 'move') {
          item.expiresAt = expiresAt
          queue.reorder(item)
        } else {
          items.splice(items.indexOf(item), 1)
          queue.remove(item)
        }
        const due = items.map((one) => one.expiresAt).filter((moment) => moment <= 10)
        const expected = due.toSorted((a, b) => a - b).slice(0, 5)
        expect(queue.expired(10, 5).map((one) => one.expiresAt)).toEqual(expected)
      }
    }),
  )
})
