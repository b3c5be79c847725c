/** A cause of a cause says little more. */
const causesMax = 3

/**
 * What a log may show of an error that nobody foresaw: what it is and where it was thrown. Not what it says: a message
 * can quote a guest, a prompt or a provider's answer.
 */
export function describeDefect(error: unknown, causesLeft = causesMax): object {
  if (!(error instanceof Error)) return { type: typeof error }
  const { name, cause } = error
  const code = 'code' in error && /^[A-Z][A-Z0-9_]*$/.test(String(error.code)) ? error.code : undefined
  return {
    type: name,
    ...(code !== undefined && { code }),
    stack: framesOf(error),
    ...(cause !== undefined && causesLeft > 0 && { cause: describeDefect(cause, causesLeft - 1) }),
  }
}

/** The lines of the stack below the message, which may have lines that look like them. */
export function framesOf({ message, stack = '' }: Error): readonly string[] {
  const start = stack.indexOf(message)
  const lines = stack.slice(start === -1 ? 0 : start + message.length).split('\n')
  const first = lines.findLastIndex((line) => !/^ {4}at \S/.test(line)) + 1
  return lines.slice(first).map((line) => line.trim())
}
