import type { Act, Tip } from './acts.ts'
import { pattern, type Cursor } from './cursor.ts'

const please =
  '(?: (?:please|now|thanks|thank you|then|for me|today|tonight|when you can|when you get a chance|maya|mate))*'
const ask =
  '(?:(?:please|just|also|now) )*(?:(?:(?:can|could|may|might) (?:you|i|we)|(?:would|will) you) (?:please |just |also |kindly |maybe |possibly |perhaps |actually |now )*|(?:i|we) (?:would like|would love|want|need|wish|would prefer|would rather|am ready|are ready|am here|have|am going|are going|am gonna|will need|will want)(?: (?:just|now|also|please))*(?: to)?(?: (?:just|now|also|please))* ?|(?:i|we) (?:will|think i will)(?: (?:just|now|also))* |let (?:me|us) (?:just |also |now )?|(?:it is )?time to |ready to )?'
const money = '(?:tip|gratuity)'
const billWord = '(?:bill|check|cheque|tab|tabs|invoice|total)'

const tipNumber = 'NUM|PCT|CASH'
const tipFrames = [
  `${ask}(?:please )?(?:tip|leave|add|put|include|give|do|make|set|throw in|have|change|increase|raise|bump|lower|reduce|up|adjust|go for|go with|apply|be|slap|stick|toss in|keep|bring|pay|offer|use|leaving|tipping|adding)(?: (?:you|yourself|her|him|them|maya|the bartender|the staff|it|that|in|on|me|up|down|myself))*(?: (?:a|an|the|my|your|another|nice|with|to|of|at|in|on|for|from|just|${money}|NUM|PCT))*? (?:PCT|CASH|(?:a |the |my )?NUM(?= ${money}))(?: (?:as|for|in|of|on|to) (?:a |the |my |your )?(?:${money}|you|staff|top|${billWord}|that|it|yourself|service|maya|her|us|me))*(?: ${money})?(?: (?:on|to) (?:top|my ${billWord}|the ${billWord}|that|it|this|everything))*(?: ${money})?`,
  `${ask}${money}(?: (?:you|yourself|her|him|maya|is|will be|should be|at|of|:|amount|the bartender))*(?: (?:a|an|the|to|just))* (?:${tipNumber})`,
  `(?:with |including )(?:a |an |the |my )?${money} of (?:${tipNumber})`,
  `${ask}(?:set|make|change|put|increase|raise|lower|reduce|adjust|bump|up|keep)(?: (?:the|my|a|your))* ${money} (?:(?:up|down|amount|percentage) )?(?:to|at|of|is|be|into|as|by)? ?(?:a |the )?(?:${tipNumber})`,
  `(?:and |with |plus |including )?(?:a |an |the |my )?(?:${tipNumber}) (?:(?:of )?${money}|for (?:the )?${money}|as (?:a |the )?${money}|for (?:you|yourself|the bartender|the staff|service|maya)|on top|gratuity)(?: (?:on|to) (?:the|my|that|top|it) ?(?:${billWord})?)?`,
  `(?:(?:i|we) (?:will|would like to|want to) (?:do|go with|go for|take|say|choose|pick) |(?:let us|make it|do|say|go with|with|and|a|an|make that|change it to|the|just) )?(?:a |an |the )?PCT(?! (?:off|discount|of|alcohol|abv|more|less|sure|proof|chance))`,
].map((source) => pattern(`${source}${please}`))

const noTip = [
  `(?:no|zero|without|without a|without any|skip|skip the|skip my|forget|forget the|not) ${money}`,
  `${ask}(?:remove|cancel|delete|drop|scratch|take back|clear|undo|void|reset|skip|lose|withdraw|erase|forget)(?: (?:the|my|that|a|any|this|PCT|CASH))* ${money}`,
  `${ask}(?:take|get|strike|knock)(?: (?:the|my|that|PCT|CASH))* ${money} (?:off|away|out|back)`,
  `(?:set|make|change|put) (?:the |my )?${money} (?:to )?(?:none|nothing|null)`,
].map((source) => pattern(`${source}${please}`))

/** A wish about the tip. */
export function readTip(cursor: Cursor): Act | undefined {
  for (const frame of noTip)
    if (cursor.take(frame) !== undefined) return { type: 'tip', tip: { percent: null } }
  if (cursor.take(pattern(`${ask}(?:keep|have|take) the (?:change|rest)${please}`))) return talk('vague-tip')
  for (const frame of tipFrames) {
    const start = cursor.at
    const tip = tipOf(cursor.take(frame))
    if (tip !== undefined) return { type: 'tip', tip }
    cursor.at = start
  }
  const vague = `${ask}(?:please )?(?:add|leave|give you|put|include|do|set|give|tip|pay)(?: (?:you|a|the|some|my|nice|big|good|generous|small|bigger|little|well|something|on))* ?(?:${money})?`
  const start = cursor.at
  const said = cursor.take(pattern(`${vague}${please}`))
  if (said?.some(({ text }) => text === 'tip' || text === 'gratuity') && cursor.isAtSeparator)
    return talk('vague-tip')
  cursor.at = start
  return undefined
}

