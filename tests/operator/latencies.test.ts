import { describe, expect, it } from 'vitest'
import { histogram, latencyTable, quantile } from '../../src/operator/latencies.ts'

const oneToHundred = Array.from({ length: 100 }, (_none, at) => at + 1)

describe('a quantile', () => {
  it('is one of the values', () => {
    expect([0.5, 0.9, 0.99, 1].map((part) => quantile(oneToHundred, part))).toEqual([50, 90, 99, 100])
    expect([0.5, 0.99].map((part) => quantile([7], part))).toEqual([7, 7])
  })

  it('of nothing is unknown', () => {
    expect(quantile([], 0.5)).toBeUndefined()
  })
})

describe('a histogram', () => {
  it('has a bar for every bound between the shortest and the longest, the empty ones too', () => {
    expect(histogram({ name: 'whole turn', valuesMs: [1500, 20, 18, 12, 1000] })).toEqual([
      'whole turn',
      `   up to 20 ms  ${'#'.repeat(46)} 3`,
      '   up to 50 ms  0',
      '  up to 100 ms  0',
      '  up to 200 ms  0',
      '  up to 500 ms  0',
      `     up to 1 s  ${'#'.repeat(16)} 1`,
      `     up to 2 s  ${'#'.repeat(16)} 1`,
    ])
  })

  it('shows the longest of all at its last bound, and nothing of nothing', () => {
    expect(histogram({ name: 'x', valuesMs: [900_000] })).toEqual(['x', `  up to 500 s  ${'#'.repeat(46)} 1`])
    expect(histogram({ name: 'x', valuesMs: [] })).toEqual([])
  })
})

it('a table leaves out what was never measured', () => {
  const table = latencyTable([
    { name: 'first text', valuesMs: oneToHundred },
    { name: 'first sound', valuesMs: [] },
  ])
  expect(table).toEqual([
    '            count    p50    p90    p99     max',
    'first text    100  50 ms  90 ms  99 ms  100 ms',
  ])
})
