import { KnownSecret } from './secret-follower.ts'

/** One part of a secret: these very characters, at least so many of a set, or everything up to five dashes. */
export type SecretPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'run'; readonly of: RegExp; readonly min: number }
  | { readonly kind: 'block' }

/** What is to be masked: parts one after the other. The last one is taken as far as it goes. None begins within a word. */
export interface SecretPattern {
  readonly parts: readonly SecretPart[]
}

/** A known secret that is shorter would be found in ordinary words. */
const knownSecretCharactersMin = 8

const word = /[\w-]/
const alphanumeric = /[A-Za-z0-9]/

/** How the keys of the usual providers look. A run is longer than any ordinary word that begins the same way. */
export const secretPatterns: readonly SecretPattern[] = [
  key('AIza', 30, word), // Google
  key('AQ.', 30, word),
  key('ya29.', 20, word),
  key('GOCSPX-', 20, word),
  key('sk-', 20, word), // OpenAI, Anthropic and many that follow them
  key('sk_car_', 16, word), // Cartesia
  ...['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'].map((prefix) => key(prefix, 16, alphanumeric)),
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((prefix) => key(prefix, 30, alphanumeric)),
  key('github_pat_', 30, word),
  key('hf_', 30, alphanumeric),
  ...['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xapp-'].map((prefix) => key(prefix, 10, word)),
  ...['AKIA', 'ASIA'].map((prefix) => key(prefix, 16, /[A-Z0-9]/)),
  ...['ak-', 'as-', 'wk-', 'ws-'].map((prefix) => key(prefix, 20, alphanumeric)), // Modal
  ...['Bearer ', 'bearer ', 'BEARER '].map((prefix) => key(prefix, 20, /[\w.~+/=-]/)),
  // A JSON web token: its header and its payload each begin as `{"` does in base64.
  pattern([text('eyJ'), run(10, word), text('.eyJ'), run(10, word), text('.'), run(10, word)]),
  // A block of PEM, such as RSA PRIVATE KEY; PUBLIC KEY is shorter than the run and stays.
  pattern([text('-----BEGIN '), run(11, /[A-Z ]/), text('-----'), { kind: 'block' }]),
]

/** Those that are looked for, wherever they stand. One that is too short is left out. */
export function knownSecrets(secrets: readonly string[]): readonly KnownSecret[] {
  return [...new Set(secrets)]
    .filter((secret) => secret.length >= knownSecretCharactersMin)
    .map((secret) => new KnownSecret(secret))
}

function key(prefix: string, min: number, of: RegExp): SecretPattern {
  return pattern([text(prefix), run(min, of)])
}

function pattern(parts: readonly SecretPart[]): SecretPattern {
  return { parts }
}

function text(characters: string): SecretPart {
  return { kind: 'text', text: characters }
}

function run(min: number, of: RegExp): SecretPart {
  return { kind: 'run', of, min }
}