function tipOf(pieces: ReturnType<Cursor['take']>): Tip | undefined {
  const amounts = (pieces ?? []).filter(
    ({ kind }) => kind === 'percent' || kind === 'money' || kind === 'number',
  )
  const amount = amounts.at(-1)
  if (amount?.kind === 'percent') return amount.value === 0 ? { percent: null } : { percent: amount.value }
  if (amount?.kind === 'money') return { cents: amount.cents }
  if (amount?.kind === 'number') return amount.value === 0 ? { percent: null } : { percent: amount.value }
  return undefined
}

const payFrames = [
  `${ask}(?:please )?(?:pay|settle|settle up|settle|pay up|close out|close up|cash out|check out|checkout|square up|close|settling|paying|paying up)(?: (?:up|out|off|for|it|this|that|now|my|our|the|your|whole|entire|all|everything|of|what i owe|order|orders|drinks|${billWord}|with|by|on|in|via|using|a|credit|debit|card|cash|apple pay|from|balance|account))*`,
  `(?:the |my |our )?${billWord} please`,
  `(?:just )?(?:the|my|our)? ?(?:bill|check|cheque)(?: (?:time|now))?`,
  `${ask}(?:please )?(?:get|have|bring|give|grab|take|send|print|drop|ask for|fetch|receive|hand|prepare|like)(?: (?:me|us|over|for|with|up|out))*(?: (?:the|my|our|a))? (?:bill|check|cheque|invoice)`,
  `${ask}(?:please )?(?:(?:ring|cash|tot|total) (?:me|us|it|everything|this)|(?:check|close) (?:me|us)) (?:up|out)`,
  `${ask}(?:please )?(?:ring|cash) up (?:my|the|our) (?:bill|tab|order|check|total)`,
  `${ask}(?:please )?(?:charge|bill) (?:me|it|us|my (?:card|account|tab|credit card)|the card|everything)(?: (?:to|on) (?:my|the) (?:card|account|credit card))?`,
  `(?:i|we) (?:am|are) (?:all )?(?:done|finished|ready)(?: (?:here|now))? (?:and )?(?:ready )?(?:to|i want to|i would like to) (?:pay|settle up|leave and pay|close out)`,
  `(?:(?:i|we) (?:am|are) )?(?:now |all )?(?:ready|time) for (?:the|my|our) (?:bill|check|cheque)`,
  `${ask}(?:take|accept) (?:my )?(?:payment|money)`,
  `${ask}(?:make|process|do|take care of) (?:a |the |my |our )?(?:payment|${billWord})`,
].map((source) => pattern(`${source}${please}`))

/** `pay (with a 10% tip)`: the tip behind it is read on its own. */
const payBeforeTip = pattern(
  `${ask}(?:please )?(?:pay|pay up|settle|settle up|close out|cash out|check out|the check|the bill|check|bill)(?: (?:up|out|for|it|this|that|now|my|our|the|whole|everything|all|please|${billWord}))*(?= (?:with|plus|including) (?:a |an |the |my )?(?:(?:PCT|CASH|NUM)(?: ${money})|PCT|${money} of (?:${tipNumber})))`,
)

/** Asks to pay; that only brings the question whether to charge. */
export function readPay(cursor: Cursor): Act | undefined {
  if (cursor.take(payBeforeTip) !== undefined) return { type: 'pay' }
  for (const frame of payFrames) {
    const start = cursor.at
    if (cursor.take(frame) !== undefined) {
      if (cursor.isAtSeparator) return { type: 'pay' }
      cursor.at = start
    }
  }
  return undefined
}

function talk(topic: Extract<Act, { type: 'talk' }>['topic']): Act {
  return { type: 'talk', topic }
}

const show =
  '(?:(?:can|could|may) (?:you|i|we) (?:please |just )*|please |let (?:me|us) |(?:i|we) (?:would like|want|need) to )?'
const see =
  '(?:show(?: me| us)?|see|view|check(?: on)?|tell(?: me| us)?(?: about)?|know|look at|have a look at|review|hear|read(?: me| us)?(?: back| out)?|repeat|go over|list|display|get|give(?: me| us)?|recap|summari[sz]e|remind me(?: of| about)?|print|confirm|double check)'

