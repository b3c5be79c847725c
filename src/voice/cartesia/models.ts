/** What a model can be asked for. What it cannot do is left out: a server may refuse a whole request for it. */
export interface ModelAbilities {
  readonly tellsPhonemes: boolean
  readonly takesSpeed: boolean
}

/** Speed is a matter of sonic-3 and its snapshots: earlier ones do not have it, and on 3.5 it is switched off. */
export function abilitiesOf(model: string): ModelAbilities {
  return {
    tellsPhonemes: /^sonic\b/.test(model),
    takesSpeed: /^sonic-3(-\d|$)/.test(model),
  }
}
