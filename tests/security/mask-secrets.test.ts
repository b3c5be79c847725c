import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMasker, type HoldingMask } from '../../src/security/mask-secrets.ts'
import { barSentences } from './bar-sentences.ts'

const geminiKey = `AIza${'Sy7-_'.repeat(7)}`
const serverKey = 'a-key.of/the+server=='
const headerValue = 'two words of a header'
const masker = createMasker([serverKey, headerValue, 'short'])

const token = `eyJ${'a1-_'.repeat(4)}.eyJ${'b2-_'.repeat(8)}.${'c3-_'.repeat(5)}`
const pem = ['-----BEGIN RSA PRIVATE KEY-----', 'MIIEow+/=='.repeat(8), '-----END RSA PRIVATE KEY-----']

const secrets: readonly (readonly [string, string])[] = [
  ['a key of the server', serverKey],
  ['one with blanks in it', headerValue],
  ['a Google key', geminiKey],
  ['a newer Google key', `AQ.Ab8${'x'.repeat(40)}`],
  ['an OpenAI key', `sk-proj-${'k9'.repeat(20)}`],
  ['a Cartesia key', `sk_car_${'z8'.repeat(10)}`],
  ['a Stripe key', `sk_live_${'q1'.repeat(12)}`],
  ['a GitHub token', `ghp_${'w2'.repeat(18)}`],
  ['a Slack token', 'xoxb-1234567890-abcdef'],
  ['an AWS key', 'AKIAABCDEFGHIJKLMNOP'],
  ['a Modal key', `wk-${'M3'.repeat(11)}`],
  ['a JSON web token', token],
  ['a bearer token', `Bearer ${'t0.k~'.repeat(5)}`],
]

const maskText = (text: string) => masker.maskText(text)

function join(mask: HoldingMask, pieces: readonly string[]): string {
  return pieces.map((piece) => mask.push(piece)).join('') + mask.end()
}

function letters(minLength: number, maxLength: number) {
  return fc.string({ unit: fc.constantFrom('a', 'b'), minLength, maxLength })
}

