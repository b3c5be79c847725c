import type { Act, Topic } from './acts.ts'
import { readClear, readInsteadOf, readRemove, readReplace } from './change-acts.ts'
import { readClaim, readRetraction } from './correction-acts.ts'
import { Cursor, pattern } from './cursor.ts'
import { Draft } from './draft.ts'
import type { DrinkList } from './drinks.ts'
import { saidPlainly } from './idioms.ts'
import { readMoneyQuestion, readPay, readTip } from './money-acts.ts'
import { isHypothetical, isLater, moodOf, type Mood } from './mood.ts'
import {
  readBareOrder,
  readHalfWish,
  readShortWish,
  readWish,
  takeWishWords,
  type Wish,
} from './order-acts.ts'
import { codeOf, piecesOf, type Piece } from './pieces.ts'
import { namedIn, readPrice, readQuestion } from './question-acts.ts'
import {
  readAccept,
  readAgain,
  readBareStyle,
  readLeftAsIs,
  readMakeThat,
  readRefused,
} from './reference-acts.ts'
import { endOfSentence } from './sentence.ts'
import { readRecommend, readServiceQuestion } from './service-acts.ts'
import { readAnswer, readTalk } from './talk-acts.ts'
import type { Lexicon } from './vocabulary.ts'
import { wordsOf } from './words.ts'

/** What the guest does with this message, in spoken order. Never throws, whatever the message is. */
export function readMessage(message: string, lexicon: Lexicon): readonly Act[] {
  if (isMachineTalk(message)) return [{ type: 'talk', topic: 'instructions' }]
  const pieces = piecesOf(saidPlainly(wordsOf(withoutQuotes(message))), lexicon)
  if (isInstruction(pieces.map(codeOf).join(' '))) return [{ type: 'talk', topic: 'instructions' }]
  return new Reader(pieces, lexicon).read()
}

/** Names of tools and roles: nothing that is said across a bar. */
function isMachineTalk(message: string): boolean {
  return /\b[a-z]+_(?:bill|order|tip|menu|balance|recommendation|to_order|from_order)\b|^\W*(?:system|assistant|developer|admin)\b\W*[:\]>)]/i.test(
    message,
  )
}

