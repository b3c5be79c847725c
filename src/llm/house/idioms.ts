/** Roundabout phrases, each with the plain one that means the same. Applied in order to the words of a message. */
const receive = '(?:have|get|order|try|grab|buy|had|got|ordered)'
const give = '(?:get|give|bring|pour|make|mix|serve|fix|fetch|grab)'

const sources: readonly (readonly [roundabout: string, plain: string])[] = [
  // Polite conditions are none.
  ['if (?:it is |that is |at all )?possible', 'please'],
  [
    'if (?:you (?:do not|would not|did not) mind|you please|i may|we may|i might|you would be so kind|you would(?= ,| \\.|$)|you could(?= ,| \\.|$)|you can(?= ,| \\.|$)|you have (?:the time|time|a minute|a moment|a second|a sec))',
    'please',
  ],
  [
    'if (?:it|that) (?:is|would be) (?:ok|fine|alright|no (?:trouble|bother|problem)|not (?:too much|a) (?:trouble|bother|problem|to ask))(?: with you)?',
    'please',
  ],
  ['if (?:you are|it is) not (?:too |so |very |that )?busy', 'please'],
  [
    '(?:when|whenever|once|as soon as) you (?:have|get|find|can|are free|are ready)(?: (?:a|the) (?:free )?(?:chance|minute|moment|second|sec|time))?(?= ,)',
    'please',
  ],
  // At the beginning of a sentence: `I had a beer before I go` is a story.
  ['(?<![a-z0-9] )before (?:i|we) (?:go|leave|head (?:home|out|off))(?= ,)', 'please'],
  ['if (?:it|that) (?:is|was) not too much (?:trouble|to ask|bother)', 'please'],
  [
    `(?:it |that )?would be (?:great|nice|lovely|good|awesome|wonderful|cool|fantastic) if (?:i|we) could ${receive}`,
    'could i have',
  ],
  [
    `(?:it |that )?would be (?:great|nice|lovely|good|awesome|wonderful|cool|fantastic) if you could(?: please)? ${give}`,
    'could you give',
  ],
  [
    `(?:i|we) would (?:appreciate it|be (?:grateful|happy|delighted|thrilled|so happy)) if (?:i|we) could ${receive}`,
    'could i have',
  ],
  [
    `(?:i|we) would (?:appreciate it|be (?:grateful|happy|delighted|thrilled|so happy)) if you (?:could|would)(?: please)? ${give}`,
    'could you give',
  ],
  [
    `(?:i|we) (?:was|were|am|are) (?:just )?wondering (?:if|whether) (?:i|we) (?:could|can|might|may)(?: please| possibly| maybe| just)? ${receive}`,
    'could i have',
  ],
  [
    `(?:i|we) (?:was|were|am|are) (?:just )?wondering (?:if|whether) you (?:could|can|might|would)(?: please| possibly| just)? ${give}`,
    'could you give',
  ],
  [`(?:i|we) (?:was|were) hoping (?:to|(?:i|we) could|for) ${receive}`, 'could i have'],
  ['(?:i|we) (?:was|were|am|are) hoping for', 'could i have'],
  [
    `(?:do you think|you think|is it ok if|would it be ok if|is it possible that) (?:i|we) (?:could|can|might|may)?(?: please| maybe| possibly)? ?${receive}`,
    'could i have',
  ],
  [
    `(?:do you think|you think) you (?:could|can|might)(?: please| maybe| possibly)? ${give}`,
    'could you give',
  ],
  [
    `(?:would|will|is) it (?:be )?(?:at all )?(?:possible|ok|fine) (?:to|for (?:me|us) to) ${receive}`,
    'could i have',
  ],
  [
    `(?:is there )?any (?:chance|way|possibility) (?:that )?(?:of (?:getting|having|ordering)|(?:i|we) (?:could|can|might) ${receive}|to ${receive}|(?:for|of)(?= a ))`,
    'could i have',
  ],
  [
    `(?:is there )?any (?:chance|way|possibility) (?:that )?you (?:could|can|might) ${give}`,
    'could you give',
  ],
  [
    'would you mind (?:getting|giving|bringing|pouring|making|mixing|serving|fixing|fetching|adding)',
    'could you give',
  ],
  [
    '(?:would|could|will) you (?:please )?be (?:so kind|kind enough|a dear|so good)(?: as)?(?: to| and)?',
    'could you',
  ],
  ['(?:would|will) you be able to', 'could you'],
  ['(?:can|could|may) i (?:please )?ask you (?:to|for)', 'give me'],
  [`if you (?:could|can|would)(?: please)? ${give} (?:me|us)`, 'could you give me'],
  [`(?:i|we) (?:would like|want|need|would love)(?: for)? you to(?: please)? ${give}`, 'could you give'],
  ['(?:i|we) (?:would like|want|need|would love)(?: for)? you to(?: please)?', 'please'],
  [
    '(?:please )?(?:go ahead and|feel free to|be a dear and|be a (?:good|nice) [a-z]+ and|do me a favou?r and|be so kind (?:as to|and)|be kind enough to)',
    'please',
  ],
  [
    '(?:all|what|the only thing) (?:i|we) (?:really )?(?:want|need|would like|would love|fancy)(?: right now| now| today| tonight)? is',
    'i want',
  ],
  [
    '(?:would|could|will|can) not (?:say no to|mind|object to|refuse|turn down|resist)(?: having| getting)?',
    'would like',
  ],
  ['would (?:really |absolutely )?(?:love|like) to get my hands on', 'would like'],
  ['(?:i|we) (?:have )?(?:decided|settled|agreed) (?:on|to have|for)', 'i will have'],
  [
    '(?:i|we) (?:think|guess|suppose|reckon|believe|figure|am sure|think that|guess that)(?= (?:i|we) (?:will|would like|want|would love|am going to|need))',
    '',
  ],
  ['(?:looks|seems|sounds) like(?= (?:i|we) (?:will|need|want))', ''],
  ['(?:i|we) (?:think|guess|suppose) (?:a|an)(?= )', 'i will have a'],
  ['no (?:problem|worries|rush|hurry|doubt|offen[cs]e|pressure|biggie|stress)', 'ok'],
  [
    'on second thoughts?|(?:i )?(?:have )?changed (?:my|our) minds?|come to think of it|i take (?:that|it) back',
    'actually',
  ],
  ['(?:get|getting) rid of|strike off|cross off|knock off|take away|do away with|take out', 'remove'],
  ['take off(?= (?:the|a|an|one|two|three|my|that|all|everything|both|\\d+))', 'remove'],
  ['(?:a|one) (?:less|fewer)|one less of (?:the|those)', 'remove one'],
  ['as well as', 'and'],
  ['not only (.{1,60}?) but also', '$1 and'],
  [
    'same (?:again|thing again|as before|as last time)|the same (?:thing )?again|the same as before',
    'same again',
  ],
  ['hit me(?= with)', 'give me'],
  ['long time no see', 'hello'],
  ['(?:i|we) (?:have|would) (?:got )?to (?:have|get)(?= (?:a|an|one|two|three|another|some) )', 'i need'],
]

const idioms = sources.map(
  ([roundabout, plain]) => [new RegExp(`(?<= |^)(?:${roundabout})(?= |$)`, 'g'), plain] as const,
)

/** The words with every roundabout phrase said plainly. */
export function saidPlainly(words: readonly string[]): readonly string[] {
  let text = words.join(' ')
  for (const [roundabout, plain] of idioms) text = text.replaceAll(roundabout, plain)
  return text.split(' ').filter((word) => word !== '')
}
