import { describe, expect, it } from 'vitest'
import { openBar, type BarState } from '../../src/bar/bar.ts'
import { askToPay, endPayment, startPayment } from '../../src/bar/paying.ts'
import { fold } from '../../src/log/state.ts'
import { phaseOf, type Phase } from '../../src/sessions/phase.ts'
import { add, after, barWith } from '../bar/samples.ts'
import { at, bounds, created } from '../log/samples.ts'

const ordered = barWith(add('Gin'))
const asked = after(ordered, askToPay(ordered, { confirmationId: 'c', expiresAt: 100 }).changes)
const started = after(ordered, startPayment(ordered, 'p').changes)
const paid = after(started, endPayment(started, 'p', { status: 'settled', reference: 'r' }))

const cases: readonly (readonly [string, { bar: BarState; turnCount: number }, number, Phase])[] = [
  ['before the first message', { bar: openBar(), turnCount: 0 }, 0, 'greeting'],
  ['after it', { bar: openBar(), turnCount: 1 }, 0, 'talking'],
  ['with a drink on the tab', { bar: ordered, turnCount: 1 }, 0, 'ordering'],
  ['asked to pay', { bar: asked, turnCount: 1 }, 99, 'paying'],
  ['asked too long ago', { bar: asked, turnCount: 1 }, 100, 'ordering'],
  ['while a payment runs', { bar: started, turnCount: 1 }, 0, 'paying'],
  ['after a payment', { bar: paid, turnCount: 1 }, 0, 'paid'],
]

describe('where the guest is', () => {
  it.each(cases)('%s', (...[, change, date, phase]) => {
    const state = fold(undefined, at(1, created), bounds)
    if (state === undefined) throw new Error('A session was created.')
    expect(phaseOf({ ...state, ...change }, date)).toBe(phase)
  })
})
