/** The other tabs of this browser, which show the same conversation. */
export interface OtherTabs {
  /** Something has changed on the server: they may look again. */
  tell(): void
  onTold: () => void
}

/** Without the browser's help there are no other tabs to be told; they look again when they are looked at. */
export function createOtherTabs(openChannel: () => BroadcastChannel): OtherTabs {
  const channel = attempt(openChannel)
  const tabs: OtherTabs = {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no origin to name.
    tell: () => channel?.postMessage('changed'),
    onTold: () => {},
  }
  channel?.addEventListener('message', () => tabs.onTold())
  return tabs
}

function attempt(openChannel: () => BroadcastChannel): BroadcastChannel | undefined {
  try {
    return openChannel()
  } catch {
    return undefined
  }
}
