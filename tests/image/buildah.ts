import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** No step takes longer, a cold npm cache and a slow network included. */
const stepMs = 400_000

/** Runs one command of Debian's buildah, which needs no daemon, and returns its output. */
export async function buildah(...parameters: readonly string[]): Promise<string> {
  const { stdout } = await run('buildah', parameters, {
    env: { ...process.env, BUILDAH_ISOLATION: 'chroot' },
    maxBuffer: 64 * 1024 * 1024,
    timeout: stepMs,
  })
  return stdout.trim()
}

/** Fails with the reason where images cannot be built. */
export async function expectThatImagesCanBeBuilt(): Promise<void> {
  const wayOut = 'MAYA_TESTS_WITHOUT=image leaves the tests of the image out.'
  if (process.getuid?.() !== 0) throw new Error(`The image can only be built by root. ${wayOut}`)
  try {
    await run('unshare', ['--mount', 'chroot', '/', 'true'])
    await run('buildah', ['--version'])
    await run('mmdebstrap', ['--version'])
  } catch (error) {
    throw new Error(`The image cannot be built here: ${String(error)} ${wayOut}`, { cause: error })
  }
}
