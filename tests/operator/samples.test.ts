import { describe, expect, it } from 'vitest'
import { Samples } from '../../src/operator/samples.ts'
import { parseExposition, seriesOf } from '../fakes/exposition.ts'
import { startService } from '../fakes/test-service.ts'

describe('samples', () => {
  it('are those that the server shows, every one of them', async () => {
    const { app } = await startService()
    const text = (await app.inject('/metrics')).body
    const samples = Samples.read(text)
    const names = new Set(
      [...seriesOf(parseExposition(text)).keys()].map((name) => name.replace(/\{.*/s, '')),
    )
    expect(names.size).toBeGreaterThan(50)
    expect([...names].filter((name) => !samples.has(name))).toEqual([])
    expect(samples.sum('maya_max_sessions')).toBe(50)
  })

  it('are summed over the labels that were not asked for', () => {
    const samples = Samples.read('a{x="1",y="2"} 3\na{x="1",y="3"} 4\na{x="2",y="2"} 50\n')
    expect(samples.sum('a', { x: '1' })).toBe(7)
    expect(samples.sum('a')).toBe(57)
    expect(samples.sum('a', { x: '9' })).toBeUndefined()
    expect(samples.sum('b')).toBeUndefined()
  })

  it('are read in every way that numbers and labels are written', () => {
    const text = ['a +Inf', 'b -1.5e-3 1700000000000', 'c{l="a\\"b\\\\c\\nd,}"} 2', 'd NaN'].join('\n')
    const samples = Samples.read(text)
    expect(['a', 'b', 'c', 'd'].map((name) => samples.sum(name))).toEqual([Infinity, -0.0015, 2, NaN])
    expect(samples.values('c', 'l')).toEqual(['a"b\\c\nd,}'])
  })

  it('leave out what is none', () => {
    const samples = Samples.read('# TYPE a counter\n<html>\na\na x\n\u0000\na 1\n')
    expect(samples.sum('a')).toBe(1)
  })

  it('of a fleet come apart by container', () => {
    const containers = Samples.read('up 1\na{container="x"} 1\na{container="y",l="m"} 2\n').byContainer()
    expect([...containers].map(([name, samples]) => [name, samples.sum('a')])).toEqual([
      ['x', 1],
      ['y', 2],
    ])
  })
})
