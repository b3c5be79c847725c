import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSessionTokens, hashOfId } from '../../src/security/session-token.ts'

const masterKey = Buffer.alloc(32, 7)
const tokens = createSessionTokens({ masterKey })
const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('')

/** Any text at all: also control characters and halves of characters. */
const anyText = fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units))

it('mints tokens that it recognises', () => {
  const { token, id } = tokens.mint()
  expect(token).toMatch(/^[\w-]{22}\.[\w-]{43}$/)
  expect(token.startsWith(`${id}.`)).toBe(true)
  expect(tokens.idOf(token)).toBe(id)
  expect(tokens.tokenOf(id)).toBe(token)
})

it('makes ids of 128 random bits', () => {
  const sizes: number[] = []
  const counted = createSessionTokens({
    masterKey,
    randomBytes(size) {
      sizes.push(size)
      return Buffer.alloc(size, sizes.length)
    },
  })
  expect(counted.mint().id).toBe(Buffer.alloc(16, 1).toString('base64url'))
  expect(counted.mint().id).toBe(Buffer.alloc(16, 2).toString('base64url'))
  expect(sizes).toEqual([16, 16])
  expect(new Set(Array.from({ length: 1000 }, () => tokens.mint().id)).size).toBe(1000)
})

it('signs the same today and tomorrow', () => {
  // A fixed pair: were it to change, every guest's session would be lost with an update.
  const token = tokens.tokenOf('AAECAwQFBgcICQoLDA0ODw')
  expect(token).toBe('AAECAwQFBgcICQoLDA0ODw.G_qYbmpiqhKia9p3FZnHeOHTTrbpUm31BmESv8ztKxQ')
})

it('refuses to sign what is not an id', () => {
  for (const id of ['', 'x', `${'A'.repeat(21)}.`, 'A'.repeat(23), 'A'.repeat(21) + '=']) {
    expect(() => tokens.tokenOf(id)).toThrow('22 characters')
  }
})

describe('keys', () => {
  const other = Buffer.alloc(32, 8)

  it('refuses tokens of another key', () => {
    expect(tokens.idOf(createSessionTokens({ masterKey: other }).mint().token)).toBeUndefined()
  })

  it('accepts tokens of the previous key and signs with the current one', () => {
    const rotated = createSessionTokens({ masterKey: other, previousMasterKey: masterKey })
    const { token, id } = tokens.mint()
    expect(rotated.idOf(token)).toBe(id)
    expect(rotated.tokenOf(id)).not.toBe(token)
    expect(rotated.idOf(rotated.tokenOf(id))).toBe(id)
    expect(tokens.idOf(rotated.tokenOf(id))).toBeUndefined()
  })
})

describe('refuses', () => {
  it('a token with any character changed', () => {
    fc.assert(
      fc.property(fc.nat(65), fc.oneof(fc.constantFrom(...base64url), fc.string()), (at, character) => {
        const { token } = tokens.mint()
        fc.pre(character !== token[at])
        expect(tokens.idOf(token.slice(0, at) + character + token.slice(at + 1))).toBeUndefined()
      }),
    )
  })

  it('every other spelling of the last character', () => {
    // The last character of 43 carries 4 bits, that of 22 carries 2: decoders take several spellings for the same bytes.
    const { token } = tokens.mint()
    for (const at of [21, 65]) {
      const spellings = base64url.map((character) => token.slice(0, at) + character + token.slice(at + 1))
      expect(spellings.filter((spelling) => tokens.idOf(spelling) !== undefined)).toEqual([token])
    }
  })

  it('a token with something before, behind or within', () => {
    const { token } = tokens.mint()
    const spaced = ['', ' ', '\n', '=', '\0', '.', 'A', ';', '\u00a0'].flatMap((extra) => [
      `${extra}${token}`,
      `${token}${extra}`,
      token.replace('.', `${extra}.`),
      token.replace('.', `.${extra}`),
    ])
    expect(spaced.filter((text) => text !== token && tokens.idOf(text) !== undefined)).toEqual([])
  })

  it('the other alphabet, the other case and padding', () => {
    const many = Array.from({ length: 50 }, () => tokens.mint().token)
    const respelled = many.flatMap((token) => [
      token.replaceAll('-', '+').replaceAll('_', '/'),
      token.toLowerCase(),
      token.toUpperCase(),
      `${token}=`,
      token.replace('.', '==.'),
    ])
    expect(respelled.filter((text) => !many.includes(text) && tokens.idOf(text) !== undefined)).toEqual([])
  })

  it('two tokens whose halves were swapped', () => {
    const [first, second] = [tokens.mint().token, tokens.mint().token]
    expect(tokens.idOf(first.slice(0, 23) + second.slice(23))).toBeUndefined()
  })

  it('any other text, without throwing', () => {
    const lookAlike = fc.string({
      unit: fc.constantFrom(...base64url, '.', 'é', '\u{1f378}'),
      minLength: 60,
      maxLength: 70,
    })
    fc.assert(
      fc.property(fc.oneof(anyText, lookAlike), (text) => {
        expect(tokens.idOf(text)).toBeUndefined()
      }),
    )
    expect(tokens.idOf('A'.repeat(10_000_000))).toBeUndefined()
  })
})

it('names a session in logs by a short hash that is no part of its token', () => {
  const id = randomBytes(16).toString('base64url')
  expect(hashOfId(id)).toMatch(/^[0-9a-f]{12}$/)
  expect(hashOfId(id)).toBe(hashOfId(id))
  expect(hashOfId(id)).not.toBe(hashOfId(tokens.mint().id))
})
