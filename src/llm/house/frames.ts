import { pattern } from './cursor.ts'

const soft =
  '(?:(?:please|just|also|kindly|possibly|quickly|then|now|actually|simply|really|definitely|certainly|still|first|only|absolutely|totally|gladly|very much|so|instead|too|go ahead and|maybe|perhaps) )*'
const sure = soft.replace('|maybe|perhaps', '')
const speaker = '(?:i|we)'
const guest =
  '(?:he|she|they|(?:my|our) (?:[a-z]+ )?[a-z]+|the (?:lady|gentleman|girls?|boys?|guys?|kids?|ladies|birthday girl|birthday boy|others?|table|missus|wife))'
const recipient =
  '(?: (?:me|us|him|her|them|everyone|everybody|myself|ourselves|yourself|my [a-z]+|the (?:lady|gentleman|girls|boys|guys|ladies|table|house)|for me|for us|for him|for her|to me|to us|over|up|out|down|in|with))*'
const receive =
  '(?:get|have|order|try|grab|buy|take|do|request|receive|add|drink|bother you for|trouble you for|ask (?:you )?for|start with|start off with|go with|go for|put in|place an order for|see about)'
const verbsToGive =
  '(?:get|give|bring|pour|make|mix|fix|serve|hand|pass|send|prepare|prep|whip|shake|add|put|do|set|sort|grab|fetch|order|start|hook|slide|throw|chuck|include|place|ring|top|hit|sling|toss|line|rustle|draw|pull|spot|shoot|stick|build|crack|open|deliver|provide|supply|arrange|knock)'
const toReceive = `(?: to ${sure}${receive})?`

/** Ways to order that name the drink behind them. Each is a plain wish; a doubtful one is in `offers`. */
const orderSources: readonly string[] = [
  `(?:can|could|may|might|would) (?:${speaker}|${guest}) ${soft}(?:please )?${receive}${recipient}`,
  `(?:can|could|would|will|wo) you (?:please |kindly |just |also |maybe |perhaps |possibly |quickly |then |now |be so kind (?:as to|and) |be a dear and |be kind enough to |mind |go ahead and )*${verbsToGive}(?: (?:me|us|him|her|them|my [a-z]+|everyone|the (?:lady|gentleman|table)))(?: (?:up|over|with|in|down|out|off with|up with|also|please))*`,
  `(?:can|could|would|will) you (?:please |kindly |just |also |then |now )*(?:add|put|pour|bring|get|give|serve|order|send|grab|fetch|include|throw in|do)(?: (?:in|over|down|also))?`,
  `${speaker} would ${sure}(?:like|love|fancy|appreciate|enjoy|prefer|kill for|die for|rather have|rather|be happy with)${toReceive}`,
  `${guest} would ${sure}like${toReceive}`,
  `(?:${speaker}|${guest}) (?:will|shall) ${sure}(?:have|take|get|do|go with|go for|try|order|start with|start off with|begin with|grab|buy|need|drink|be having|be taking|stick with|add|settle for)`,
  `${speaker} (?:am|are) (?:going to|about to|here to) ${sure}(?:have|take|get|do|go with|go for|try|order|start with|start off with|begin with|grab|need|drink)`,
  `${speaker} (?:am|are) ${sure}(?:having|taking|getting|ordering|after|craving|dying for|in the mood for|feeling like|ready for|up for|thirsty for|looking for|going with|going for|gonna have|in need of|drinking)`,
  `(?:${speaker}|he|she|they|my [a-z]+) (?:am|is|are) ${sure}(?:having|taking|getting|going to have|going to take)`,
  `${speaker} ${sure}(?:want|need|fancy|crave|desire|require|feel like|could use|could go for|could do with|could murder|could really go for|could really use|wish to|must have|have to have|go for|go with|ask for|request|wish for)${toReceive}`,
  `${speaker} ${sure}(?:wish|need|want|have) to ${sure}${receive}`,
  `(?:${guest}) ${sure}(?:wants?|needs?|fancies)${toReceive}`,
  `(?:let|allow) (?:me|us) ${sure}(?:get|have|try|do|grab|take|order|buy|start with|start off with|go with|go for|add|begin with|see)(?: (?:you for|for|myself|us|me))?`,
  `(?:${verbsToGive})(?: (?:me|us|him|her|them|everyone|everybody|myself|my [a-z]+|the (?:lady|gentleman|girls|boys|guys|ladies|table)))(?: (?:up|over|with|in|down|out|off with|up with|also|too|please|for|quickly|another round of))*`,
  `(?:please )?(?:bring|give|pour|add|order|serve|get|put|send|put in|throw in|toss in|chuck in|include|make|mix|fix|prepare|keep|add on|tack on|whip up|sort out|fetch|grab|line up|set up|rack up|crack open|send over)(?: (?:also|in|over|on|up|please|now|down))*`,
  `(?:get|give|bring|pour|make|buy|send|serve|fetch|hand|order|grab) (?:(?:the|that|this|my|our|every) (?:[a-z]+ ){0,2}?[a-z]+(?= (?:a|an|another|NUM|some) )|[a-z]+(?= (?:a|an|another) ))`,
  'make (?:mine|mine please|ours|his|hers|theirs)',
  '(?:mine|his|hers|ours) (?:is|will be)',
  '(?:that|it) will be',
  '(?:my|our|the) order (?:is|will be|would be)',
  '(?:i|we|to) (?:order|take)',
  'ordering',
  'for (?:me|us|him|her|my [a-z]+|the (?:lady|gentleman|table))(?: ,)?(?: please)?',
  'time for',
  'and for (?:me|him|her|my [a-z]+)',
]

