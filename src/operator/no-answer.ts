/** Why there is no answer of a Maya. The load counts by them. */
export type NoAnswerCode =
  | 'CANNOT_CONNECT'
  | 'TLS_FAILED'
  | 'TOO_SLOW'
  | 'BROKEN_OFF'
  | 'TOO_LARGE'
  | 'REDIRECTED'
  | 'NOT_MAYA'

/** There was no answer of a Maya. The message is a sentence for the operator, without any secret. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
  readonly code: NoAnswerCode

  constructor(code: NoAnswerCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}

const notReached: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nobody listens there',
  ENOTFOUND: 'The name of the host is not known',
  EAI_AGAIN: 'The name of the host cannot be looked up now',
  ETIMEDOUT: 'The host does not answer',
  EHOSTUNREACH: 'There is no way to the host',
  ENETUNREACH: 'There is no way to the host',
}

const tlsFailure = /^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO)/

/** Translates what a request was rejected with. The words of others are left out: they may quote a header. */
export function explainFailure(error: unknown, url: string): NoAnswerError {
  if (error instanceof NoAnswerError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  // Without a code it is no failure of the network, but a defect of ours.
  if (code === undefined) throw error
  const reason = notReached[code]
  const cause = { cause: error }
  if (reason !== undefined) {
    return new NoAnswerError('CANNOT_CONNECT', `${url} cannot be reached. ${reason} (${code}).`, cause)
  }
  if (tlsFailure.test(code)) {
    const message = `TLS with ${url} failed (${code}): its certificate is not trusted here, or it is no https.`
    return new NoAnswerError('TLS_FAILED', message, cause)
  }
  if (code.startsWith('HPE_')) {
    const message = `What answers at ${url} speaks no HTTP (${code}). Should it be https?`
    return new NoAnswerError('NOT_MAYA', message, cause)
  }
  return new NoAnswerError('BROKEN_OFF', `The connection to ${url} broke (${code}).`, cause)
}