const infoFrames: readonly (readonly [RegExp, Extract<Act, { type: 'ask' }>['tool']])[] = (
  [
    [
      `(?:what|how much) (?:is|was|will|would) (?:my |the |a |your |be )*(?:current |total )?${money}(?: (?:so far|now|right now|be|at|set to|amount|on (?:this|that|my tab)|at the moment|currently))*`,
      'get_tip',
    ],
    [
      `(?:did|have) (?:i|we) (?:already )?(?:tip|tipped|leave|left|add|added|set|include|included)(?: (?:you|a|any|the|already|on))*(?: ${money})?(?: (?:already|yet))?`,
      'get_tip',
    ],
    [
      `is (?:the |a |my |there a )?${money} (?:included|set|added|on)(?: (?:already|yet|in|on|the|my|bill|it))*`,
      'get_tip',
    ],
    [
      `how much (?:of a )?${money} (?:did|do|have|am|is|will) (?:i|we|there|on|be|set|leave|left|give|leaving|it|my|tab|the)*(?: [a-z]+){0,4}`,
      'get_tip',
    ],
    [`${show}${see} (?:the|my) ${money}(?: amount)?`, 'get_tip'],
    [`how much (?:did|do|am) (?:i|we) (?:tip|tipping)(?: you)?`, 'get_tip'],
    [
      `(?:what is|how is|what is in|how much is(?: left)?(?: (?:in|on))?|${show}${see}) ?(?:my |the |our )?(?:current |remaining |account |available )*(?:balance|account|wallet|funds|credit|card)(?: (?:right now|now|left|at|balance|is|please|like|looking))*`,
      'get_balance',
    ],
    [`(?:my )?balance`, 'get_balance'],
    [
      `(?:how much|what) (?:money |cash |credit |funds )?(?:do|have|will) (?:i|we) (?:still )?(?:have|got)(?: (?:left|remaining|to spend|in my account|in my wallet|on my card|on me|over|money|still|available|for drinks))+`,
      'get_balance',
    ],
    [`how much (?:money|cash|credit|funds) (?:do|have|will) (?:i|we) (?:still )?(?:have|got)`, 'get_balance'],
    [
      `(?:how much|what) (?:more |else )?(?:can|could) (?:i|we) (?:still )?(?:spend|afford)(?: (?:on drinks|today|tonight|here))?`,
      'get_balance',
    ],
    [`(?:how much )?(?:money|credit|funds|cash) (?:is |do i have )?left`, 'get_balance'],
    [
      `(?:do|have) (?:i|we) (?:still )?(?:have|got) (?:enough|any) (?:money|cash|funds|credit)?(?: .*)?`,
      'get_balance',
    ],
    [`am i (?:broke|out of money|rich)`, 'get_balance'],
    [
      `(?:what|how much) (?:do|did|will|would|must|have|should) (?:i|we) (?:owe|have to pay|need to pay|to pay|pay|spend|spent|owing)(?: (?:you|so far|in total|total|now|right now|already|here|today|tonight|at the end|for everything|for all of this|altogether|for it|for my drinks|for these|for that))*`,
      'get_bill',
    ],
    [
      `(?:what|how much|how big|how high) (?:is|does|are|was|will|would) (?:it |that |everything |all |this |all this |all that |my |our |the |on |be |at |these |those |they )*(?:current |total |grand |running |full )*(?:${billWord}|damage|sum|amount|total cost|cost|all together|altogether|in total|come to|add up to|cost|it|that|everything|so far|order|order cost|total|drinks cost|drinks)(?: (?:so far|now|right now|at|be|look like|looking like|like|looking|come to|up to|currently|in total|all together|altogether|total|cost|costs|to|already|at the moment|i owe|for me|amount|stand|stands))*`,
      'get_bill',
    ],
    [
      `how much (?:is|for|would be) (?:it|that|this|everything|all of it|all of that|all that|the lot|the whole thing)(?: (?:all|in total|total|together|altogether|so far|then))*`,
      'get_bill',
    ],
    [
      `${show}${see} (?:me )?(?:the|my|our)? ?(?:current |running |total )*(?:${billWord}|total|damage)(?: (?:so far|now|right now|is|at))*`,
      'get_bill',
    ],
    [`(?:my |the |our )?(?:current |running )?(?:tab|total)(?: (?:so far|now|right now))?`, 'get_bill'],
    [
      `(?:how much|what) (?:have|did|has) (?:i|we) (?:spent|spend|racked up|run up|drunk)(?: (?:so far|already|today|tonight|here|in total|up to now))*`,
      'get_bill',
    ],
    [`(?:how much|how big) is (?:my|the|our) (?:bill|tab|check)(?: .*)?`, 'get_bill'],
    [`how am i doing on (?:my |the )?(?:tab|money)`, 'get_bill'],
    [
      `(?:is|was|has|did) (?:the|my|our) (?:bill|tab|check|payment) (?:been )?(?:paid|settled|closed|open|go through|gone through)(?: (?:yet|already))?`,
      'get_bill',
    ],
    [
      `(?:did|have) (?:i|we) (?:already )?(?:pay|paid)(?: (?:yet|already|my bill|the bill|for everything|for it|for that))*`,
      'get_bill',
    ],
    [`do (?:i|we) (?:still )?owe (?:you )?(?:anything|something|money|any money)?`, 'get_bill'],
    [`(?:do|have) (?:i|we) (?:have|got) (?:a|an open) (?:tab|bill)(?: open)?`, 'get_bill'],
  ] as const
).map(([source, tool]) => [pattern(`${source}${please}`), tool] as const)

/** A question about tip, balance or tab. */
export function readMoneyQuestion(cursor: Cursor): Act | undefined {
  for (const [frame, tool] of infoFrames) {
    const start = cursor.at
    if (cursor.take(frame) !== undefined && cursor.isAtSeparator) return { type: 'ask', tool }
    cursor.at = start
  }
  return undefined
}
