import { assert, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spokenText } from '../../src/voice/spoken-text.ts'
import { cpuMs } from './cpu-time.ts'

describe('what is read aloud', () => {
  it.each([
    ['Good evening. ', 'Good evening.'],
    ['**Good** _evening_, *dear* ~~friend~~ `guest`.', 'Good evening, dear friend guest.'],
    ['***Really?***', 'Really?'],
    ['**Cut in the ', 'Cut in the'],
    ['middle.** ', 'middle.'],
    ['- Martini: $13.50\n', 'Martini: $13.50'],
    ['* Mojito\n  * with mint\n', 'Mojito with mint'],
    ['• Ale\n', 'Ale'],
    ['1. Martini\n', 'Martini'],
    ['12) Mojito\n', 'Mojito'],
    ['- [x] Paid\n', 'Paid'],
    ['## Our *menu*\n', 'Our menu'],
    ['> > As he said\n', 'As he said'],
    ['See [our menu](https://a.example/menu "Menu").', 'See our menu.'],
    ['![A glass](glass.png) Cheers!', 'A glass Cheers!'],
    ['Look at https://a.example/b?c=d.', 'Look at'],
    ['Cheers! 🥂🍸 To you 👩🏽‍🍳!', 'Cheers! To you !'],
    ['<b>Cold</b><br/>beer', 'Cold beer'],
    ['1 < 2 and 3 > 2', '1 < 2 and 3 > 2'],
    ['| Gin | $9 |', 'Gin, $9'],
    ['\\*Not\\* bold', 'Not bold'],
    ['snake_case stays', 'snake_case stays'],
    ['It is -5 degrees, 2.5 oz, 1990.', 'It is -5 degrees, 2.5 oz, 1990.'],
    ['Well – yes – of course', 'Well – yes – of course'],
    ['您好。', '您好。'],
  ])('%j is %j', (sentence, spoken) => {
    expect(spokenText(sentence)).toBe(spoken)
  })

  it.each(['', ' \n', '🥂', '---\n', '***', '```ts\n', '|---|:--:|\n', '...', '- ', '—', '!?', '**'])(
    'is nothing for %j',
    (sentence) => {
      expect(spokenText(sentence)).toBe('')
    },
  )

  it('has no marks and no lines, whatever the text', () => {
    assert(
      property(string(), (text) => {
        const spoken = spokenText(text)
        expect(spoken).toBe(spoken.trim())
        expect(spoken).not.toMatch(/[*`\n]/)
      }),
    )
  })

  it('takes no longer for marks that never end', () => {
    const spentMs = cpuMs(() => {
      for (const part of ['[', '![', '<a', '*', '_', '> ', '- ', '|', '-', '| - ', '](', '\\']) {
        spokenText(part.repeat(280))
      }
    })
    expect(spentMs).toBeLessThan(500)
  })

  it('takes no longer for what looks like a rule to its last character', () => {
    for (const part of ['-', '- ', '--|', ':--', '| -- ', '_', '* ']) {
      const text = `${part.repeat(38).slice(0, 38)}x`
      expect(cpuMs(() => spokenText(text))).toBeLessThan(100)
    }
  })
})
