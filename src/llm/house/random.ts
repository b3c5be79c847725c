/** One of the choices, always the same for the same seed. */
export function pick(seed: string, choices: readonly [string, ...string[]]): string {
  return choices[hash(seed) % choices.length] ?? choices[0]
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0
  }
  return value
}
