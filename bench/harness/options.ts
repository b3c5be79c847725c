import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** Just enough to see that everything works; the numbers mean nothing. */
  readonly quick: boolean
  readonly rounds: number
}

/** `--quick` and `--rounds N`, the same for every bench. */
export function readOptions({ rounds }: { readonly rounds: number }): BenchOptions {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, rounds: { type: 'string' } },
  })
  return { quick: values.quick, rounds: values.quick ? 1 : Number(values.rounds ?? rounds) }
}

/** The subjects of one round, backwards in every other one, so that none always comes first. */
export function inTurn<Subject>(subjects: readonly Subject[], round: number): readonly Subject[] {
  return round % 2 === 0 ? subjects : subjects.toReversed()
}
