import { silenceMsMax } from './api.js'

/** The events of a `text/event-stream` body, each with its `id` and `data` (WHATWG HTML, section 9.2.6). */
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await readSoon(reader)
      if (done) return
      const blocks = (rest + value).replaceAll('\r\n', '\n').split('\n\n')
      rest = blocks.pop()
      yield* blocks.map(eventOf).filter(({ data }) => data !== undefined)
    }
  } finally {
    // Whoever stops reading needs the connection no more; that it may be broken already does not matter then.
    reader.cancel().catch(() => {})
  }
}

/** A silence that is too long looks like the end of the body. */
async function readSoon(reader) {
  const timer = setTimeout(() => void reader.cancel(), silenceMsMax)
  try {
    return await reader.read()
  } finally {
    clearTimeout(timer)
  }
}

function eventOf(block) {
  const event = {}
  for (const line of block.split('\n')) {
    const [, field, value] = /^(id|data): ?(.*)$/.exec(line) ?? []
    if (field === 'id') event.id = value
    if (field === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`
  }
  return event
}
