import type { PageClock } from '../clock.ts'
import { silenceMsMax } from './requests.ts'

export interface StreamEvent {
  readonly id: string | undefined
  readonly data: string
}

/** The events of a `text/event-stream` body, each with its `id` and `data` (WHATWG HTML, section 9.2.6). */
export async function* readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  clock: PageClock,
): AsyncGenerator<StreamEvent> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value = '' } = await readSoon(reader, clock)
      if (done) return
      const blocks = (rest + value).replaceAll('\r\n', '\n').split('\n\n')
      rest = blocks.pop() ?? ''
      yield* blocks.map(eventOf).filter((event) => event !== undefined)
    }
  } finally {
    // Whoever stops reading needs the connection no more; that it may be broken already does not matter then.
    reader.cancel().catch(() => {})
  }
}

type TextReader = ReadableStreamDefaultReader<string>

/** A silence that is too long looks like the end of the body. */
async function readSoon(
  reader: TextReader,
  clock: PageClock,
): Promise<Awaited<ReturnType<TextReader['read']>>> {
  const cancel = clock.after(silenceMsMax, () => void reader.cancel())
  try {
    return await reader.read()
  } finally {
    cancel()
  }
}

/** Undefined for a block that says nothing, such as a heartbeat. */
function eventOf(block: string): StreamEvent | undefined {
  let id: string | undefined
  let data: string | undefined
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^(id|data): ?(.*)$/.exec(line) ?? []
    if (field === 'id') id = value
    if (field === 'data') data = data === undefined ? value : `${data}\n${value}`
  }
  return data === undefined ? undefined : { id, data }
}
