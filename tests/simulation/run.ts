// npm run simulate -- --seeds 10000 [--from 1] [--steps 60]
import { parseArgs } from 'node:util'
import { happenings, nothingHappened, simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    steps: { type: 'string', default: '60' },
  },
})
const from = Number(values.from)
const until = from + Number(values.seeds)
const total = { ...nothingHappened }
const failed: number[] = []
for (let seed = from; seed < until; seed++) {
  try {
    const report = await simulate({ seed, steps: Number(values.steps) })
    for (const key of happenings) total[key] += report[key]
  } catch (error) {
    failed.push(seed)
    process.stdout.write(
      `seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    )
  }
}
process.stdout.write(`${until - from} seeds, ${failed.length} failed: ${JSON.stringify(total)}\n`)
for (const seed of failed.slice(0, 10)) {
  process.stdout.write(`replay: npm run simulate -- --from ${seed} --seeds 1 --steps ${values.steps}\n`)
}
process.exitCode = failed.length === 0 ? 0 : 1
