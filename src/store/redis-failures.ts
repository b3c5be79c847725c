/** There was no answer in the time that there is for one. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

/** What a failed connection or a refusal means, as the end of a sentence that begins with the server's address. */
export function meaningOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed in an unknown way'
  if (error instanceof NoAnswerError || error.message === 'Connection timeout') return 'does not answer'
  if (error.message.startsWith('Unknown RESP type')) return 'is not a Redis server'
  return 'code' in error ? meaningOfCode(String(error.code)) : 'closed the connection'
}

/** Redis's own words are not shown: those of an older server quote the password that it did not understand. */
export function meaningOfReply(text: string): string {
  const [, meaning] = replies.find(([pattern]) => pattern.test(text)) ?? []
  return meaning ?? `refused what it was asked for: ${/^[A-Z]+\b/.exec(text)?.[0] ?? 'no code'}`
}

/** Why a server with this answer to INFO must not be written to; undefined when it may. */
export function objectionTo(info: string): string | undefined {
  const [, policy = 'noeviction'] = /^maxmemory_policy:(\S+)/m.exec(info) ?? []
  if (/^loading:1/m.test(info)) return meaningOfReply('LOADING')
  if (/^role:slave/m.test(info)) return meaningOfReply('READONLY')
  if (/^(?:redis|server)_mode:cluster/m.test(info)) return meaningOfReply('MOVED')
  if (/^maxmemory:[1-9]/m.test(info) && policy !== 'noeviction') {
    return `would throw sessions away to make room: its maxmemory-policy is ${policy} and has to be noeviction`
  }
  return undefined
}

function meaningOfCode(code: string): string {
  if (code === 'ECONNREFUSED') return 'refuses connections'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'closed the connection'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'has a name that cannot be resolved'
  if (/^(?:EPROTO|ERR_SSL_)/.test(code)) return 'does not speak TLS'
  if (/CERT|SIGNATURE|ISSUER/.test(code)) return `shows a certificate that is not trusted: ${code}`
  return `cannot be reached: ${code}`
}

const replies: readonly (readonly [RegExp, string])[] = [
  [/^ERR AUTH.*without any password/, 'has no password, and was given one'],
  [/^ERR invalid password|^WRONGPASS/, 'does not accept the user or the password'],
  [/^NOAUTH/, 'wants a password'],
  [/^NOPERM/, 'does not let this user do what is needed'],
  [/^ERR DB index/, 'has no such database'],
  [/^ERR unknown command/, 'does not know a command that is needed'],
  [/^ERR max number of clients/, 'has as many clients as it may have'],
  [/^LOADING/, 'is still loading its data'],
  [/^READONLY/, 'is a replica, which nothing can be written to'],
  [/^(?:MOVED|ASK|CROSSSLOT|CLUSTERDOWN)\b/, 'is a cluster, which cannot be used yet'],
  [/^OOM/, 'has no memory left'],
  [/^MISCONF/, 'cannot write to its disk'],
  [/^NOREPLICAS/, 'has too few replicas to take a change'],
  [/^BUSY\b/, 'is held up by a script'],
  [/^WRONGTYPE/, 'holds something of another program under a name of ours'],
]