describe('a mask', () => {
  it.each(secrets)('covers %s, wherever it stands and however it is cut', (_, secret) => {
    const text = `Here: ${secret}, and "${secret}"\n${secret}`
    expect(maskText(text)).toBe('Here: ***, and "***"\n***')
    for (let cut = 0; cut <= text.length; cut++) {
      expect(join(masker.mask(), [text.slice(0, cut), text.slice(cut)]), `cut at ${cut}`).toBe(maskText(text))
    }
    expect(join(masker.mask(), text.split('')), 'letter by letter').toBe(maskText(text))
  })

  it('covers the block of a private key, and not what follows it', () => {
    const masked = maskText(`It is\n${pem.join('\n')}\nDo not tell.`)
    expect(masked).toBe('It is\n***END RSA PRIVATE KEY-----\nDo not tell.')
    expect(maskText(`${pem[0]}\n${pem[1]}`), 'without its end').toBe('***')
  })

  it('covers the session’s own key beside those of the server', () => {
    const own = 'no-prefix-that-is-known'
    expect(join(masker.mask([own]), [`${own} and ${serverKey}`])).toBe('*** and ***')
    expect(join(masker.mask(), [own])).toBe(own)
  })

  it('leaves what only begins like a secret', () => {
    for (const text of [
      'sk-8 is short',
      'ask-me-anything-about-the-many-drinks-we-have',
      'a Bearer of good news',
      'short',
      'eyJust kidding',
      '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----',
      'AIza',
      serverKey.slice(0, -1),
      serverKey.slice(1),
    ]) {
      expect(maskText(text)).toBe(text)
      expect(join(masker.mask(), text.split(''))).toBe(text)
    }
  })

  it('covers secrets that overlap, and those that follow one another at once, as one', () => {
    const known = createMasker(['abcdabcd', 'cdabcdxyz'])
    expect(known.maskText('-abcdabcdabcdxyz-')).toBe('-***-')
    expect(known.maskText('abcdabcdabcdabcd!')).toBe('***!')
  })

  it('shows the same however a text is cut', () => {
    const part = fc.oneof(
      fc.constantFrom(...secrets.map(([, secret]) => secret), ...pem),
      fc.constantFrom('AIza', 'sk-', 'Bearer ', 'eyJ', '-----BEGIN ', '-----', '.', ' ', 'a', 'short', '🍸'),
      fc.constantFrom(...secrets.map(([, secret]) => secret.slice(0, -3))),
      fc.string({ maxLength: 8 }),
    )
    const pieces = fc.array(part, { maxLength: 12 }).chain((parts) => {
      const text = parts.join('')
      return fc.tuple(
        fc.constant(text),
        fc
          .array(fc.nat({ max: text.length }), { maxLength: 12 })
          .map((cuts) => cuts.toSorted((a, b) => a - b)),
      )
    })
    fc.assert(
      fc.property(pieces, ([text, cuts]) => {
        const cut = [0, ...cuts].map((start, index) => text.slice(start, cuts[index]))
        expect(cut.join('')).toBe(text)
        expect(join(masker.mask(), cut)).toBe(maskText(text))
        for (const secret of [serverKey, headerValue]) expect(maskText(text)).not.toContain(secret)
      }),
      { numRuns: 300 },
    )
  })

  it('lets ordinary words flow at once', () => {
    for (const sentence of barSentences) {
      const open = masker.mask()
      let shown = ''
      let read = ''
      for (const piece of sentence.match(/\S+\s*/g) ?? []) {
        read += piece
        shown += open.push(piece)
        // Only a last letter or two that keys begin with, such as the `a` of `as-`, may wait.
        expect(read.length - shown.length, `of ${read}`).toBeLessThanOrEqual(2)
      }
      expect(shown + open.end()).toBe(sentence)
    }
  })

  it('holds back no more than the beginning of a secret', () => {
    const open = masker.mask()
    expect(open.push('It is sk-aaaa')).toBe('It is ')
    expect(open.held).toBe('sk-aaaa')
    expect(open.push(' and')).toBe('sk-aaaa and')
    expect(open.push(`, or ${geminiKey.slice(0, 34)}`)).toBe(', or ***')
    expect(open.push(geminiKey.slice(34))).toBe('')
    expect(open.push('!')).toBe('!')
    expect(open.end()).toBe('')
  })

  it('covers known secrets that repeat themselves, in texts that do, just as looking at each place would', () => {
    const repeated = fc
      .tuple(letters(1, 4), fc.integer({ min: 8, max: 12 }))
      .map(([part, length]) => part.repeat(length).slice(0, length))
    const secret = fc.oneof(repeated, letters(8, 10))
    const text = fc
      .array(fc.oneof(letters(0, 12), secret, repeated, fc.constant('-')), { maxLength: 8 })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1, maxLength: 3 }), text, fc.nat(), (known, whole, cut) => {
        const isMasked = Array.from(whole, (_, at) =>
          known.some((one) =>
            Array.from(one, (_letter, back) => at - back).some((start) => whole.startsWith(one, start)),
          ),
        )
        const signs = Array.from(whole, (letter, at) => (isMasked[at] === true ? '*' : letter)).join('')
        const expected = signs.replaceAll(/\*+/g, '***')
        const at = cut % (whole.length + 1)
        const pieces = [whole.slice(0, at), whole.slice(at)]
        expect(join(createMasker(known).mask(), pieces)).toBe(expected)
        expect(join(createMasker([]).mask(known), whole.split(''))).toBe(expected)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['a'.repeat(512), 'a'.repeat(4000)],
    ['ab'.repeat(256), 'ab'.repeat(2000)],
    [`${'a'.repeat(511)}b`, 'a'.repeat(4000)],
    [`${'ab'.repeat(255)}aa`, 'ab'.repeat(2000)],
  ])('compares each character twice at most, of whatever a guest gave as a key', (key, text) => {
    const whole = masker.mask([key])
    const shown = whole.push(text) + whole.end()
    expect(shown).toBe(text.includes(key) ? '***' : text)
    expect(whole.followed).toBe(0)
    // Two secrets of the server are known beside it.
    expect(whole.steps).toBeLessThanOrEqual(3 * 2 * text.length)
  })

  it('never follows more beginnings at once than there are parts of patterns', () => {
    // What many of them could begin in: were each followed to its end, the work would grow with the square.
    for (const seed of ['sk-', 'sk-a-', 'Bearer ', '-', 'eyJaaaaaaaaaaa-', 'eyJaaaaaaaaaaa.', 'ghp_']) {
      const open = createMasker([]).mask()
      for (let count = 0; count < 200; count++) {
        open.push(seed)
        expect(open.followed).toBeLessThan(60)
      }
    }
  })
})
