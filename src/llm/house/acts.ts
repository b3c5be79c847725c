import type { Drink, DrinkList } from './drinks.ts'

/** What a guest does with words. What it refers to (`another one`) is found out by the plan. */
export type Act =
  /** `only one beer` may be about the beers that are there. */
  | { readonly type: 'order'; readonly list: DrinkList; readonly isOnly?: boolean }
  | { readonly type: 'offer'; readonly list: DrinkList }
  | Again
  /** `that one`, `I'll take it`: what Maya offered. */
  | { readonly type: 'accept'; readonly quantity: number | undefined }
  /** `make that two`. */
  | { readonly type: 'total'; readonly quantity: number; readonly claim?: Claim }
  /** `two`, said to nothing in particular. */
  | { readonly type: 'count'; readonly quantity: number }
  /** `make it dirty`. */
  | { readonly type: 'restyle'; readonly modifiers: readonly string[]; readonly quantity?: number }
  | Revise
  | { readonly type: 'remove'; readonly list: DrinkList }
  /** `take one off`; an undefined quantity is all of what was ordered last. */
  | { readonly type: 'remove-last'; readonly quantity: number | undefined }
  /** `actually no beer`: away with it, if it is there. */
  | { readonly type: 'renounce'; readonly list: DrinkList }
  | Replace
  | { readonly type: 'clear' }
  | { readonly type: 'tip'; readonly tip: Tip }
  | { readonly type: 'price'; readonly drinks: readonly Drink[]; readonly strangers: readonly string[] }
  | { readonly type: 'about'; readonly drinks: readonly Drink[]; readonly strangers: readonly string[] }
  | { readonly type: 'recommend'; readonly preference: string; readonly unwanted: readonly string[] }
  | { readonly type: 'ask'; readonly tool: InfoTool }
  | { readonly type: 'pay' }
  | { readonly type: 'yes'; readonly goesOn: 'end' | 'and' | 'other' }
  | { readonly type: 'no' }
  | { readonly type: 'talk'; readonly topic: Topic }

/** `another one`, `two more`. */
export interface Again {
  readonly type: 'again'
  /** `same` repeats the whole last round, but for some items. */
  readonly quantity: number | 'same'
  readonly except?: readonly string[]
  /** `two of them`: behind a drink without a number, how many of it there are. */
  readonly isOfThem?: boolean
}

/** `make that a negroni`; `an ipa instead` needs a drink that was ordered just now. */
export interface Revise {
  readonly type: 'revise'
  readonly list: DrinkList
  readonly needsFresh?: boolean
  /** `replace one with ...`: how many of them; all when absent. */
  readonly part?: number | undefined
}

export interface Replace {
  readonly type: 'replace'
  readonly from: DrinkList
  readonly to: DrinkList
  /** `a gin rather than a rum`: what it replaces was perhaps never ordered. */
  readonly isAside?: boolean
}

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
  | 'which-off'
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
