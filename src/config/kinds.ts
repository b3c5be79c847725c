import { isIP } from 'node:net'
import { hashOfApiKey, type ApiKey } from '../security/api-key.ts'
import { parseMasterKey } from '../security/master-key.ts'

/** What the text of a setting may be. */
export interface Kind<Value> {
  /** Completes the sentence "allowed is ...". */
  readonly allowed: string
  /** Gets a trimmed text; undefined refuses it. */
  parse(text: string): Value | undefined
  /** What an error message may show of a refused text. */
  show(text: string): string
}

/** Plain digits only: no sign, point, exponent, hexadecimal or leading zero. */
export function integer(min: number, max: number): Kind<number> {
  return {
    allowed: `a whole number from ${min} to ${max}`,
    parse: (text) => (/^(?:0|[1-9]\d*)$/.test(text) ? within(Number(text), min, max) : undefined),
    show: quote,
  }
}

/** Digits with a point if need be: `0.8`. */
export function decimal(min: number, max: number): Kind<number> {
  return {
    allowed: `a number from ${min} to ${max}`,
    parse: (text) => (/^\d+(?:\.\d+)?$/.test(text) ? within(Number(text), min, max) : undefined),
    show: quote,
  }
}

/** Given in seconds, kept in milliseconds. */
export function milliseconds(secondsMin: number, secondsMax: number): Kind<number> {
  return scaled(integer(secondsMin, secondsMax), 1000)
}

/** Given in MB as Docker and Modal count them (1024 x 1024 bytes), kept in bytes. */
export function mebibytes(mbMin: number, mbMax: number): Kind<number> {
  return scaled(integer(mbMin, mbMax), 1024 * 1024)
}

/** One of these words, in any letter case. */
export function choice<const Word extends string>(...words: readonly Word[]): Kind<Word> {
  return {
    allowed: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text.toLowerCase()),
    show: quote,
  }
}

/** A secret that travels in a header. */
export function token(charactersMin: number, charactersMax: number): Kind<string> {
  return {
    allowed: `${charactersMin} to ${charactersMax} characters, all of them ASCII and none a blank`,
    parse: (text) =>
      /^[\u0021-\u007e]+$/.test(text) && text.length >= charactersMin && text.length <= charactersMax
        ? text
        : undefined,
    show: describeSecret,
  }
}

/** A name without blanks, such as a region or a project. */
export const word: Kind<string> = {
  allowed: '1 to 100 letters, digits, `.`, `_`, `-` and `:`',
  parse: (text) => (/^[\w.:-]{1,100}$/.test(text) ? text : undefined),
  show: quote,
}

/** As a provider names its models: `gemini-3.5-flash-lite`, `meta-llama/Llama-4`. */
export const modelName: Kind<string> = {
  allowed: '1 to 200 letters, digits, `.`, `_`, `-`, `:`, `@` and `/`',
  parse: (text) => (/^[\w.:@/-]{1,200}$/.test(text) ? text : undefined),
  show: quote,
}

