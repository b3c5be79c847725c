import type { Model } from '../../src/llm/model.ts'
import { createVault } from '../../src/security/vault.ts'
import type { KeyParts, SessionModels } from '../../src/sessions/guest-keys.ts'

/** For tests in which no guest brings a key: one that is checked or used all the same is a failure. */
export const noKeys: KeyParts = {
  vault: createVault({ masterKey: Buffer.alloc(32) }),
  checks: { gemini: unexpected, cartesia: unexpected },
  takesGemini: true,
  voices: { own: { textToSpeech: null, speechToText: null, close: async () => {} }, lease: unexpected },
  takesCartesia: true,
}

/** The server's own model and no other. */
export function serverModelOnly(own: Model): SessionModels {
  return { own, lease: unexpected }
}

function unexpected(): never {
  throw new Error('No guest of this test has a key.')
}
