import { describe, expect, it } from 'vitest'
import { mouthOf } from '../../web/src/voice/mouth.ts'

describe('the mouth of a phoneme', () => {
  it.each([
    ['rest', ['pau', 'h#', 'brth', 'sil', '', ' ', '.', ',']],
    ['closed', ['p', 'b', 'm', 'P', 'em']],
    ['open', ['aa', 'ae', 'ah', 'ax', 'ay', 'hh', 'k', 'ng', 'AH0']],
    ['wide', ['iy', 'ih', 'eh', 'ey', 'y', 'IY1', 'EH2']],
    ['round', ['uw', 'ow', 'ao', 'w', 'er', 'r', 'sh', 'ch', 'jh', 'oy']],
    ['teeth', ['f', 'v', 's', 'z']],
    ['tongue', ['th', 'dh', 'l', 'n', 't', 'd', 'dx', 'nx', 'el', 'en']],
  ])('%s for ARPABET %j', (mouth, phonemes) => {
    expect(phonemes.map(mouthOf)).toEqual(phonemes.map(() => mouth))
  })

  it.each([
    ['closed', ['p', 'b', 'm', 'm̩']],
    ['open', ['ɑː', 'æ', 'ʌ', 'ə', 'aɪ', 'ˈaʊ', 'ɡ', 'ŋ', 'h']],
    ['wide', ['iː', 'ɪ', 'ɛ', 'eɪ', 'j', 'ˌi']],
    ['round', ['uː', 'ʊ', 'oʊ', 'ɔ', 'ɔɪ', 'w', 'ɹ', 'ɝ', 'ʃ', 'ʒ', 't͡ʃ', 'dʒ', 'tʃ']],
    ['teeth', ['f', 'v', 's', 'z']],
    ['tongue', ['θ', 'ð', 'l', 'ɫ', 'n', 't', 'd', 'ɾ', 'n̩']],
  ])('%s for IPA %j', (mouth, phonemes) => {
    expect(phonemes.map(mouthOf)).toEqual(phonemes.map(() => mouth))
  })

  it('open for what is unknown', () => {
    expect(['ɮ', '@', 'ʘ', '音'].map(mouthOf)).toEqual(['open', 'open', 'open', 'open'])
  })
})
