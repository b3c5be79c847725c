import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Builds images without a daemon: Debian's buildah, with a store of its own that is removed at the end. */
export class Buildah {
  readonly #directory: string
  readonly #environment = { ...process.env, BUILDAH_ISOLATION: 'chroot' }

  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(directory, { recursive: true })
    // Images are made here and fetched from nowhere, so nobody has signed them.
    writeFileSync(this.#policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  }

  /** The output of one command. */
  async run(...parameters: readonly string[]): Promise<string> {
    const options = { env: this.#environment, maxBuffer: 64 * 1024 * 1024 }
    const { stdout } = await run('buildah', [...this.#store, ...parameters], options)
    return stdout.trim()
  }

  /** An image of everything below a directory. */
  async imageOf(
    tree: string,
    { name, config }: { readonly name: string; readonly config: readonly string[] },
  ) {
    const container = await this.run('from', 'scratch')
    await this.run('add', '--quiet', container, tree, '/')
    await this.run('config', ...config, container)
    await this.run('commit', '--quiet', '--rm', ...this.#unsigned, container, name)
  }

  async build(context: string, name: string): Promise<void> {
    await this.run('build', '--format', 'docker', ...this.#unsigned, '--pull=never', '--tag', name, context)
  }

  /** A container of an image, and where its files are. */
  async open(image: string): Promise<{ readonly container: string; readonly root: string }> {
    const container = await this.run('from', '--pull=never', image)
    return { container, root: await this.run('mount', container) }
  }

  async close(): Promise<void> {
    await this.run('umount', '--all')
    await this.run('rm', '--all')
    rmSync(this.#directory, { recursive: true, force: true })
  }

  get #policy(): string {
    return join(this.#directory, 'policy.json')
  }

  get #unsigned(): readonly string[] {
    return ['--signature-policy', this.#policy]
  }

  get #store(): readonly string[] {
    return ['--root', join(this.#directory, 'store'), '--runroot', join(this.#directory, 'run')]
  }
}
