import { randomBytes } from 'node:crypto'
import type { Clock } from './clock.ts'
import type { Limits } from './config/limits.ts'
import { secretsIn, type Settings } from './config/settings.ts'
import { MessageRates, type RateObserver } from './http/message-rates.ts'
import type { Buckets } from './log/buckets.ts'
import type { Store } from './log/store.ts'
import {
  createGuardRules,
  guardWithPolicy,
  type Guard,
  type GuardObserver,
  type GuardRules,
} from './security/guard.ts'
import { loadMasterKey, spellingsOf } from './security/master-key.ts'
import { RateLimits } from './security/rate-limits.ts'
import { createSessionTokens, type SessionTokens } from './security/session-token.ts'
import { createVault, type Vault } from './security/vault.ts'
import { keyFileOf } from './service-store.ts'

/** What is made of the master key and of the other secrets of the server. */
export interface Secrets {
  readonly tokens: SessionTokens
  readonly vault: Vault
  /** Every text that nobody may ever be shown. */
  readonly neverShown: readonly string[]
}

/** Throws a `MasterKeyError` where there is no key that can be used. */
export function openSecrets(settings: Settings, { shared }: Pick<Store, 'shared'>): Secrets {
  const { masterKey: configured, masterKeyPrevious: previousMasterKey } = settings
  const loading = { configured, keyFile: keyFileOf(settings), isStoreShared: shared, randomBytes }
  const keys = { masterKey: loadMasterKey(loading).key, previousMasterKey }
  const masterKeys = [keys.masterKey, previousMasterKey].filter((key) => key !== null)
  const neverShown = [...secretsIn(settings), ...masterKeys.flatMap(spellingsOf)]
  return { tokens: createSessionTokens(keys), vault: createVault(keys), neverShown }
}

export interface GuardParts {
  readonly settings: Settings
  /** The rules of the settings where they are missing. */
  readonly guardRules?: GuardRules
  readonly clock: Clock
  readonly limits: Limits
  readonly metrics: GuardObserver
  /** What is masked wherever it stands. */
  readonly secrets: readonly string[]
}

export function createGuard({ settings, guardRules, clock, limits, metrics, secrets }: GuardParts): Guard {
  const { messageCharactersMax } = settings
  const rules = guardRules ?? createGuardRules({ secrets, messageCharactersMax })
  return guardWithPolicy(rules, {
    onError: settings.guardOnError,
    timeoutMs: limits.guardMs,
    messageCharactersMax,
    retryAfterSeconds: limits.retryAfterSeconds,
    failingMs: limits.guardFailingMs,
    clock,
    observer: metrics,
  })
}

export interface RateParts {
  readonly settings: Settings
  readonly limits: Limits
  readonly buckets: Buckets
  readonly metrics: RateObserver
}

export function createRates({ settings, limits, buckets, metrics }: RateParts): MessageRates {
  const rates = {
    session: aMinute(settings.sessionRateLimit),
    burst: { max: settings.burstLimit, windowMs: 10_000 },
    workspace: aMinute(settings.workspaceRateLimit),
    address: aMinute(settings.addressRateLimit),
    app: aMinute(settings.appRateLimit),
    keys: aMinute(limits.keyChecksMax),
    listens: aMinute(limits.listensMax),
  }
  return new MessageRates({ limits: new RateLimits({ buckets, rates }), observer: metrics })
}

function aMinute(max: number): { readonly max: number; readonly windowMs: number } {
  return { max, windowMs: 60_000 }
}
