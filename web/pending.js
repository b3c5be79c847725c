/**
 * What this browser tab must not forget over a reload: the message whose answer has not ended (with its key, so that
 * it is ordered once) and the payment that Maya asked for. Each is bound to its session by when that was made.
 */
const names = { message: 'maya-message', confirmation: 'maya-confirmation' }

export function remember(what, value, session) {
  sessionStorage.setItem(names[what], JSON.stringify({ ...value, session }))
}

export function recall(what, session) {
  const value = JSON.parse(sessionStorage.getItem(names[what]) ?? 'null')
  return value?.session === session ? value : undefined
}

export function forget(what) {
  sessionStorage.removeItem(names[what])
}
