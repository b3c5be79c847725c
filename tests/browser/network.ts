import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

interface Network {
  readonly url: string
  /** Breaks every connection and takes no new one. */
  cut(): void
  mend(): Promise<void>
  /** The connections stay, but nothing comes through them any more. */
  freeze(): void
}

/** A way to the server that can fail in the middle of anything. */
export async function createNetwork(target: string): Promise<Network> {
  const { hostname, port } = new URL(target)
  const open = new Set<Socket>()
  const relay = createServer((near) => {
    const far = connect(Number(port), hostname)
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        open.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
  })
  const listen = (at: number): Promise<void> => new Promise((done) => relay.listen(at, hostname, done))
  const cut = (): void => {
    relay.close()
    for (const socket of open) socket.destroy()
  }
  await listen(0)
  onTestFinished(cut)
  const address = relay.address()
  const place = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://${hostname}:${place}`,
    cut,
    mend: () => listen(place),
    freeze() {
      for (const socket of open) socket.unpipe()
    },
  }
}
