import { execFile } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Buildah } from './buildah.ts'

const run = promisify(execFile)

/** The image that the Dockerfile begins with, as it says itself. */
function baseImageName(): string {
  const [, name] = /^ARG NODE_IMAGE=(\S+)$/m.exec(readFileSync('Dockerfile', 'utf8')) ?? []
  if (name === undefined) throw new Error('The Dockerfile names no base image.')
  return name
}

/**
 * A stand-in for the official image of Node, which cannot be fetched everywhere: Debian by debootstrap, with the Node
 * of the dev dependency, the machine's npm, and the user `node`. It trusts the certificates that this machine trusts.
 */
export async function createBaseImage(buildah: Buildah, tree: string): Promise<void> {
  await run('debootstrap', ['--variant=minbase', '--include=ca-certificates', 'bookworm', tree])
  const local = join(tree, 'usr/local')
  cpSync(process.execPath, join(local, 'bin/node'))
  const npm = await npmDirectory()
  mkdirSync(join(local, 'lib/node_modules'), { recursive: true })
  cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'))
  await run('chroot', [tree, 'useradd', '--create-home', '--uid', '1000', 'node'])
  const certificates = '/etc/ssl/certs/ca-certificates.crt'
  const { NODE_EXTRA_CA_CERTS: extra } = process.env
  if (extra !== undefined && existsSync(extra)) appendFileSync(join(tree, certificates), readFileSync(extra))
  const name = `docker.io/library/${baseImageName()}`
  await buildah.imageOf(tree, { name, config: ['--env', `NODE_EXTRA_CA_CERTS=${certificates}`] })
  rmSync(tree, { recursive: true, force: true })
}

/** Where the npm of this machine is: beside whichever `npm` the shell finds. */
async function npmDirectory(): Promise<string> {
  const { stdout } = await run('sh', ['-c', 'command -v npm'])
  return dirname(dirname(realpathSync(stdout.trim())))
}
