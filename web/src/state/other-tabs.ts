import { isRecord } from './shelf.ts'

/** The other tabs of this browser, which show the same conversation. */
export interface OtherTabs {
  /** Something of this session has changed on the server: they may look again. */
  tell(session: string | null): void
  onTold: (session: string | null) => void
}

/** Without the browser's help there are no other tabs to be told; they look again when they are looked at. */
export function createOtherTabs(openChannel: () => BroadcastChannel): OtherTabs {
  const channel = attempt(openChannel)
  const tabs: OtherTabs = {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no origin to name.
    tell: (session) => channel?.postMessage({ session }),
    onTold: () => {},
  }
  channel?.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    const session = isRecord(data) ? data['session'] : undefined
    if (session === null || typeof session === 'string') tabs.onTold(session)
  })
  return tabs
}

function attempt(openChannel: () => BroadcastChannel): BroadcastChannel | undefined {
  try {
    return openChannel()
  } catch {
    return undefined
  }
}
