import type { Server } from './servers.ts'

/** What a turn can ask of a store. */
export type Operation =
  | 'append'
  | 'version'
  | 'load'
  | 'acquireLease'
  | 'renewLease'
  | 'releaseLease'
  | 'saveSnapshot'
export type Questions = Readonly<Record<Operation, number>>

/** How often these servers have asked their store, by their own metrics. */
export async function questionsOf(servers: readonly Server[]): Promise<Questions> {
  const texts = await Promise.all(servers.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()))
  const count = (operation: Operation): number =>
    texts.reduce((sum, text) => sum + countIn(text, operation), 0)
  return questionsBy(count)
}

export function questionsBy(count: (operation: Operation) => number): Questions {
  return {
    append: count('append'),
    version: count('version'),
    load: count('load'),
    acquireLease: count('acquireLease'),
    renewLease: count('renewLease'),
    releaseLease: count('releaseLease'),
    saveSnapshot: count('saveSnapshot'),
  }
}

function countIn(metrics: string, operation: Operation): number {
  const pattern = new RegExp(`^maya_store_operation_seconds_count\\{operation="${operation}"\\} (\\d+)$`, 'm')
  return Number(pattern.exec(metrics)?.[1] ?? 0)
}
