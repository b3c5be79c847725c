import type { Act, Topic } from './acts.ts'
import { inCallOrder } from './call-order.ts'
import type { Drink, DrinkList } from './drinks.ts'
import { countOf, type Line, type Memory } from './memory.ts'
import type { Lexicon } from './vocabulary.ts'

/** One tool call that an answer needs. */
export interface PlannedCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** What Maya says that no tool has to answer. */
export type Remark =
  | { readonly type: 'topic'; readonly topic: Topic }
  | { readonly type: 'offer'; readonly drinks: readonly Drink[]; readonly isChoice: boolean }
  | { readonly type: 'how-many'; readonly item: string }
  | { readonly type: 'odd-quantity'; readonly item: string }
  | { readonly type: 'too-many'; readonly item: string }
  | { readonly type: 'strangers'; readonly names: readonly string[] }
  | { readonly type: 'price'; readonly drinks: readonly Drink[] }
  | { readonly type: 'about'; readonly drinks: readonly Drink[] }
  | { readonly type: 'not-there'; readonly item: string }
  | { readonly type: 'has-already'; readonly item: string; readonly quantity: number }
  | { readonly type: 'which-one' }
  | { readonly type: 'nothing-before' }
  | { readonly type: 'already-so' }
  | { readonly type: 'tip-rule'; readonly percent: number }
  | { readonly type: 'what-of'; readonly quantity: number }
  | { readonly type: 'yes-to-what' }
  | { readonly type: 'no-then' }
  | { readonly type: 'not-able' }

export interface Plan {
  readonly calls: readonly PlannedCall[]
  readonly remarks: readonly Remark[]
  /** Drinks that must not be recommended. */
  readonly unwanted: readonly string[]
}

/** More of one kind is taken for a slip of the tongue. */
const quantityMax = 50
/** Calls in one reply: a message with more wishes than this is not a guest's. */
const callsMax = 16

/** Turns acts into tool calls and remarks, with all references resolved. */
export function planReply(acts: readonly Act[], memory: Memory, lexicon: Lexicon): Plan {
  const planner = new Planner(acts, memory, lexicon)
  for (const act of acts) planner.plan(act)
  return planner.result
}

class Planner {
  readonly #acts: readonly Act[]
  readonly #memory: Memory
  readonly #lexicon: Lexicon
  readonly #calls: PlannedCall[] = []
  readonly #remarks: Remark[] = []
  readonly #unwanted: string[] = []
  #hasAccepted = false

  constructor(acts: readonly Act[], memory: Memory, lexicon: Lexicon) {
    this.#acts = acts
    this.#memory = memory
    this.#lexicon = lexicon
  }

  get result(): Plan {
    if (this.#calls.length > callsMax)
      return { calls: [], remarks: [{ type: 'topic', topic: 'unclear' }], unwanted: [] }
    return { calls: inCallOrder(this.#calls), remarks: this.#remarks, unwanted: this.#unwanted }
  }

  plan(act: Act): void {
    switch (act.type) {
      case 'order':
        return act.isOnly === true ? this.#orderOnly(act.list) : this.#order(act.list)
      case 'offer':
        return this.#offer(act.list)
      case 'again':
        return this.#again(act.quantity, act.except)
      case 'accept':
        return this.#accept(act.quantity)
      case 'count':
        return this.#count(act.quantity)
      case 'yes':
        return this.#yes(act.goesOn)
      case 'no':
        return this.#remark({ type: 'no-then' })
      case 'total':
        return act.claim === undefined ? this.#total(act.quantity) : this.#claim(act.quantity, act.claim)
      case 'restyle':
        return this.#restyle(act.modifiers, act.quantity)
      case 'revise':
        return act.needsFresh === true && !this.#memory.isFresh
          ? this.#order(act.list)
          : this.#revise(act.list, act.part)
      case 'remove':
        return this.#remove(act.list)
      case 'remove-last':
        return this.#removeLast(act.quantity)
      case 'renounce':
        return this.#renounce(act.list)
      case 'replace':
        return this.#replace(act)
      case 'clear':
        return this.#call('clear_order', {})
      case 'tip':
        return this.#tip(act.tip)
      case 'pay':
        return this.#call('pay_bill', {})
      case 'ask':
        return this.#call(act.tool, {})
      case 'recommend':
        this.#unwanted.push(...act.unwanted)
        return this.#call('get_recommendation', { preference: act.preference })
      case 'price':
      case 'about':
        return this.#inform(act.type, act.drinks, act.strangers)
      case 'talk':
        return this.#remark({ type: 'topic', topic: act.topic })
    }
  }

  #call(name: string, args: Readonly<Record<string, unknown>>): void {
    this.#calls.push({ name, arguments: args })
  }

  #remark(remark: Remark): void {
    this.#remarks.push(remark)
  }

  #order(list: DrinkList): void {
    for (const drink of list.drinks) this.#pour(drink)
    if (list.strangers.length > 0) this.#remark({ type: 'strangers', names: list.strangers })
  }

