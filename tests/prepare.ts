// Run by `npm test` first: what the tests need beyond npm is installed here, or its way is said.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

interface Need {
  readonly name: string
  readonly isThere: () => boolean
  readonly debianPackages: readonly string[]
}

const needs: readonly Need[] = [
  {
    name: 'Chromium at /usr/bin/chromium, for the tests in a browser',
    isThere: () => existsSync('/usr/bin/chromium'),
    debianPackages: ['chromium'],
  },
]

const absent = needs.filter((need) => !need.isThere())
if (absent.length > 0) install(absent)

function install(missing: readonly Need[]): void {
  const packages = missing.flatMap((need) => need.debianPackages)
  say(`Installing what the tests need: ${packages.join(' ')} ...`)
  const trouble = existsSync('/usr/bin/apt-get')
    ? installWithApt(packages)
    : 'This is no Debian, so it cannot be installed from here.'
  const still = missing.filter((need) => !need.isThere())
  if (still.length === 0) return
  say(`The tests need, and could not get:\n${still.map((need) => `  - ${need.name}`).join('\n')}`)
  say(trouble)
  say(
    `On Debian: sudo apt-get update && sudo apt-get install ${packages.join(' ')}. Then run npm test again.`,
  )
  process.exitCode = 1
}

/** Returns what apt-get said. Package lists that cannot be renewed may still do, so only the install decides. */
function installWithApt(packages: readonly string[]): string {
  const outputs = [['update'], ['install', '-y', '--no-install-recommends', ...packages]].map(aptGet)
  return outputs.join('\n').trim().split('\n').slice(-15).join('\n')
}

function aptGet(parameters: readonly string[]): string {
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const quiet = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300']
  const [command = '', ...rest] = [...asRoot, ...quiet, ...parameters]
  const { stdout, stderr, error } = spawnSync(command, rest, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return error === undefined ? `${stdout}${stderr}` : error.message
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