/** What somebody else said is no wish of the guest. */
function withoutQuotes(message: string): string {
  const rest = message.replaceAll(/["“”«»„][^"“”«»„]*["“”«»„]/g, ' quoted ')
  return /\b(?:said|says|say|asked|asks|told|shouted|yelled|whispered|wrote|goes|called|sign|quote|joke|line)\b/i.test(
    rest,
  )
    ? rest
    : message
}

/** Somebody talks to the machine, not to the bartender. */
function isInstruction(codes: string): boolean {
  return instruction.test(codes)
}

const instruction =
  /\b(?:ignore|disregard|forget|override|bypass)(?: [a-z]+){0,4} (?:instructions?|prompts?|rules|guidelines|training)\b|\b(?:system prompt|developer mode|jailbreak|you are now|new instructions|system (?:message|override)|as an? (?:admin|administrator|developer)|sudo|tool call|function call|call the tool|pay_bill|add_to_order)\b/

const leading = pattern(
  '(?:well|so|um|umm|uh|uhm|er|erm|hmm|hm|mm|mmm|oh|ah|aha|ok|right|please|yes|yeah|yep|sure|no|hey|hi|hello|maya|bartender|barkeep|barman|mate|sir|miss|madam|dear|and|also|plus|then|now|just|only|sorry|excuse me|pardon me|pardon|you know what|you know|listen|look|actually|in that case|after that|let us see|let me see|let me think|first|firstly|second|secondly|next|finally|lastly|tonight|today|great|cool|perfect|good|nice|lovely|thanks|thank you|hey there|there|i mean|i meant|instead|rather|but|good evening|evening|good afternoon|for starters|to start|to start with|to begin|to begin with|again|awesome|fine|anyway|anyways|by the way|btw|one last thing|one more thing|another thing|last thing|definitely|absolutely|gladly|certainly|of course|obviously|man|dude|bro|buddy|honey|darling|love|my friend|my dear|good sir|wait|hold on|hang on|in addition|additionally|for now|this time|say|yo|cheers|before i forget|oh yeah|oh yes|quick|quickly|real quick|kindly|oi|ahoy|pretty please|wow|omg|lol|haha|ha|yay|soo|sooo|welp|seriously|honestly|basically|boss|chief|captain|guys|friend|everyone)',
)
const separator = pattern('(?:,|and|but|then|plus|so|or)')
/** What is asked for so may be followed by a drink: `the menu and a beer`. */
const request = pattern(
  '(?:can|could|may|might) (?:i|we|you)|(?:give|get|bring|show)(?: me| us)|let (?:me|us)|(?:i|we) (?:would|want|need|will)|the menu|a menu|menu',
)
const contrastWords = /^(?:just|only|rather|instead|but|so|then|please)$/

const addingWords = /^(?:and|plus|also|then|another)$/

/** `one for me and one for him`: who gets the drinks that were ordered. */
const distribution = pattern(
  'NUM (?:is )?for (?:[a-z]+)(?: [a-z]+)?(?:,? (?:and )?(?:NUM|the other(?: one)?) (?:is )?for (?:[a-z]+)(?: [a-z]+)?)*',
)
/** `(bring her a lemonade and) me a whiskey`. */
const furtherGuest = pattern(
  '(?:for )?(?:me|us|him|her|them|(?:my|our|the|that) (?:[a-z]+ )?[a-z]+)(?= (?:a|an|NUM|another|some) )',
)

/** `(I want a beer but) I can't`. */
const regret = pattern(
  '(?:i|we|it|that) (?:can not|could not|should not|must not|will not|am not|do not (?:have|want|need|think)|have no|am driving|am broke|am too|have to (?:drive|go|leave|work|pay)|is too|would be too|better not)',
)

type Context = Mood | 'start' | 'order' | 'contrast'

class Reader {
  readonly #cursor: Cursor
  readonly #lexicon: Lexicon
  readonly #draft = new Draft()
  /** What the words before make of a bare name: `a beer` means nothing after `my father drank`. */
  #context: Context = 'start'
  /** The words between the last act and here. */
  #link: string[] = []
  #isHypothetical = false
  #isLater = false
  #isQuestion = false
  #instead: DrinkList | undefined

  constructor(pieces: readonly Piece[], lexicon: Lexicon) {
    this.#cursor = new Cursor(pieces)
    this.#lexicon = lexicon
  }

  read(): readonly Act[] {
    const cursor = this.#cursor
    while (!cursor.isAtEnd) {
      const end = endOfSentence(cursor)
      this.#startSentence(end)
      while (cursor.at < end) this.#readNext()
      cursor.at = Math.max(end, cursor.at)
      while (/^[.!?]$/.test(cursor.piece?.text ?? '')) cursor.at++
    }
    return this.#draft.acts
  }

  #startSentence(end: number): void {
    const cursor = this.#cursor
    const codes = cursor.slice(cursor.at, end).map(codeOf).join(' ')
    if (!/^(?:and|or|plus|also|nor)\b/.test(codes)) this.#context = 'start'
    this.#link = []
    this.#isHypothetical = isHypothetical(codes)
    this.#isLater = isLater(codes)
    this.#isQuestion = cursor.codeAt(end) === '?'
  }

  #readNext(): void {
    const cursor = this.#cursor
    const start = cursor.at
    if (cursor.piece?.kind === 'mark') {
      this.#link.push(cursor.piece.text)
      cursor.at++
      return
    }
    const joint = cursor.take(separator)
    if (joint !== undefined) {
      this.#link.push(...joint.map(({ text }) => text))
      return
    }
    if (this.#readAct()) {
      this.#link = []
      return
    }
    cursor.at = start
    const lead = cursor.take(leading)
    if (lead !== undefined && !cursor.isAtEnd) {
      this.#link.push(...lead.map(({ text }) => text))
      return
    }
    cursor.at = start
    const named = readQuestion(cursor, this.#isQuestion)
    if (named !== undefined) this.#add(named, 'question')
    else this.#skip(start)
  }

  /** Reads one act, or what is understood without being one. False, and anywhere, when nothing fits. */
  #readAct(): boolean {
    const cursor = this.#cursor
    const lexicon = this.#lexicon
    const retraction =
      this.#draft.hasOrder && this.#link.includes('but') && cursor.peek(regret) !== undefined
        ? 'drop-last'
        : readRetraction(cursor, this.#draft.hasOrder)
    if (retraction !== undefined) {
      this.#draft.retract(retraction)
      return true
    }
    const change = this.#readChange()
    if (change !== undefined) return this.#add(this.#corrected(change), 'order')
    const isRequest = cursor.peek(request) !== undefined
    const question = readMoneyQuestion(cursor) ?? readServiceQuestion(cursor)
    if (question !== undefined) return this.#add(question, isRequest ? 'order' : 'question')
    if (readLeftAsIs(cursor, lexicon)) {
      this.#draft.add({ type: 'talk', topic: 'negated' })
      this.#context = 'contrast'
      return true
    }
    if (this.#readOrder()) return true
    const price = readPrice(cursor)
    if (price !== undefined) return this.#add(price, 'question')
    const advice = readRecommend(cursor, lexicon)
    if (advice !== undefined) return this.#add(advice, 'question')
    const refused = readRefused(cursor, lexicon)
    if (refused !== undefined) {
      const isChange = refused.isChange || this.#link.includes('actually') || this.#link.includes('wait')
      if (refused.list !== undefined && this.#draft.leaveOut(refused.list)) return true
      if (isChange && refused.list !== undefined) this.#draft.add({ type: 'renounce', list: refused.list })
      else this.#draft.add({ type: 'talk', topic: 'negated' })
      this.#context = 'contrast'
      return true
    }
    const talk = readAnswer(cursor) ?? readTalk(cursor)
    return talk !== undefined && this.#add(talk, 'start')
  }

  #add(act: Act, context: Context): boolean {
    this.#draft.add(act)
    if (act.type !== 'talk') this.#context = context
    return true
  }

  /** Everything that changes the tab but is no order. */
  #readChange(): Act | undefined {
    const cursor = this.#cursor
    const lexicon = this.#lexicon
    const pay = this.#isHypothetical || this.#isLater || this.#isBlocked() ? undefined : readPay(cursor)
    if (pay !== undefined) return pay
    if (this.#isHypothetical || this.#isLater || this.#isBlocked()) return undefined
    return (
      readTip(cursor) ??
      readClear(cursor) ??
      readReplace(cursor, lexicon) ??
      readRemove(cursor, lexicon) ??
      readClaim(cursor, lexicon) ??
      readMakeThat(cursor, lexicon) ??
      readAgain(cursor)
    )
  }

  /** In `he told me to sit and order a martini` the order belongs to the story. */
  #isBlocked(): boolean {
    if (!['negated', 'past', 'reported', 'hypothetical'].includes(this.#context)) return false
    const isFresh = this.#link.some((word) => word === ',' || contrastWords.test(word))
    return !isFresh && !/^(?:i|we|can|could|may)\b/.test(this.#cursor.rest)
  }

  #readOrder(): boolean {
    const cursor = this.#cursor
    const start = cursor.at
    const careful = this.#isHypothetical || this.#isLater || this.#isBlocked()
    const instead = careful ? undefined : readInsteadOf(cursor, this.#lexicon)
    if (instead !== undefined) {
      this.#instead = instead
      return true
    }
    const wish =
      readWish(cursor, this.#lexicon) ?? (this.#isQuestion ? undefined : readShortWish(cursor, this.#lexicon))
    if (wish !== undefined) return this.#addWish(wish, careful)
    const half = readHalfWish(cursor, this.#lexicon)
    if (half !== undefined)
      return this.#addWish({ ...half, isPlain: half.isPlain && half.saysPlease }, careful)
    const accept = careful ? undefined : readAccept(cursor)
    if (accept !== undefined) {
      // In `a martini for me, two for him` the number is another guest's.
      const isForOther = cursor.slice(start, cursor.at).some(({ text }) => text === 'for')
      return this.#add(isForOther ? accept : this.#corrected(accept), 'order')
    }
    if (this.#context === 'order') {
      if (this.#draft.hasOrder && cursor.take(distribution) !== undefined && cursor.isAtSeparator) return true
      cursor.at = start
      cursor.take(furtherGuest)
    }
    const bare = readBareOrder(cursor, this.#lexicon)
    if (bare !== undefined && this.#addBare(bare, careful)) return true
    cursor.at = start
    const style =
      careful || this.#context !== 'start' ? undefined : readBareStyle(cursor, this.#draft.hasOrder)
    return style !== undefined && this.#add(style, 'order')
  }

  /** `actually two`, `no, two`: a number that stands in the place of the one before. */
  #corrected(act: Act): Act {
    const isCorrection = this.#link.some((word) =>
      /^(?:actually|no|wait|sorry|meant|mean|rather|only|just)$/.test(word),
    )
    const saidNo = this.#draft.acts.at(-1)?.type === 'no'
    const behind = this.#numberBehind(act)
    if (behind !== undefined) return { type: 'total', quantity: behind }
    return act.type === 'count' && (isCorrection || saidNo) ? { type: 'total', quantity: act.quantity } : act
  }

  /** `martini, two please` and `martini, two of them`: the number of the drink before, which had none. */
  #numberBehind(act: Act): number | undefined {
    const last = this.#draft.lastDrink
    if (last === undefined || last.isCounted || this.#link.some((word) => addingWords.test(word)))
      return undefined
    if (act.type === 'count') return last.isArticled ? undefined : act.quantity
    return act.type === 'again' && act.isOfThem === true && act.quantity !== 'same' ? act.quantity : undefined
  }

  #addWish(wish: Wish, careful: boolean): boolean {
    if (careful) return this.#refuse(wish)
    this.#context = 'order'
    this.#draft.order(wish, this.#instead, this.#link)
    this.#instead = undefined
    return true
  }

  /** A bare name counts when nothing before it speaks against it. */
  #addBare(wish: Wish, careful: boolean): boolean {
    if (careful) return this.#refuse(wish)
    const context = this.#context
    if (context === 'question') return false
    // In `a beer, what do I owe you?` only the rest is a question.
    const isAsked = this.#isQuestion && this.#cursor.codeAt(this.#cursor.at) === '?'
    const isContrast = this.#link.some((word) => contrastWords.test(word))
    const isFree =
      context === 'start'
        ? !isAsked || wish.saysPlease
        : (context === 'order' && !this.#link.includes('but')) || context === 'contrast'
    const isSure = isFree || (isContrast && context !== 'order') || (wish.saysPlease && context === 'plain')
    if (!isSure && !['start', 'plain'].includes(context)) return this.#refuse(wish)
    this.#draft.order({ ...wish, isPlain: isSure && wish.isPlain }, this.#instead, this.#link)
    this.#instead = undefined
    this.#context = 'order'
    return true
  }

  #refuse(wish: Wish): boolean {
    const context = this.#context
    const topic: Topic = this.#isHypothetical
      ? 'hypothetical'
      : this.#isLater
        ? 'later'
        : context === 'negated'
          ? 'negated'
          : 'past'
    this.#draft.miss(topic, wish.list)
    return true
  }

  /** Passes over what was not understood, up to the next separator. */
  #skip(start: number): void {
    const cursor = this.#cursor
    cursor.at = start
    const isWish = takeWishWords(cursor)
    cursor.at = start + 1
    while (!cursor.isAtSeparator) cursor.at++
    const skipped = cursor.slice(start, cursor.at)
    const mood = moodOf(skipped.map(codeOf).join(' '), this.#isQuestion)
    this.#context = mood
    this.#link = []
    const strangers = skipped.flatMap((piece) => (piece.kind === 'stranger' ? [piece.name] : []))
    this.#draft.skip({ mood, isWish, isNoted: isNoted(skipped), drinks: namedIn(skipped), strangers })
  }
}

/** `this beer is warm`, `don't cancel my order`: about what is there already. */
function isNoted(pieces: readonly Piece[]): boolean {
  return /\b(?:the|this|that|these|those|my|your|his|her|our|their|no|not|never)(?: [a-z]+)* (?:ITEM|order|tab|tip|orders|drinks?|cancel|remove|add|clear|another|more|change)\b/.test(
    pieces.map(codeOf).join(' '),
  )
}
