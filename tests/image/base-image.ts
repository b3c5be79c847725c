import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { buildah } from './buildah.ts'

const run = promisify(execFile)

const debian = 'bookworm'
const certificates = '/etc/ssl/certs/ca-certificates.crt'
const unneeded = ['doc', 'man', 'locale'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`)

/**
 * The name of a stand-in for the official image of Node, which cannot be fetched everywhere: a small Debian with the
 * Node of the dev dependency, the machine's npm, and the user `node`. It is made once for each version of Node and
 * kept in buildah's storage. Only its npm knows the certificates that this machine trusts.
 */
export async function baseImage(): Promise<string> {
  const name = `localhost/maya-test-base:${debian}-${process.versions.node}`
  const isThere = (await buildah('images', '--format', '{{.Name}}:{{.Tag}}')).split('\n').includes(name)
  if (!isThere) await createBaseImage(name)
  return name
}

async function createBaseImage(name: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'maya-base-'))
  const container = await buildah('from', 'scratch')
  try {
    const system = join(directory, 'debian.tar')
    await run('mmdebstrap', ['--quiet', '--variant=apt', '--include=passwd', ...unneeded, debian, system])
    await buildah('add', '--quiet', container, system, '/')
    await buildah('copy', '--quiet', container, process.execPath, '/usr/local/bin/node')
    await buildah('copy', '--quiet', container, await npmDirectory(), '/usr/local/lib/node_modules/npm')
    if (existsSync(certificates)) await buildah('copy', '--quiet', container, certificates, certificates)
    await buildah('run', container, '--', 'sh', '-ec', finish)
    await buildah('commit', '--quiet', container, name)
  } finally {
    await buildah('rm', container)
    rmSync(directory, { recursive: true, force: true })
  }
}

const finish = `
  ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
  useradd --create-home --uid 1000 node
  mkdir -p /usr/local/etc
  echo prefer-offline=true > /usr/local/etc/npmrc
  if [ -e ${certificates} ]; then echo cafile=${certificates} >> /usr/local/etc/npmrc; fi
`

/** Where the npm of this machine is: beside whichever `npm` the shell finds. */
async function npmDirectory(): Promise<string> {
  const { stdout } = await run('sh', ['-c', 'command -v npm'])
  return dirname(dirname(realpathSync(stdout.trim())))
}
