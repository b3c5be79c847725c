// npm run chaos -- --minutes 10 [--seed 1] [--guests 200]
import { parseArgs } from 'node:util'
import { spendEvening } from './evening.ts'
import { roundMs } from './faults.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    guests: { type: 'string', default: '200' },
  },
})
const rounds = Math.max(1, Math.round((Number(values.minutes) * 60_000) / roundMs))
const options = { seed: Number(values.seed), guests: Number(values.guests), rounds }
try {
  const report = await spendEvening(options)
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
} catch (error) {
  process.stdout.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  const again = `--minutes ${values.minutes} --seed ${values.seed} --guests ${values.guests}`
  process.stdout.write(`The same faults again: npm run chaos -- ${again}\n`)
  process.exitCode = 1
}
