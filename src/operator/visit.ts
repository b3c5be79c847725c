/** What a guest says in one visit, in this order: one of each. Nothing of it asks the agent for a payment. */
const sayings: readonly (readonly string[])[] = [
  ['Hi Maya!', 'Good evening.', 'Hello, what do you recommend?'],
  ['Two martinis, please.', 'A negroni and a tap beer, please.', 'Could I have an old fashioned?'],
  ['What is on my tab?', 'How much is a daiquiri?', 'What do I owe you so far?'],
  ['Another one, please.', 'And a lemonade, please.', 'A water and an IPA, please.'],
  ['What is the total?', 'That is all, thank you.', 'Can I see the bill?'],
]

export const tipPercentages = [10, 15, 20] as const

export function pickVisit(random: () => number): readonly string[] {
  return sayings.map((options) => pick(options, random))
}

export function pick<Option>(options: readonly Option[], random: () => number): Option {
  const option = options[Math.floor(random() * options.length)]
  if (option === undefined) throw new Error('There is nothing to pick from, or a random number of 1 or more.')
  return option
}