  /** `only one beer`: with beers on the tab already, that is no order. */
  #orderOnly(list: DrinkList): void {
    const present = list.drinks.find(({ item }) => countOf(this.#memory, item) > 0)
    if (present === undefined) return this.#order(list)
    const quantity = countOf(this.#memory, present.item)
    this.#remark({ type: 'has-already', item: present.item, quantity })
  }

  #pour({ item, quantity, modifiers }: Pick<Drink, 'item' | 'quantity' | 'modifiers'>): void {
    if (quantity === undefined) this.#remark({ type: 'how-many', item })
    else if (!Number.isInteger(quantity) || quantity < 1) this.#remark({ type: 'odd-quantity', item })
    else if (quantity > quantityMax) this.#remark({ type: 'too-many', item })
    else this.#call('add_to_order', { item_name: item, quantity, ...styled(modifiers) })
  }

  #offer(list: DrinkList): void {
    const odd = list.drinks.find(
      ({ quantity }) => quantity !== undefined && (!Number.isInteger(quantity) || quantity < 1),
    )
    if (odd !== undefined) this.#remark({ type: 'odd-quantity', item: odd.item })
    else if (list.drinks.length > 0)
      this.#remark({ type: 'offer', drinks: list.drinks, isChoice: list.isChoice })
    if (list.strangers.length > 0) this.#remark({ type: 'strangers', names: list.strangers })
  }

