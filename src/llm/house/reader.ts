import type { Act, Topic } from './acts.ts'
import { readClear, readInsteadOf, readRemove, readReplace } from './change-acts.ts'
import { readClaim, readRetraction } from './correction-acts.ts'
import { Cursor, pattern } from './cursor.ts'
import { Draft } from './draft.ts'
import type { DrinkList } from './drinks.ts'
import { saidPlainly } from './idioms.ts'
import { readMoneyQuestion, readPay, readTip } from './money-acts.ts'
import { isHypothetical, isLater, moodOf, type Mood } from './mood.ts'
import { readBareOrder, readHalfWish, readWish, takeWishWords, type Wish } from './order-acts.ts'
import { codeOf, piecesOf, type Piece } from './pieces.ts'
import { namedIn, readPrice, readQuestion } from './question-acts.ts'
import { readAccept, readAgain, readBareStyle, readMakeThat, readRefused } from './reference-acts.ts'
import { endOfSentence, readRecommend, readServiceQuestion } from './service-acts.ts'
import { readAnswer, readTalk } from './talk-acts.ts'
import type { Lexicon } from './vocabulary.ts'
import { wordsOf } from './words.ts'

/** What the guest does with this message, in spoken order. Never throws, whatever the message is. */
export function readMessage(message: string, lexicon: Lexicon): readonly Act[] {
  const pieces = piecesOf(saidPlainly(wordsOf(message)), lexicon)
  if (isInstruction(pieces.map(codeOf).join(' '))) return [{ type: 'talk', topic: 'instructions' }]
  return new Reader(pieces, lexicon).read()
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
const contrastWords = /^(?:just|only|rather|instead|but|so|then|please)$/

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
    if (this.#readAct()) {
      this.#link = []
      return
    }
    cursor.at = start
    const skipped = cursor.take(separator) ?? cursor.take(leading)
    if (skipped !== undefined && !cursor.isAtEnd) this.#link.push(...skipped.map(({ text }) => text))
    else this.#skip(start)
  }

  /** Reads one act, or what is understood without being one. False, and anywhere, when nothing fits. */
  #readAct(): boolean {
    const cursor = this.#cursor
    const lexicon = this.#lexicon
    const retraction = readRetraction(cursor, this.#draft.hasOrder)
    if (retraction !== undefined) {
      this.#draft.retract(retraction)
      return true
    }
    const change = this.#readChange()
    if (change !== undefined) return this.#add(change, 'order')
    const question = readMoneyQuestion(cursor) ?? readServiceQuestion(cursor)
    if (question !== undefined) return this.#add(question, 'question')
    if (this.#readOrder()) return true
    const price = readPrice(cursor)
    if (price !== undefined) return this.#add(price, 'question')
    const advice = readRecommend(cursor, lexicon)
    if (advice !== undefined) return this.#add(advice, 'question')
    const refused = readRefused(cursor, lexicon)
    if (refused !== undefined) {
      const isChange = refused.isChange || this.#link.includes('actually') || this.#link.includes('wait')
      if (isChange && refused.list !== undefined) this.#draft.add({ type: 'renounce', list: refused.list })
      else this.#draft.add({ type: 'talk', topic: 'negated' })
      this.#context = 'contrast'
      return true
    }
    const talk = readAnswer(cursor) ?? readTalk(cursor)
    if (talk !== undefined) return this.#add(talk, 'start')
    const named = readQuestion(cursor, this.#isQuestion)
    return named !== undefined && this.#add(named, 'question')
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
    const wish = readWish(cursor, this.#lexicon)
    if (wish !== undefined) return this.#addWish(wish, careful)
    const half = readHalfWish(cursor, this.#lexicon)
    if (half !== undefined)
      return this.#addWish({ ...half, isPlain: half.isPlain && half.saysPlease }, careful)
    const accept = careful ? undefined : readAccept(cursor)
    if (accept !== undefined) return this.#add(accept, 'order')
    const bare = readBareOrder(cursor, this.#lexicon)
    if (bare !== undefined && this.#addBare(bare, careful)) return true
    cursor.at = start
    const style = careful || this.#context !== 'start' ? undefined : readBareStyle(cursor)
    return style !== undefined && this.#add(style, 'order')
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
    const isContrast = this.#link.some((word) => contrastWords.test(word))
    const isFree =
      context === 'start'
        ? !this.#isQuestion || wish.saysPlease
        : context === 'order' || context === 'contrast'
    const isSure = isFree || isContrast || (wish.saysPlease && context === 'plain')
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
    this.#draft.skip({ mood, isWish, drinks: namedIn(skipped), strangers })
  }
}
