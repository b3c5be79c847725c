import type { Act, Topic } from './acts.ts'
import { pattern, type Cursor } from './cursor.ts'

const topics: readonly (readonly [Topic, string])[] = [
  [
    'wellbeing',
    '(?:how (?:are|is|have|was)|how do|what is) (?:you|it|things|life|everything|your (?:day|night|evening|shift)|up|new|going on|your day)(?: (?:doing|going|been|today|tonight|feeling|so far|there|everything|do|with you|all))*',
  ],
  ['wellbeing', '(?:sup|wassup|whatsup|how goes it|you (?:ok|good|alright))'],
  [
    'greeting',
    '(?:hi|hello|hey|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day)|evening|morning|heya|hallo|hola|bonjour|ciao|welcome)(?: (?:there|maya|bartender|everyone|all|mate|again|friend|my friend|lady|girl|to you|you|barkeep))*',
  ],
  [
    'greeting',
    '(?:(?:it is )?(?:nice|good|great|pleased|lovely) to (?:meet|see) you(?: (?:too|again|maya))*|my name is [a-z]+(?: by the way)?)',
  ],
  [
    'thanks',
    '(?:many |much )?(?:thanks|thank you|thankyou|cheers|appreciated|appreciate it|much obliged|i appreciate (?:it|that|you)|gracias|merci|danke)(?: (?:so|very|much|a lot|a bunch|a million|maya|mate|again|for (?:the|your|that|everything|all|this|being|a|my)(?: [a-z]+| ITEM){0,4}|buddy|love|dear|you|loads|man|friend|indeed|kindly|to you))*',
  ],
  [
    'thanks',
    '(?:you are|that is|it is|this is|that was|it was) (?:so |very |really |too )?(?:kind|sweet|welcome|nice|lovely|great|perfect|awesome|good|fine|delicious|tasty|amazing|wonderful|excellent|the best|a star|a legend|an angel)(?: (?:of you|maya|thanks|thank you|drink|stuff))*',
  ],
  [
    'goodbye',
    '(?:(?:ok |well )?(?:bye|goodbye|good bye|bye bye|good night|goodnight|farewell|see (?:you|ya)|cya|later|so long|take care|ciao|have a (?:good|nice|great|lovely) [a-z]+|until next time|adios|catch you later|talk to you later|i am (?:off|leaving|heading (?:home|out)|going home|out)|i (?:have|need) to (?:go|leave|run|head)|got to go|time to go|i will (?:be going|head (?:home|out|off)|leave|go)(?: now)?)(?: (?:now|maya|later|soon|tomorrow|next time|everyone|then|all|home|again|for now|around|you|tonight|mate|friend))*)',
  ],
  [
    'name',
    '(?:what is your name|who are you|what are you called|your name|what do (?:i|they) call you|are you maya|tell me about yourself|introduce yourself|what should i call you)(?: .{0,30})?',
  ],
  [
    'robot',
    '(?:are you|you are)(?: (?:a|an|just|really|real|even))* (?:robot|bot|ai|human|real|person|machine|computer|chatbot|program|llm|language model|alive|sentient|gpt|chatgpt)(?: .{0,40})?',
  ],
  [
    'joke',
    '(?:(?:can|could|would|will) you )?(?:please )?(?:tell|know|give|make|share|crack|got|hear)?(?: (?:me|us|any|a|an|another|some|good|funny))* (?:joke|jokes|story|riddle)(?: .{0,40})?',
  ],
  [
    'joke',
    '(?:make me laugh|entertain me|say something (?:funny|nice)|sing (?:me |us )?(?:a song|something)?)',
  ],
  [
    'help',
    '(?:help(?: me| please)?|what can you do(?: .{0,30})?|how does (?:this|it) work|what (?:else )?can i (?:ask|say|do)(?: .{0,30})?|how (?:do|can) i (?:order|use this|pay|start|tip)(?: .{0,30})?|what do you do)',
  ],
  [
    'compliment',
    '(?:you are|this (?:place|bar) is|nice|great|lovely|beautiful|cool|good|i (?:really )?(?:like|love)) (?:(?:so|very|really|the|a|such|this|your|an) )*(?:best|great|funny|cute|beautiful|awesome|nice|bar|place|pretty|bartender|amazing|wonderful|cool|lovely|job|work|smart|clever|one|helpful|sweetheart|legend|angel|star|music|service|vibe|atmosphere|weather)(?: .{0,30})?',
  ],
  [
    'compliment',
    '(?:nice|great|cool|awesome|perfect|wonderful|excellent|amazing|lovely|fantastic|brilliant|good|super|sweet|fine|wow|yum|yummy|delicious|tasty|haha|lol|hahaha|hehe|ha|cheers|sante|prost|salud|bravo|neat|MOD)(?: (?:stuff|one|job|drink|thanks|choice|to hear|to know|maya|haha|then))*',
  ],
  [
    'sorry',
    '(?:sorry|my bad|my mistake|apologies|oops|whoops|pardon|pardon me|excuse me|i apologi[sz]e)(?: (?:about that|for that|maya|my bad|mate))*',
  ],
  [
    'hours',
    '(?:when|what time|how late|until when|till when|what)(?: (?:do|are|is|does|time|your|the|you|bar|it|here|hours|opening|closing|last|call|kitchen|this|place|happy hour|now|right))* (?:open|close|hours?|opening|closing|shut|call|happy hour|time|it|now)(?: .{0,20})?',
  ],
  ['hours', '(?:are you|is the bar|is this place) (?:still |already )?(?:open|closed|closing)(?: .{0,30})?'],
  [
    'place',
    '(?:where (?:is|are|can i find)|which way to|is there|do you have|have you got) (?:the|a|an|your|any|free|some)? ?(?:toilets?|bathrooms?|restrooms?|loo|wifi|wi fi|parking|atm|exit|jukebox|smoking area|dart board|darts|pool table|tv|live music|terrace|phone charger|charger|internet|table|tables|seats?|washroom|ladies room|mens room|smoking|pool|dance floor)(?: .{0,40})?',
  ],
  [
    'place',
    '(?:what is the wifi(?: password)?|where (?:are you|is this (?:bar|place))(?: .{0,20})?|(?:can|could|may) (?:i|we) (?:smoke|sit|use|borrow|bring|have the wifi|get the wifi)(?: .{0,50})?)',
  ],
  [
    'weather',
    '(?:(?:what a|it is|it has been|it was|i had|i have had|nice|lovely|terrible|rough|long|hard|bad|awful|what is the|how is the|quite a)(?: (?:a|an|such|been|so|very|really|really a|nice|lovely|bit|quite|too|the|rough|terrible|horrible|long|hard|bad|awful|hot|cold|tough|stressful|busy|beautiful|rainy|sunny))* ?(?:weather|day|week|hot|cold|rain|raining|sunny|rainy|snowing|evening|night|friday|monday|out|outside|today|month|shift)(?: (?:today|out|outside|there|at work|like|here|tonight))*)',
  ],
  [
    'never-mind',
    '(?:never ?mind|nevermind|nvm|forget (?:it|about it|that|i asked|i said anything)|ignore that|disregard(?: that)?|no matter|does not matter|do not bother|do not worry(?: about (?:it|that))?|leave it|let it be|as you were|nothing|i am (?:good|fine|ok|all set)(?: (?:for now|thanks|thank you|now))*|just (?:looking|browsing|kidding)|i am just (?:looking|browsing)|not (?:right )?now|not yet|maybe later|nothing (?:for now|right now|for me|else|more|thanks|yet|today)|no more|that is ok)(?: (?:then|please|maya|thanks|thank you|for now|for me))*',
  ],
  [
    'that-is-all',
    '(?:(?:that|this|it) (?:is|will be|would be) (?:all|it|everything|enough)(?: (?:for|now|thanks|thank you|today|tonight|me|us|i think|please|then))*|nothing else(?: (?:thanks|thank you|for now|please))*|(?:i am|we are|all) (?:done|finished|set|good)(?: (?:ordering|for now|drinking|for today|for tonight|now|here))*)',
  ],
  [
    'the-usual',
    '(?:(?:i will have|give me|the|my|can i (?:have|get)|same as|make it|just|get me) )*(?:the |my )usual(?: (?:please|drink|one|thanks))*',
  ],
  [
    'tab-open',
    '(?:(?:can|could|may) (?:i|we|you) |please |i would like to |i want to |let me )?(?:start|open|run|set up|keep|put|leave|begin|stick)(?: (?:me|us|a|the|my|new|running|it|that|this|them|those|everything|all|these|up|with|on|open|to))* (?:tab|bill|account|open)(?: (?:open|please|for me|for us|running|then))*',
  ],
  [
    'double',
    '(?:(?:can you |please )?make (?:it|that|them|those) )?(?:a )?(?:doubles?|triples?)(?: (?:please|instead))*',
  ],
  [
    'ready',
    '(?:(?:i|we) (?:would like|want|am ready|are ready|need) to |(?:can|could|may) (?:i|we) |ready to |(?:i am |we are )?ready|to )(?:please )?(?:order|place an order|make an order)?(?: (?:something|now|drinks?|please|here|a drink|some drinks))*',
  ],
  ['ways-to-pay', '(?:do|can|could|may) (?:you|i|we) (?:accept|take|pay (?:with|by|in)|use)(?: [a-z]+){1,6}'],
  [
    'clear-tab',
    '(?:(?:can|could|would) you |please |i want to |i would like to )?clear (?:my|the|our) (?:tab|bill)(?: (?:please|now|for me))*',
  ],
  [
    'splitting',
    '(?:.{0,40} )?(?:split (?:the |this |it|our |my )?(?:bill|check|tab|it)?|separate (?:bills|checks|tabs)|pay (?:for )?(?:half|my (?:half|share|part)|separately)|go dutch|half of (?:the|my) (?:bill|tab))(?: .{0,40})?',
  ],
  [
    'free',
    '(?:.{0,60} )?(?:for free|on the house|free of charge|free (?:drinks?|ITEM|beer|round)|for nothing|without paying|discount|discounts|happy hour price|cheaper price|a deal|refund|complimentary|coupon|voucher)(?: .{0,60})?',
  ],
  [
    'paying-later',
    '(?:(?:can|could|may|should|shall|do|must|will|am|is|would|when|where|how|who|why|what)(?: (?:i|we|he|she|you|to|have|do|the|can|could|should|must|need|is|are|it|not|if|does|did|will|would|be|going|gonna|supposed|happens?|my [a-z]+))* (?:pay|pays|paying|charge|charged|charges|paid)(?: .{0,80})?)',
  ],
  [
    'paying-later',
    '(?:(?:i|we) (?:will|can|would|am going to|are going to) (?:rather )?(?:pay|settle|settle up)(?: .{0,40})?)',
  ],
  [
    'not-yet',
    '(?:(?:please )?(?:do not|never|no need to|not|you must not|stop|(?:i|we) (?:do not|am not|are not|will not|can not|would not|did not|have not|never|refuse)(?: (?:to|going|want|wanna|gonna|want to|like|need|ready|have|able|yet))*)(?: (?:want|to|yet|ready|going|about))* (?:charge|charging|pay|paying|bill|close|settle|ring|check)(?: .{0,80})?)',
  ],
  [
    'paying-later',
    '(?:(?:(?:my|our) [a-z]+|he|she|they|someone|someone else|somebody|somebody else|it|that) (?:will|would|is|can|are|should|has|already|going|gonna|to|have|[a-z]+ing)*(?: (?:will|going to|already|gonna|to|also))* ?(?:pay|pays|paid|paying|treat|treats|charge)(?: .{0,60})?)',
  ],
  ['paid-already', '(?:(?:i|we) (?:have |had )?(?:already |just )*(?:paid|settled|payed)(?: .{0,60})?)'],
  [
    'no-cash',
    '(?:(?:i|we) (?:have|am|got|do not have) (?:no|out of|not|broke|enough|any)?(?: ?(?:got|have|any|enough|the|much))* ?(?:money|cash|funds|broke|wallet)(?: .{0,40})?)',
  ],
  [
    'tip-question',
    '(?:(?:what|how|should|do|does|is|are|why|when|would|which|can|could|did|shall|must)(?: [a-z]+| PCT| NUM| CASH){0,12} (?:tip|tips|tipping|gratuity)(?: .{0,60})?)',
  ],
]

