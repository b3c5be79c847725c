import type { Drink } from './drinks.ts'
import { dollars, drinkPhrase, joined, articleOf, capitalised } from './phrases.ts'
import type { Remark } from './plan.ts'
import { pick } from './random.ts'
import { politeTopics, topicTexts } from './talk.ts'
import { pluralOf, type Lexicon } from './vocabulary.ts'

export interface Speaking {
  readonly seed: string
  readonly lexicon: Lexicon
}

/** Everything that Maya says without a tool, as one text. Beside other things, politeness is left out. */
export function remarksText(remarks: readonly Remark[], speaking: Speaking, isAlone: boolean): string {
  const substantial = remarks.filter((remark) => remark.type !== 'topic' || !politeTopics.has(remark.topic))
  const kept = isAlone && substantial.length === 0 ? remarks.slice(0, 1) : substantial
  const said = isAlone ? kept : kept.filter((remark) => !['no-then', 'yes-to-what'].includes(remark.type))
  const texts = said.map((remark) => remarkText(remark, speaking))
  return [...new Set(texts)].slice(0, 4).join(' ')
}

function remarkText(remark: Remark, { seed, lexicon }: Speaking): string {
  switch (remark.type) {
    case 'topic':
      return pick(seed, topicTexts[remark.topic])
    case 'offer': {
      const named = remark.drinks.map(({ item, quantity, modifiers }) =>
        drinkPhrase(item, quantity ?? 1, modifiers),
      )
      if (remark.isChoice && named.length > 1) return `Which shall it be, ${joined(named, 'or')}?`
      return `Shall I pour you ${joined(named)}?`
    }
    case 'how-many':
      return `How many ${pluralOf(remark.item)} shall I pour?`
    case 'odd-quantity':
      return `I can only do whole numbers of that. How many ${pluralOf(remark.item)} would you like?`
    case 'too-many':
      return `That is more ${pluralOf(remark.item)} than I can carry; 50 at a time is the most.`
    case 'strangers':
      return `${capitalised(joined(remark.names))} ${remark.names.length > 1 ? 'are' : 'is'} not on our menu, I am afraid.`
    case 'price':
      return `${pricesText(remark.drinks, lexicon)}${offerText(remark.drinks)}`
    case 'about': {
      const drinks = remark.drinks.map((drink) => ({ ...drink, quantity: 1 }))
      return `${pricesText(drinks, lexicon)}${offerText(drinks)}`
    }
    case 'not-there':
      return `I do not see ${articleOf(remark.item)} ${remark.item} on your order.`
    case 'has-already': {
      const named = drinkPhrase(remark.item, remark.quantity)
      return `There ${remark.quantity === 1 ? 'is' : 'are'} ${named} on your order already, so I added nothing. Tell me what to take off, or what more you want.`
    }
    case 'which-one':
      return 'Which one do you mean?'
    case 'nothing-before':
      return 'I am not sure which drink you mean. Which one shall it be?'
    case 'already-so':
      return 'That is exactly what I have down.'
    case 'tip-rule':
      return `I cannot set ${remark.percent} per cent: 10, 15 or 20 are possible. Which one would you like?`
    case 'what-of':
      return `Gladly. ${remark.quantity} of what?`
    case 'yes-to-what':
      return pick(seed, ['Great! What can I get you?', 'Lovely. What shall it be?'])
    case 'no-then':
      return pick(seed, ['All right. Anything else?', 'No problem. Just tell me if you want something.'])
    case 'not-able':
      return 'I am afraid I cannot do that here.'
  }
}

/** After a question about one drink, whether it is wanted. */
function offerText([first, ...others]: readonly Drink[]): string {
  return first === undefined || others.length > 0
    ? ''
    : ` Shall I pour you ${drinkPhrase(first.item, first.quantity ?? 1)}?`
}

function pricesText(
  drinks: readonly { readonly item: string; readonly quantity: number | undefined }[],
  lexicon: Lexicon,
): string {
  const seen = new Map<string, number>()
  for (const { item, quantity } of drinks) seen.set(item, Math.max(seen.get(item) ?? 1, quantity ?? 1))
  const parts = [...seen].map(([item, quantity]) => {
    const cents = (lexicon.items.get(item)?.priceCents ?? 0) * quantity
    return `${drinkPhrase(item, quantity)} ${quantity === 1 ? 'is' : 'are'} ${dollars(cents)}`
  })
  return `${capitalised(joined(parts))}.`
}
