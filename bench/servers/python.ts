import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { printProgress } from '../harness/table.ts'

const requirementsFile = join(import.meta.dirname, 'requirements.txt')
const environmentDirectory = join(import.meta.dirname, '../../.cache/bench-python')
const python = join(environmentDirectory, 'bin/python')
/** What was installed last, so that a second run needs no network. */
const installedFile = join(environmentDirectory, 'requirements.txt')

/** The Python that has what the ASGI server needs; makes a virtual environment when there is none. */
export function preparePython(): string {
  const wanted = readFileSync(requirementsFile, 'utf8')
  if (existsSync(installedFile) && readFileSync(installedFile, 'utf8') === wanted) return python
  printProgress('Making a Python environment for the ASGI server ...')
  run('python3', ['-m', 'venv', environmentDirectory], 'It needs python3 with the module venv.')
  run(
    python,
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirementsFile],
    'The Python package index has to be reachable for the first run.',
  )
  writeFileSync(installedFile, wanted)
  return python
}

function run(command: string, args: readonly string[], needs: string): void {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  if (status === 0) return
  throw new Error(`No Python for the ASGI server. ${needs} Leave it out with --contestants.`)
}