const frames = topics.map(([topic, source]) => [topic, pattern(source)] as const)

/** Small talk, and what is said about paying without doing it. */
export function readTalk(cursor: Cursor): Act | undefined {
  const start = cursor.at
  for (const [topic, frame] of frames) {
    if (cursor.take(frame) !== undefined && (cursor.isAtSeparator || isLoose.has(topic)))
      return { type: 'talk', topic }
    cursor.at = start
  }
  return undefined
}

/** A greeting or a thank-you may be followed by what is wanted without a comma. */
const isLoose: ReadonlySet<Topic> = new Set<Topic>(['greeting', 'thanks', 'sorry'])

const yes = pattern(
  '(?:(?:yes|yeah|yep|yup|sure|ok|certainly|absolutely|definitely|of course|indeed|aye|please do|go ahead|go for it|do it|sounds (?:good|great|perfect|lovely|fine)|why not|by all means|that works|works for me|that would be (?:great|lovely|nice|good|perfect)|right|correct|exactly|perfect|deal|yes i would|yes i do|i would love (?:that|one|it|to)|i would like (?:that|one|it)|let us do it|make it so|you bet|hell yes|hell yeah|for sure|oh yes|i will|please|if you insist|great|good idea|lovely|very well|do that|bring it on|bring it)(?: (?:please|thanks|thank you|maya|sure|do|i would|that one|mate|ok|it is|then))*)',
)
const no = pattern(
  '(?:no|not really|no way|no thanks|no thank you|rather not|i would rather not|i do not think so|not for me|maybe not|negative|absolutely not|certainly not)(?: (?:thanks|thank you|please|maya|way|need|not|today|mate|worries|that is ok|no))*',
)

/** A yes or a no and nothing more. */
export function readAnswer(cursor: Cursor): Act | undefined {
  const start = cursor.at
  if (cursor.take(yes) !== undefined && cursor.isAtSeparator) return { type: 'yes', goesOn: afterYes(cursor) }
  cursor.at = start
  if (cursor.take(no) !== undefined && cursor.isAtSeparator) return { type: 'no' }
  cursor.at = start
  return undefined
}

/** Whether anything follows, and whether it is said to be more of it. */
function afterYes(cursor: Cursor): 'end' | 'and' | 'other' {
  if (cursor.peek(pattern('(?:[,.!] )?(?:and|plus|also)')) !== undefined) return 'and'
  return /^[\s,.!?]*$/.test(cursor.rest) ? 'end' : 'other'
}
