import { describe, expect, it } from 'vitest'
import { Random } from '../simulation/random.ts'
import { spendEvening } from './evening.ts'
import { faultKinds, planFaults } from './faults.ts'

const evening = { seed: 1, rounds: 1, guests: 40 }

describe('three servers over one Redis', () => {
  it('keep every word and every cent, whatever is killed, stands still or is cut off', async () => {
    const { faults, guests, logs } = await spendEvening(evening).catch((error: unknown) => {
      throw new Error(`npm run chaos -- --minutes 0.2 --seed ${evening.seed} --guests ${evening.guests}`, {
        cause: error,
      })
    })
    for (const kind of faultKinds) {
      const { times, turnsStruck } = faults[kind]
      expect({ kind, times, metTurns: turnsStruck > 0 }).toEqual({ kind, times: 1, metTurns: true })
    }
    expect(guests.answers).toBeGreaterThan(40)
    expect(guests.receipts).toBeGreaterThan(0)
    expect(guests.resumedElsewhere).toBeGreaterThan(0)
    expect(logs.turnsTakenUp).toBeGreaterThan(0)
  })

  it('fail in the same way for the same seed', () => {
    const [one, same, other] = [7, 7, 8].map((seed) => planFaults(new Random(seed), 3))
    expect(one).toEqual(same)
    expect(one).not.toEqual(other)
  })
})
