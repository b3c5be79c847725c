import { Marked, type MarkedToken, type Token, type Tokens } from 'marked'
import { Fragment, type ComponentChildren, type JSX } from 'preact'
import { withClosedMarks } from './open-marks.ts'

const off = (): undefined => undefined

/**
 * HTML and link definitions stay the text that they are. So do headings by underline, because the first dash of a list
 * would make a heading of the paragraph before it while the answer is still coming.
 */
const reader = new Marked({
  gfm: true,
  breaks: true,
  tokenizer: { html: off, tag: off, def: off, lheading: off },
})

export interface MarkdownProps {
  readonly text: string
  /** Whether the text may end anywhere: more of it is still coming, or it was cut off. */
  readonly isOpen: boolean
}

/** The words of a model as elements of ours: never as HTML. */
export function Markdown({ text, isOpen }: MarkdownProps): JSX.Element {
  const told = isOpen ? withClosedMarks(text) : text
  // Many models write their lists with a bullet.
  return <>{children(reader.lexer(told.replaceAll(/^(\s*)• /gm, '$1- ')))}</>
}

function children(tokens: readonly Token[] | undefined): ComponentChildren[] {
  return (tokens ?? []).map((token, index) => (
    <Fragment key={index}>{isOwn(token) ? nodeOf(token) : token.raw}</Fragment>
  ))
}

/** Tokens of plugins have shapes of their own; this reader has none of those. */
function isOwn(token: Token): token is MarkedToken {
  return token.type !== 'generic'
}

function nodeOf(token: MarkedToken): ComponentChildren {
  switch (token.type) {
    case 'space':
    case 'def':
      return null
    case 'paragraph':
      return <p>{children(token.tokens)}</p>
    case 'heading':
      return (
        <p>
          <strong>{children(token.tokens)}</strong>
        </p>
      )
    case 'list':
      return listOf(token)
    case 'blockquote':
      return <blockquote>{children(token.tokens)}</blockquote>
    case 'code':
      return (
        <pre>
          <code>{token.text}</code>
        </pre>
      )
    case 'hr':
      return <hr />
    case 'table':
      return tableOf(token)
    case 'strong':
      return <strong>{children(token.tokens)}</strong>
    case 'em':
      return <em>{children(token.tokens)}</em>
    case 'del':
      return <del>{children(token.tokens)}</del>
    case 'codespan':
      return <code>{token.text}</code>
    case 'br':
      return <br />
    case 'link':
      return linkOf(token)
    case 'text':
      return token.tokens === undefined ? token.text : children(token.tokens)
    default:
      // An image would be fetched from elsewhere; HTML and the rest are what they say.
      return 'text' in token ? token.text : token.raw
  }
}

function linkOf({ href, tokens }: Tokens.Link): ComponentChildren {
  if (!/^https?:\/\//i.test(href)) return children(tokens)
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children(tokens)}
    </a>
  )
}

function listOf({ ordered, start, items }: Tokens.List): ComponentChildren {
  const lines = items.map((item, index) => <li key={index}>{children(item.tokens)}</li>)
  return ordered ? <ol start={start === '' ? 1 : start}>{lines}</ol> : <ul>{lines}</ul>
}

function tableOf({ header, rows }: Tokens.Table): ComponentChildren {
  return (
    <table>
      <thead>
        <tr>
          {header.map((cell, index) => (
            <th key={index}>{children(cell.tokens)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={index}>
            {row.map((cell, column) => (
              <td key={column}>{children(cell.tokens)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
