// Run by `npm test` first: what the tests need beyond npm is installed here, or its way is said. It starts nothing. A
// suite that may be left out does not hold up the others when its needs are not met: it fails by itself.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isLeftOut, mayBeLeftOut, type SuiteName } from './suites.ts'

interface Need {
  readonly name: string
  readonly suite: SuiteName
  readonly isThere: () => boolean
  readonly debianPackages: readonly string[]
}

/** The outcome of a command and the end of what it said. */
interface Outcome {
  readonly ok: boolean
  readonly output: string
}

/** No installation takes longer. */
const commandMs = 600_000

const needs: readonly Need[] = [
  {
    name: 'Chromium at /usr/bin/chromium, for the tests in a browser',
    suite: 'system',
    isThere: () => existsSync('/usr/bin/chromium'),
    debianPackages: ['chromium'],
  },
  {
    name: 'redis-server and openssl, for the tests of the store that containers share',
    suite: 'system',
    isThere: () => isCommand('redis-server') && isCommand('openssl'),
    debianPackages: ['redis-server', 'openssl'],
  },
  {
    name: 'promtool of Prometheus, for the tests of the metrics',
    suite: 'system',
    isThere: () => isCommand('promtool'),
    debianPackages: ['prometheus'],
  },
  {
    name: 'buildah and mmdebstrap, for the tests of the image',
    suite: 'image',
    isThere: () => isCommand('buildah') && isCommand('mmdebstrap'),
    debianPackages: ['buildah', 'mmdebstrap'],
  },
  {
    name: 'Python 3.11 or newer with venv, and curl, for the tests of deploy.py and of the proxy',
    suite: 'python',
    isThere: () => isPythonThere() && isCommand('curl'),
    debianPackages: ['python3-venv', 'curl'],
  },
]

const unmet = installPackages()
if (!isLeftOut('python') && !unmet.includes('python')) preparePython()
if (unmet.some((suite) => !mayBeLeftOut(suite))) process.exitCode = 1

/** Returns the suites whose needs are not met. */
function installPackages(): readonly SuiteName[] {
  const missing = needs.filter((need) => !isLeftOut(need.suite) && !need.isThere())
  if (missing.length === 0) return []
  const packages = missing.flatMap((need) => need.debianPackages)
  say(`Installing what the tests need: ${packages.join(' ')} ...`)
  const trouble = existsSync('/usr/bin/apt-get')
    ? installWithApt(packages)
    : 'This is no Debian, so it cannot be installed from here.'
  const still = missing.filter((need) => !need.isThere())
  if (still.length === 0) return []
  say(`The tests need, and could not get:\n${still.map((need) => `  - ${need.name}`).join('\n')}`)
  say(trouble)
  say(
    `On Debian: sudo apt-get update && sudo apt-get install ${packages.join(' ')}. Then run npm test again.`,
  )
  const suites = still.map((need) => need.suite)
  const leavable = suites.filter(mayBeLeftOut)
  if (leavable.length > 0) say(`MAYA_TESTS_WITHOUT=${leavable.join(',')} npm test leaves their tests out.`)
  return suites
}

/** Returns what apt-get said. Package lists that cannot be renewed may still do, so only the install decides. */
function installWithApt(packages: readonly string[]): string {
  const outputs = [['update'], ['install', '-y', '--no-install-recommends', ...packages]].map(aptGet)
  return outputs.join('\n')
}

function aptGet(parameters: readonly string[]): string {
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const quiet = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300']
  return run([...asRoot, ...quiet, ...parameters]).output
}

/** A virtual environment with the packages of the requirements, made again when they have changed. */
function preparePython(): void {
  const requirements = 'tests/python/requirements.txt'
  const wanted = [requirements, 'requirements.txt'].map((file) => readFileSync(file, 'utf8')).join('')
  const installed = '.venv/installed-requirements.txt'
  const isThere = existsSync('.venv/bin/python') && existsSync(installed)
  if (isThere && readFileSync(installed, 'utf8') === wanted) return
  say('Installing the Python packages that the tests need, into .venv ...')
  rmSync('.venv', { recursive: true, force: true })
  const pip = ['.venv/bin/python', '-m', 'pip', '--disable-pip-version-check', 'install', '--quiet']
  const commands = [
    ['python3', '-m', 'venv', '.venv'],
    [...pip, '--requirement', requirements],
  ]
  for (const command of commands) {
    const { ok, output } = run(command)
    if (!ok) {
      say(`${output}\nThe Python packages could not be installed by: ${command.join(' ')}`)
      say('They come from the Python Package Index, or from where pip is told to look.')
      say('MAYA_TESTS_WITHOUT=python npm test leaves their tests out.')
      return
    }
  }
  writeFileSync(installed, wanted)
}

function isPythonThere(): boolean {
  return run(['python3', '-c', 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 11))']).ok
}

function isCommand(name: string): boolean {
  return run(['sh', '-c', `command -v ${name}`]).ok
}

function run([command = '', ...parameters]: readonly string[]): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, parameters, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: commandMs,
  })
  const output = error === undefined ? `${stdout}${stderr}` : error.message
  return { ok: status === 0, output: output.trim().split('\n').slice(-15).join('\n') }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