export const orderFrames: readonly RegExp[] = orderSources.map(pattern)

/** Wishes without their subject. */
export const shortFrames: readonly RegExp[] = [
  `(?:want|need|fancy|having|taking|ordering|getting|craving|dying for|(?:would|could) (?:really |absolutely )?(?:like|love|use|go for|do with)|(?:will|going to|gonna) (?:just )?(?:have|take|get|do|go with|order))${toReceive}`,
].map(pattern)

/** Wishes that are not plain enough to pour: Maya asks. */
export const offerFrames: readonly RegExp[] = [
  '(?:how|what) about(?: trying| having)?',
  `(?:can|could|would|will) you (?:please |just |also )*(?:make|mix|do|shake|fix|prepare)`,
  `(?:i|we) would (?:have|take|go for|try|drink|order|get)`,
  `(?:maybe|perhaps)(?: (?:i|we) (?:will|should|could|would like|want)(?: (?:have|take|try|get|order|do))?)?`,
  `(?:i|we) (?:may|might|could|should|shall)(?: (?:as well|maybe|perhaps|just|possibly|probably|even|try))* (?:have|take|get|order|try|want|go for|drink|need)`,
  `(?:i|we) (?:will|would) (?:probably|maybe|perhaps|possibly) (?:like|have|take|get|order|try|want|go for)`,
  `(?:i|we) (?:am|are) (?:thinking|considering|tempted|leaning)(?: (?:of|about|by|to|towards|toward))?(?: (?:having|ordering|getting|trying|have|order|get|try))?`,
  `(?:i|we) (?:have|take|get|drink|think)`,
  `should (?:i|we) (?:have|get|order|try|take)`,
  `shall (?:i|we) (?:have|get|order|try|take)`,
  `why not(?: (?:have|try))?`,
  `why do (?:i|we|you) not (?:have|get|order|give me|give us|bring me|bring us|pour me|make me|get me)`,
  `(?:can|could) not (?:i|we) (?:have|get|order)`,
  `(?:can|could|would|will) (?:i|we) not (?:have|get|order)`,
].map(pattern)

/** After an order, words that say nothing about it. */
export const orderTail = pattern(
  `(?:(?:, )?(?:(?:now|tonight|today|here|again|then|first|actually|just|only|ok|right|yeah|yes|instead(?! of))(?= (?:,|and|but|please|thanks|thank|for|maya|mate|as|to|\\.|!|\\?)|$)|please|thanks|thank you|thank you very much|thanks a lot|cheers|too|also|as well|right now|right away|asap|quickly|quick|real quick|fast|over here|maya|mate|sir|miss|madam|maam|buddy|pal|dear|darling|love|honey|man|dude|bro|boss|friend|my friend|bartender|barkeep|barman|barmaid|to start|to start with|to begin with|to go|to drink|if possible|on my tab|on the tab|on my bill|onto my tab|(?:on |to |onto |in )(?:my|the|our|this) (?:order|tab|bill|account|list|room)|(?:for|to) (?!free\\b|nothing\\b|half\\b|less\\b|each\\b|a discount\\b)(?:[a-z]+ )(?:(?!and |but |then |plus |or |please )(?:[a-z]+|NUM) )*?(?:[a-z]+|NUM)(?= (?:,|and|but|plus|or|please|thanks|\\.|!|\\?)|$)|for (?!free\\b|nothing\\b|half\\b|less\\b|each\\b)[a-z]+|with that|with it|on top|on the side|when you (?:can|could|get|have|are|find) ?(?:a|the)? ?(?:chance|minute|moment|second|time|ready|free)?|whenever you (?:can|are ready|get a chance|have time)|in a glass|in a tall glass|from (?:you|the bar)|of course|is fine|will do|would be (?:great|lovely|nice|good|fine|perfect|amazing|awesome|wonderful)|will be (?:great|fine|all)|would do|sounds good|and that is all|that is all|i think|i guess|lol|haha|pretty please|with sugar on top|and quickly|and make it (?:quick|fast|snappy)|make it (?:quick|fast|snappy)|my good man|my dear|good sir|good man|before i go|this time|at your leisure|to cheer me up|at the bar|it is|i need it|i deserve it|hurry|keep the tab open|from me|y|xx?|gracias|por favor|s il vous plait|bitte))`,
)

/** What may follow a wish without being part of the drink: `a beer because ...`. */
export const looseTail = pattern(
  '(?:for|because|since|while|before|so|as|at|to|on|from|in|that|who|which|whenever|though|and|but|or|then|plus|,|\\.|!|\\?|i|we|you|my|he|she|it|this|these|tonight|today|after a|after this|after such|with)',
)
