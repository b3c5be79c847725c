import { Fragment, type JSX } from 'preact'
import type { Bar } from '../state/bar.ts'
import { dollars } from '../state/tab.ts'
import { FoldedDetails } from './folded-details.tsx'
import { onSingleClick } from './single-click.ts'

/** What there is. A tap puts the words into the composer with which it is asked for. */
export function Menu({ bar }: { readonly bar: Bar }): JSX.Element {
  return (
    <FoldedDetails id="menu">
      <summary>
        <h2>Menu</h2>
      </summary>
      <div id="menu-items">
        {bar.menu.value?.categories.map(({ name, items }) => (
          <Fragment key={name}>
            <h3>{name}</h3>
            <ul>
              {items.map((item) => (
                <li key={item.name}>
                  <button type="button" onClick={onSingleClick(() => bar.composer.put(wordsFor(item.name)))}>
                    {item.name} <span>{dollars(item.price_cents)}</span>
                  </button>
                </li>
              ))}
            </ul>
          </Fragment>
        ))}
      </div>
    </FoldedDetails>
  )
}

function wordsFor(name: string): string {
  return `${/^[AEIOU]/.test(name) ? 'An' : 'A'} ${name}, please`
}
