/** What the browser remembers for the page. Where it forbids that, the page remembers by itself until it is left. */
export interface Shelf {
  /** Undefined where there is nothing, or nothing that can be read. */
  read(name: string): unknown
  write(name: string, value: unknown): void
  remove(name: string): void
}

/** `storage` is a function because even to look at the browser's storage may throw. */
export function createShelf(storage: () => Storage): Shelf {
  const memory = new Map<string, string>()

  function attempt<Result>(action: (storage: Storage) => Result): Result | undefined {
    try {
      return action(storage())
    } catch {
      // Full, forbidden or switched off: what counts then is in memory.
      return undefined
    }
  }

  return {
    read(name) {
      const text = memory.get(name) ?? attempt((store) => store.getItem(name)) ?? undefined
      return text === undefined ? undefined : parsed(text)
    },
    write(name, value) {
      const text = JSON.stringify(value)
      const isKept = attempt((store) => {
        store.setItem(name, text)
        return true
      })
      if (isKept === true) memory.delete(name)
      else memory.set(name, text)
    },
    remove(name) {
      memory.delete(name)
      attempt((store) => store.removeItem(name))
    },
  }
}

/** A place on the shelf for a value that belongs to one session: another session's is none. */
export interface Place<Value> {
  read(session: string | null): Value | undefined
  write(session: string | null, value: Value): void
  clear(): void
}

/** `isValue` knows what this page writes; what another version of it wrote is nothing. */
export function createPlace<Value>(
  shelf: Shelf,
  name: string,
  isValue: (value: unknown) => value is Value,
): Place<Value> {
  return {
    read(session) {
      const kept = shelf.read(name)
      if (!isRecord(kept) || session === null || kept['session'] !== session) return undefined
      return isValue(kept['value']) ? kept['value'] : undefined
    },
    write: (session, value) => shelf.write(name, { session, value }),
    clear: () => shelf.remove(name),
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