/** Where a server is found, without the slash at its end. */
export const httpUrl: Kind<string> = {
  allowed: 'an address that begins with http:// or https://, without credentials, query and fragment',
  parse(text) {
    if (!/^https?:\/\/[^\s?#@]+$/i.test(text) || !URL.canParse(text)) return undefined
    return text.replace(/\/+$/, '')
  },
  // A query can hold a key.
  show: (text) => quote(text.replace(/[?#].*$/s, '?...')),
}

/** Of the connection and the body, which only who sends them knows. */
const connectionHeaders =
  /^(?:host|connection|content-(?:length|type)|transfer-encoding|keep-alive|upgrade)$/i

/** Headers for every request to a provider. Their values may be secrets. */
export const headers: Kind<Readonly<Record<string, string>>> = {
  allowed:
    'a comma list of `name:value`, where no value holds a comma and no name is one that HTTP itself sets',
  parse(text) {
    if (text === '') return {}
    const pairs = text
      .split(',')
      .map((part) => /^\s*([\w-]+)\s*:\s*([\u0021-\u007e]+(?: [\u0021-\u007e]+)*)\s*$/.exec(part))
    if (!pairs.every((pair) => pair !== null)) return undefined
    if (pairs.some(([, name = '']) => connectionHeaders.test(name))) return undefined
    return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name.toLowerCase(), value]))
  },
  show: describeSecret,
}

/** As OpenTelemetry writes headers: `name=value`, with values percent-encoded where they hold a comma or a blank. */
export const headerPairs: Kind<Readonly<Record<string, string>>> = {
  allowed:
    'a comma list of `name=value`, where values are percent-encoded and no name is one that HTTP itself sets',
  parse(text) {
    if (text === '') return {}
    const pairs = text.split(',').map((part) => {
      const [, name = '', value = ''] = /^\s*([\w-]+)\s*=\s*(\S+(?: \S+)*)\s*$/.exec(part) ?? []
      return [name.toLowerCase(), percentDecoded(value) ?? ''] as const
    })
    return pairs.every(isHeader) ? Object.fromEntries(pairs) : undefined
  },
  show: describeSecret,
}

function isHeader([name, value]: readonly [string, string]): boolean {
  const isText = /^[\u0021-\u007e]+(?: [\u0021-\u007e]+)*$/.test(value)
  return isText && name !== '' && !connectionHeaders.test(name)
}

/** Keys of tenants, each with its workspace. */
export const apiKeys: Kind<readonly ApiKey[]> = {
  allowed:
    'a comma list of `key:workspace`, each key once and of 16 to 200 letters, digits, `.`, `_`, `-` and `~`, each workspace of 1 to 64 letters, digits, `_` and `-`',
  parse(text) {
    if (text === '') return []
    const pairs = text.split(',').map((part) => /^\s*([\w.~-]{16,200}):([\w-]{1,64})\s*$/.exec(part))
    if (!pairs.every((pair) => pair !== null)) return undefined
    if (new Set(pairs.map(([, key]) => key)).size < pairs.length) return undefined
    return pairs.map(([, key = '', workspace = '']) => ({ hash: hashOfApiKey(key), workspace }))
  },
  show: describeSecret,
}

/** Addresses and networks of proxies whose `X-Forwarded-*` headers are believed. */
export const addresses: Kind<readonly string[]> = {
  allowed: 'a comma list of IP addresses and networks, such as 127.0.0.1,10.0.0.0/8',
  parse(text) {
    if (text === '') return []
    const parts = text.split(',').map((part) => part.trim())
    return parts.every(isNetwork) ? parts : undefined
  },
  show: quote,
}

export const masterKey: Kind<Buffer> = {
  allowed: '32 bytes in base64 or base64url, such as `openssl rand -base64 32` prints',
  parse: parseMasterKey,
  show: describeSecret,
}

export const hostName: Kind<string> = {
  allowed: 'an IP address or a host name',
  parse: (text) =>
    isIP(text) !== 0 || (text.length <= 253 && /^[\w-]+(?:\.[\w-]+)*\.?$/.test(text)) ? text : undefined,
  show: quote,
}

export const origins: Kind<readonly string[]> = {
  allowed: 'a comma list of origins without path or `*`, such as https://bar.example,http://localhost:5173',
  parse(text) {
    if (text === '') return []
    const found = text.split(',').map((part) => parseOrigin(part.trim()))
    return found.every((origin) => origin !== undefined) ? [...new Set(found)] : undefined
  },
  show: quote,
}

/** Where the sessions are kept. */
export type StoreAddress =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly file: string }
  | {
      readonly kind: 'redis'
      readonly isTls: boolean
      readonly host: string
      readonly port: number
      readonly user: string | null
      readonly password: string | null
      readonly database: number
    }

export const storeAddress: Kind<StoreAddress> = {
  allowed:
    '`memory:`, `sqlite:FILE` with the path of a file, or `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, with TLS `rediss://`',
  parse(text) {
    if (text === 'memory:') return { kind: 'memory' }
    if (/^rediss?:/.test(text)) return parseRedisAddress(text)
    const file = /^sqlite:(.+)$/.exec(text)?.[1]
    // `sqlite://data/x` would be a file in the root, and SQLite takes a leading colon or `file:` as more than a name.
    if (file === undefined || /^\/\/|^:|^file:|\/$/.test(file)) return undefined
    return { kind: 'sqlite', file }
  },
  // The address of another kind of store can hold a password.
  show: (text) => (/^(?:memory|sqlite):/.test(text) ? quote(text) : quote(`${text.split(':')[0]}:...`)),
}

const redisUrl =
  /^redis(?<tls>s?):\/\/(?:(?<user>[^\s:@/]*):(?<password>[^\s@/]+)@)?(?<host>\[[\da-fA-F:.]+\]|[^\s:@/[\]]+)(?::(?<port>\d{1,5}))?(?:\/(?<database>\d{0,5}))?$/

/** A user or a password with other than plain characters is percent-encoded, as in every URL. */
function parseRedisAddress(text: string): StoreAddress | undefined {
  const { tls = '', user = '', password = '', host = '', ...rest } = redisUrl.exec(text)?.groups ?? {}
  const { port = '6379', database = '' } = rest
  const bareHost = hostName.parse(host.replace(/^\[|\]$/g, ''))
  const [plainUser, plainPassword] = [user, password].map(percentDecoded)
  if (bareHost === undefined || plainUser === undefined || plainPassword === undefined) return undefined
  if (within(Number(port), 1, 65_535) === undefined) return undefined
  return {
    kind: 'redis',
    isTls: tls !== '',
    host: bareHost,
    port: Number(port),
    user: plainUser || null,
    password: plainPassword || null,
    database: Number(database),
  }
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** `10.0.0.0/8`, or an address alone. Not the whole world: then anybody could claim any address. */
function isNetwork(text: string): boolean {
  const [, address = '', bits = '1'] = /^([^/%]+)(?:\/([1-9]\d{0,2}))?$/.exec(text) ?? []
  const version = isIP(address)
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128)
}

/** As a browser sends it: lower case and without the scheme's own port. */
function parseOrigin(text: string): string | undefined {
  if (!/^https?:\/\/[^/?#@*\\\s]+$/i.test(text) || !URL.canParse(text)) return undefined
  return new URL(text).origin
}

function scaled(kind: Kind<number>, factor: number): Kind<number> {
  return {
    ...kind,
    parse(text) {
      const value = kind.parse(text)
      return value === undefined ? undefined : value * factor
    },
  }
}

function within(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined
}

const shownCharactersMax = 80

/** In quotes, on one line, cut off when long, and without the credentials of a URL. */
function quote(text: string): string {
  const shown = withoutCredentials(text)
  return shown.length > shownCharactersMax
    ? `${JSON.stringify(shown.slice(0, shownCharactersMax))}...`
    : JSON.stringify(shown)
}

function withoutCredentials(text: string): string {
  const start = text.indexOf('//')
  const end = text.lastIndexOf('@')
  return start === -1 || end < start ? text : `${text.slice(0, start)}//***${text.slice(end)}`
}

function describeSecret(text: string): string {
  return `a text of ${text.length} characters (not shown)`
}
