import type { Drink, DrinkList } from './drinks.ts'

/** What a guest does with words. What it refers to (`another one`) is found out by the plan. */
export type Act =
  | { readonly type: 'order'; readonly list: DrinkList }
  | { readonly type: 'offer'; readonly list: DrinkList }
  /** `another one`, `two more`; a quantity of `same` repeats the whole last round, but for some items. */
  | { readonly type: 'again'; readonly quantity: number | 'same'; readonly except?: readonly string[] }
  /** `that one`, `I'll take it`: what Maya offered. */
  | { readonly type: 'accept'; readonly quantity: number | undefined }
  /** `make that two`. */
  | { readonly type: 'total'; readonly quantity: number; readonly claim?: Claim }
  /** `two`, said to nothing in particular. */
  | { readonly type: 'count'; readonly quantity: number }
  /** `make it dirty`. */
  | { readonly type: 'restyle'; readonly modifiers: readonly string[]; readonly quantity?: number }
  /** `make that a negroni`; `an ipa instead` needs a drink that was ordered just now. */
  | { readonly type: 'revise'; readonly list: DrinkList; readonly needsFresh?: boolean }
  | { readonly type: 'remove'; readonly list: DrinkList }
  /** `take one off`; an undefined quantity is all of what was ordered last. */
  | { readonly type: 'remove-last'; readonly quantity: number | undefined }
  /** `actually no beer`: away with it, if it is there. */
  | { readonly type: 'renounce'; readonly list: DrinkList }
  | { readonly type: 'replace'; readonly from: DrinkList; readonly to: DrinkList }
  | { readonly type: 'clear' }
  | { readonly type: 'tip'; readonly tip: Tip }
  | { readonly type: 'price'; readonly drinks: readonly Drink[]; readonly strangers: readonly string[] }
  | { readonly type: 'about'; readonly drinks: readonly Drink[]; readonly strangers: readonly string[] }
  | { readonly type: 'recommend'; readonly preference: string }
  | { readonly type: 'ask'; readonly tool: InfoTool }
  | { readonly type: 'pay' }
  | { readonly type: 'yes'; readonly goesOn: 'end' | 'and' | 'other' }
  | { readonly type: 'no' }
  | { readonly type: 'talk'; readonly topic: Topic }

/** `I said two martinis, not three`: holds only if there really are three. */
export interface Claim {
  readonly item: string
  readonly present: number
}

export type Tip = { readonly percent: number } | { readonly cents: number } | { readonly percent: null }

export type InfoTool = 'get_menu' | 'get_order' | 'get_bill' | 'get_balance' | 'get_tip'

export type Topic =
  | 'greeting'
  | 'wellbeing'
  | 'thanks'
  | 'goodbye'
  | 'name'
  | 'robot'
  | 'joke'
  | 'help'
  | 'compliment'
  | 'sorry'
  | 'hours'
  | 'place'
  | 'weather'
  | 'never-mind'
  | 'not-yet'
  | 'negated'
  | 'past'
  | 'later'
  | 'hypothetical'
  | 'paying-later'
  | 'paid-already'
  | 'splitting'
  | 'no-cash'
  | 'free'
  | 'tip-question'
  | 'vague-tip'
  | 'instructions'
  | 'that-is-all'
  | 'double'
  | 'each'
  | 'the-usual'
  | 'tab-open'
  | 'clear-tab'
  | 'noted'
  | 'ready'
  | 'ways-to-pay'
  | 'unknown-wish'
  | 'unclear'
