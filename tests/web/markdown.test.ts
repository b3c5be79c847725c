import { describe, expect, it } from 'vitest'
import { Markdown } from '../../web/src/components/markdown.tsx'
import { withClosedMarks } from '../../web/src/components/open-marks.ts'
import { htmlOf } from './html-of.ts'

function html(text: string, isOpen = false): string {
  return htmlOf(Markdown({ text, isOpen }))
}

/** What is read of it. */
function words(shown: string): string {
  return shown.replaceAll(/<[^>]*>/g, '')
}

describe('an answer', () => {
  it.each([
    ['One.\n\nTwo.', '<p>One.</p><p>Two.</p>'],
    ['One.\nTwo.', '<p>One.<br>Two.</p>'],
    ['**Gin** and *tonic*', '<p><strong>Gin</strong> and <em>tonic</em></p>'],
    ['- Gin\n- **Rum**', '<ul><li>Gin</li><li><strong>Rum</strong></li></ul>'],
    ['• Gin\n• Rum', '<ul><li>Gin</li><li>Rum</li></ul>'],
    ['3. Gin\n4. Rum', '<ol start="3"><li>Gin</li><li>Rum</li></ol>'],
    ['## Gin', '<p><strong>Gin</strong></p>'],
    ['`a < b`', '<p><code>a &lt; b</code></p>'],
    ['```\n<b>\n```', '<pre><code>&lt;b></code></pre>'],
    [
      'a | b\n--- | ---\n1 | 2',
      '<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>',
    ],
    ['Maya\n-', '<p>Maya<br>-</p>'],
    ['Maya\n===', '<p>Maya<br>===</p>'],
    ['2 * 3 * 4 and snake_case_name', '<p>2 * 3 * 4 and snake_case_name</p>'],
  ])('%j is shown as %s', (text, expected) => {
    expect(html(text)).toBe(expected)
  })

  it('has links to pages of the web, which learn nothing of this one', () => {
    const link = '<a href="https://example.org/" target="_blank" rel="noopener noreferrer nofollow">here</a>'
    expect(html('[here](https://example.org/)')).toBe(`<p>${link}</p>`)
  })

  it.each([
    ['<img src=x onerror=alert(1)>', '<p>&lt;img src=x onerror=alert(1)></p>'],
    ['<script>alert(1)</script>', '<p>&lt;script>alert(1)&lt;/script></p>'],
    ['a <b>b</b> &amp; c', '<p>a &lt;b>b&lt;/b> &amp;amp; c</p>'],
    ['<div>\n\nx', '<p>&lt;div></p><p>x</p>'],
    ['[x](javascript:alert(1))', '<p>x</p>'],
    ['[x](data:text/html,hi)', '<p>x</p>'],
    ['[x](//example.org)', '<p>x</p>'],
    ['![x](https://example.org/a.png)', '<p>x</p>'],
    ['[x]: javascript:y "z"', '<p>[x]: javascript:y "z"</p>'],
  ])('%j makes nothing that acts', (text, expected) => {
    const shown = html(text)
    expect(shown).not.toMatch(/<(?!\/?(?:p|a|br)\b)/)
    expect(shown).toBe(expected)
  })
})

describe('an answer that is still coming', () => {
  it.each([
    ['Try the **Negr', 'Try the **Negr**'],
    ['Try the **', 'Try the '],
    ['Try the *Negr', 'Try the *Negr*'],
    ['Try `gin', 'Try `gin`'],
    ['Gin:\n-', 'Gin:\n'],
    ['Gin:\n- **Ne', 'Gin:\n- **Ne**'],
    ['Gin:\n1', 'Gin:\n'],
    ['Look [here](https://exa', 'Look here'],
    ['Look [he', 'Look he'],
    ['**Gin** and `tonic` at 2 * 3', '**Gin** and `tonic` at 2 * 3'],
    ['```\nlet **x', '```\nlet **x'],
  ])('%j is read as %j', (text, expected) => {
    expect(withClosedMarks(text)).toBe(expected)
  })

  it('never changes what was there, whatever comes next', () => {
    const text =
      'Good evening! We have:\n\n- **Negroni** for $11.00\n- an *Old Fashioned*\n\n## More\n\nSee [here](https://example.org/) or `gin`.\n\n1. One\n2. Two'
    const whole = words(html(text))
    const starts = Array.from(text, (_, end) => text.slice(0, end))
    expect(starts.filter((start) => !whole.startsWith(words(html(start, true))))).toEqual([])
  })
})
