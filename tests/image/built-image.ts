import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { baseImage } from './base-image.ts'
import { buildah } from './buildah.ts'

const run = promisify(execFile)

/** Its tag is the id of the process that builds it. */
const imageName = 'localhost/maya-test'

/** How the image says that it is to be run. */
interface ImageConfig {
  readonly User: string
  readonly WorkingDir: string
  readonly Env: readonly string[]
  readonly Entrypoint: readonly string[]
  readonly Cmd: readonly string[]
  readonly Healthcheck: { readonly Test: readonly string[] }
}

/** A process that runs among the files of the image. */
export interface ImageProcess {
  readonly child: ChildProcess
  readonly output: () => string
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
}

/** What the Dockerfile makes, with all of its files open below `root`. */
export class BuiltImage {
  readonly config: ImageConfig
  readonly size: string
  readonly root: string
  readonly #container: string
  readonly #name: string

  private constructor(
    from: Pick<BuiltImage, 'config' | 'size' | 'root'> & Record<'container' | 'name', string>,
  ) {
    this.config = from.config
    this.size = from.size
    this.root = from.root
    this.#container = from.container
    this.#name = from.name
  }

  static async build(): Promise<BuiltImage> {
    await removeLeftovers()
    const name = `${imageName}:${process.pid}`
    const base = ['--pull=never', '--build-arg', `NODE_IMAGE=${await baseImage()}`]
    const npmCache = ['--volume', `${await npmCacheFolder()}:/root/.npm`]
    // Docker's format, because the other one has no health check.
    await buildah('build', '--quiet', '--format', 'docker', ...base, ...npmCache, '--tag', name, '.')
    const container = await buildah('from', '--pull=never', name)
    return new BuiltImage({
      config: JSON.parse(await buildah('inspect', '--type', 'image', name)).Docker.config,
      size: await buildah('images', '--format', '{{.Size}}', name),
      root: await buildah('mount', container),
      container,
      name,
    })
  }

  path(inApp: string): string {
    return join(this.root, this.config.WorkingDir, inApp)
  }

  /**
   * Starts a command as the image wants it: its user, its environment, its folder. It sees the network and the
   * processes of this machine, and is killed at the end of the test.
   */
  start(command: readonly string[], settings: Readonly<Record<string, string>> = {}): ImageProcess {
    const environment = [...this.config.Env, ...Object.entries(settings).map((pair) => pair.join('='))]
    const inside = ['env', '--ignore-environment', `--chdir=${this.config.WorkingDir}`, ...environment]
    const own = ['chroot', `--userspec=${this.config.User}`, this.root, ...inside, ...command]
    // The process keeps the id of this one, so that a signal reaches it; its mounts end with it.
    const script = 'mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && exec "$@"'
    return followed(spawn('unshare', ['--mount', 'sh', '-c', script, this.root, ...own], { stdio: 'pipe' }))
  }

  async close(): Promise<void> {
    await buildah('rm', this.#container)
    await buildah('rmi', this.#name)
  }
}

/** Of tests that were killed before they could close theirs. */
async function removeLeftovers(): Promise<void> {
  const images = await buildah('images', '--noheading', '--format', '{{.Name}}:{{.Tag}}')
  for (const image of images.split('\n').filter((each) => each.startsWith(`${imageName}:`))) {
    const builder = image.slice(`${imageName}:`.length)
    if (!existsSync(`/proc/${builder}`)) await buildah('rmi', '--force', image)
  }
}

function followed(child: ChildProcess): ImageProcess {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal)
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, output: () => output, exited }
}

/** What this machine has downloaded for itself is not downloaded again. */
async function npmCacheFolder(): Promise<string> {
  const { stdout } = await run('npm', ['config', 'get', 'cache'])
  return stdout.trim()
}
