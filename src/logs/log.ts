/** Every line that this server writes: its message and its level. docs/logs.md says what each of them means. */
export const lineLevels = {
  started: 'info',
  request: 'info',
  'request refused': 'debug',
  'request failed': 'error',
  'request unreadable': 'debug',
  'socket unreadable': 'debug',
  'socket failed': 'error',
  turn: 'info',
  'payment unknown': 'warn',
  'event loop overloaded': 'warn',
  'event loop recovered': 'warn',
  'model failed': 'warn',
  'circuit breaker changed': 'warn',
  'voice failed': 'warn',
  'store lost': 'warn',
  'store restored': 'warn',
  'spans lost': 'warn',
  'tracing warned': 'warn',
  defect: 'error',
  'library warning': 'warn',
  'library error': 'error',
  'lines lost': 'warn',
  closing: 'info',
  'closing after a fatal error': 'fatal',
  'closing was too slow': 'error',
  'told to close again': 'error',
  closed: 'info',
} as const satisfies Readonly<Record<string, keyof LineWriter>>

export type Line = keyof typeof lineLevels

/** Writes one line. Its fields are numbers, ids and words of ours: never a guest's words, never a key. */
export type Log = (line: Line, fields?: object) => void

type Write = (fields: object, message: string) => void

/** What lines are written with: pino's logger is one. */
export interface LineWriter {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
  readonly fatal: Write
}

/** Where there is no writer, nothing is written. */
export function createLog(writer: LineWriter | undefined): Log {
  if (writer === undefined) return () => {}
  return (line, fields = {}) => writer[lineLevels[line]](fields, line)
}
