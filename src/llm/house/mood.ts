/** Why a stretch of talk orders nothing, from its codes and words. */
export type Mood = 'plain' | 'negated' | 'past' | 'reported' | 'hypothetical' | 'later' | 'question'

const negated =
  /\b(?:not|never|no|nobody|none|nothing|without|refuse|refuses|stop|hate|hates|neither|nor|hardly|avoid|allergic|quit|quitting|cannot|dislike|detest|skip|enough|last thing)\b/
const past =
  /\b(?:had|drank|drunk|ordered|was|were|did|yesterday|ago|used to|already|been|went|bought|made|got|wanted|asked|drinking|last (?:night|week|time|year|month|friday|saturday|sunday|monday|summer|weekend)|poured|served|spilled|spilt|tasted|tried|paid|came|took|gave|finished|loved|liked|enjoyed|forgot|remember|remembered|earlier|before)\b/
const reported =
  /\b(?:said|says|saying|tell|told|tells|asked|asks|heard|hears|shouted|whispered|read|wrote|movie|song|joke|story|book|bond|quote|sign|called|named|name|means|meaning)\b/
const hypothetical =
  /\b(?:if|suppose|supposing|imagine|imagining|pretend|pretending|hypothetically|hypothetical|assuming|unless|provided|wish i|wished|dream|dreamt|dreaming|in theory|theoretically|what would|how much would|would have|could have|should have|might have|were to|as though|let us say|lets say|say i|whether|wonder|wondering)\b/
const later =
  /\b(?:later|tomorrow|next (?:time|week|month|year|round|visit|friday|saturday|sunday|monday)|(?:an|some) ?other (?:time|day|night)|another (?:time|day|night)|some ?day|one day|eventually|not yet|not now|in (?:a|an|half|NUM|few) (?:a |few |couple )?(?:minutes?|mins?|hours?|while|bit|moment|second|sec|half|weeks?|days?)|when (?:i|my|our|he|she|they|we|it|the)|once (?:i|my|our|he|she|they|we|it|the)|until|till|as soon as|after (?:work|dinner|lunch|my|i|we|the|he|she|they)|soon)\b/
const question =
  /^(?:(?:so|and|but|well|hey|ok|um|just|curious|say|tell me|maya|,) )*(?:what|which|who|whose|whom|where|when|why|how|is|are|was|were|do|does|did|has|have|had|am|would|will|should|shall|can|could|may|might|must)\b/

/** Conditions and dreams reach over the whole sentence. */
export function isHypothetical(codes: string): boolean {
  return hypothetical.test(codes)
}

export function isLater(codes: string): boolean {
  return later.test(
    codes.replaceAll(/\b(?:see|catch|talk to) you (?:all )?(?:later|soon|tomorrow|next time)\b/g, ''),
  )
}

/** The mood of words that no act was found in. */
export function moodOf(codes: string, endsInQuestion: boolean): Mood {
  if (hypothetical.test(codes)) return 'hypothetical'
  if (reported.test(codes)) return 'reported'
  if (past.test(codes)) return 'past'
  if (negated.test(codes)) return 'negated'
  if (isLater(codes)) return 'later'
  if (endsInQuestion || question.test(codes)) return 'question'
  return 'plain'
}
