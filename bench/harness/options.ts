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

/**
 * Options of a bench whose parts can be measured alone: `--parts LIST`, `--rounds N`, `--quick`. Ends the process with
 * the usage where it is asked for, or where an option is not understood.
 */
export function readPartOptions(
  script: string,
  known: readonly string[],
  { rounds: usual }: { readonly rounds: number },
) {
  const usage = `Usage: node ${script} [options]
  --parts LIST  some of ${known.join(', ')}
  --rounds N    ${usual} unless told
  --quick       only shows that all of it works
`
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      parts: { type: 'string', default: known.join() },
      rounds: { type: 'string' },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    process.exit()
  }
  const names = values.parts.split(',')
  const rounds = Number(values.rounds ?? (values.quick ? 1 : usual))
  if (!names.every((name) => known.includes(name)) || !(rounds > 0)) {
    process.stderr.write(usage)
    process.exit(2)
  }
  return { names, rounds, isQuick: values.quick }
}