  #again(quantity: number | 'same', except: readonly string[] = []): void {
    const { lastRound } = this.#memory
    const [only] = lastRound
    if (quantity === 'same') {
      if (only === undefined) return this.#remark({ type: 'nothing-before' })
      for (const line of lastRound) if (!except.includes(line.item)) this.#pour(line)
      return
    }
    const offered = this.#offered()
    if (offered !== undefined) return this.#pour({ ...offered, quantity })
    if (only === undefined) return this.#remark({ type: 'nothing-before' })
    if (lastRound.length > 1) return this.#remark({ type: 'which-one' })
    this.#pour({ ...only, quantity })
  }

  /** The one drink that this message asks about, or Maya's last question was about. */
  #offered(): Drink | undefined {
    const { offer } = this.#memory
    const asked = this.#acts.findLast((act) => act.type === 'about' || act.type === 'price')
    const drinks = asked?.drinks ?? offer?.drinks ?? []
    return drinks.length === 1 ? drinks[0] : undefined
  }

  #accept(quantity: number | undefined): void {
    const offered = this.#offered()
    if (offered === undefined)
      return this.#remark(quantity === undefined ? { type: 'yes-to-what' } : { type: 'what-of', quantity })
    this.#pour({ ...offered, quantity: quantity ?? offered.quantity })
  }

  #count(quantity: number): void {
    const { offer } = this.#memory
    if (offer?.kind === 'tip') return this.#tip({ percent: quantity })
    if (this.#offered() === undefined) return this.#remark({ type: 'what-of', quantity })
    this.#accept(quantity)
  }

  #yes(goesOn: 'end' | 'and' | 'other'): void {
    const { offer } = this.#memory
    const says = (...types: readonly Act['type'][]): boolean =>
      this.#acts.some(({ type }) => types.includes(type))
    // `yes, two of those` and `yes, make it dirty` say themselves what is wanted.
    if (says('accept', 'count', 'total', 'again', 'restyle', 'revise')) return
    if (goesOn === 'other' && says('order', 'replace', 'offer')) return
    if (offer?.kind !== 'pour') {
      if (this.#acts.length === 1) this.#remark({ type: 'yes-to-what' })
      return
    }
    if (this.#hasAccepted) return
    this.#hasAccepted = true
    for (const drink of offer.drinks) this.#pour(drink)
  }

  #total(quantity: number): void {
    const [last] = this.#memory.lastRound
    const offered = this.#offered()
    if (offered !== undefined) return this.#pour({ ...offered, quantity })
    if (last === undefined || countOf(this.#memory, last.item) === 0)
      return this.#remark({ type: 'what-of', quantity })
    if (this.#memory.lastRound.length > 1) return this.#remark({ type: 'which-one' })
    this.#adjust(last, quantity - last.quantity)
  }

  #claim(quantity: number, { item, present }: { readonly item: string; readonly present: number }): void {
    const line = this.#memory.lines.findLast((candidate) => candidate.item === item)
    if (line === undefined || countOf(this.#memory, item) !== present) return this.#call('get_order', {})
    this.#adjust(line, quantity - present)
  }

  #adjust(line: Line, change: number): void {
    if (change === 0) this.#remark({ type: 'already-so' })
    else if (change > 0) this.#pour({ ...line, quantity: change })
    else this.#call('remove_from_order', { item_name: line.item, quantity: -change })
  }

  #restyle(modifiers: readonly string[], part?: number): void {
    const { lastRound } = this.#memory
    const [last] = lastRound
    const offered = this.#offered()
    if (offered !== undefined) return this.#pour({ ...offered, modifiers })
    if (last === undefined || countOf(this.#memory, last.item) === 0)
      return this.#remark({ type: 'nothing-before' })
    if (lastRound.length > 1) return this.#remark({ type: 'which-one' })
    const quantity = Math.min(part ?? last.quantity, last.quantity)
    this.#takeBack({ ...last, quantity })
    this.#pour({ ...last, quantity, modifiers: [...new Set([...last.modifiers, ...modifiers])] })
  }

  #takeBack({ item, quantity, modifiers }: Line): void {
    this.#call('remove_from_order', { item_name: item, quantity, ...styled(modifiers) })
  }

  #revise(list: DrinkList, part?: number): void {
    if (part !== undefined && this.#memory.lastRound.length > 1) return this.#remark({ type: 'which-one' })
    const last = this.#memory.lastRound.at(-1)
    const [first] = list.drinks
    if (first === undefined || last === undefined || countOf(this.#memory, last.item) === 0)
      return this.#order(list)
    if (first.item === last.item && first.modifiers.length === 0 && first.isCounted) {
      return this.#adjust(last, (first.quantity ?? 1) - last.quantity)
    }
    const taken = Math.min(part ?? last.quantity, last.quantity)
    this.#takeBack({ ...last, quantity: taken })
    const quantity = first.isCounted ? first.quantity : taken
    this.#order({
      ...list,
      drinks: list.drinks.map((drink) => (drink === first ? { ...drink, quantity } : drink)),
    })
  }

  #remove(list: DrinkList): void {
    for (const { item, quantity, isCounted, isPlural, isArticled, modifiers } of list.drinks) {
      const count = isCounted || (isArticled && !isPlural) ? { quantity } : {}
      if (isCounted && (quantity === undefined || !Number.isInteger(quantity) || quantity < 1)) {
        this.#remark({ type: 'odd-quantity', item })
      } else {
        this.#call('remove_from_order', { item_name: item, ...count, ...styled(modifiers) })
      }
    }
    if (list.drinks.length === 0) this.#remark({ type: 'strangers', names: list.strangers })
  }

  #removeLast(quantity: number | undefined): void {
    if (this.#memory.isTipLast && quantity === undefined) return this.#tip({ percent: null })
    const there = this.#memory.lastRound.filter(({ item }) => countOf(this.#memory, item) > 0)
    const [only] = there
    if (only === undefined) return this.#remark({ type: 'nothing-before' })
    if (quantity === undefined) return there.forEach((line) => this.#takeBack(line))
    if (there.length > 1) return this.#remark({ type: 'which-one' })
    this.#call('remove_from_order', { item_name: only.item, quantity })
  }

  #renounce(list: DrinkList): void {
    const there = list.drinks.filter(({ item }) => countOf(this.#memory, item) > 0)
    if (there.length === 0) return this.#remark({ type: 'topic', topic: 'negated' })
    for (const { item } of there) this.#call('remove_from_order', { item_name: item })
  }

  #replace({ from, to, isAside = false }: Extract<Act, { type: 'replace' }>): void {
    const there = from.drinks.filter(({ item }) => countOf(this.#memory, item) > 0)
    const [old] = there
    if (old === undefined) {
      const [missing] = from.drinks
      if (missing !== undefined && !isAside) this.#remark({ type: 'not-there', item: missing.item })
      return this.#order(to)
    }
    for (const drink of there) {
      const quantity = this.#replaced(drink)
      const isAll = quantity === countOf(this.#memory, drink.item) && !drink.isCounted
      this.#call('remove_from_order', { item_name: drink.item, ...(isAll ? {} : { quantity }) })
    }
    const [first] = to.drinks
    const isOneForOne = first !== undefined && to.drinks.length === 1 && there.length === 1
    this.#order(
      isOneForOne && !first.isCounted ? { ...to, drinks: [{ ...first, quantity: this.#replaced(old) }] } : to,
    )
  }

  /** How many go: as many as were said, `the beer` is one, and `the beers` are all. */
  #replaced({ item, quantity, isCounted, isPlural }: Drink): number {
    if (isCounted && quantity !== undefined) return quantity
    return isPlural ? countOf(this.#memory, item) : 1
  }

  #tip(tip: Extract<Act, { type: 'tip' }>['tip']): void {
    if ('cents' in tip) this.#call('set_tip', { tip_cents: tip.cents })
    else if (tip.percent === null || [10, 15, 20].includes(tip.percent)) {
      this.#call('set_tip', { tip_percentage: tip.percent })
    } else this.#remark({ type: 'tip-rule', percent: tip.percent })
  }

  #inform(type: 'price' | 'about', drinks: readonly Drink[], strangers: readonly string[]): void {
    const known = drinks.filter(({ item }) => this.#lexicon.items.has(item))
    if (known.length > 0) this.#remark({ type, drinks: known })
    if (strangers.length > 0) this.#remark({ type: 'strangers', names: strangers })
  }
}

function styled(modifiers: readonly string[]): { readonly modifiers?: readonly string[] } {
  return modifiers.length > 0 ? { modifiers } : {}
}
