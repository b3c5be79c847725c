import { chunkMark, chunkText, momentDigits, momentNow } from './chunk.ts'

/** Bytes that are sent again and again; only the moments in them change. */
interface Piece {
  readonly bytes: Buffer
  /** Where moments stand. */
  readonly momentsAt: readonly number[]
}

/** One reply of the model, ready to be sent. Built once: the upstream must cost less than what is measured. */
export interface Answer {
  readonly head: Buffer
  readonly pieces: readonly Piece[]
}

const head = Buffer.from(
  [
    'HTTP/1.1 200 OK',
    'Content-Type: text/event-stream',
    'Cache-Control: no-cache',
    'Transfer-Encoding: chunked',
    '\r\n',
  ].join('\r\n'),
)
const end = '0\r\n\r\n'
const promptTokens = 812

/** The first reply of a turn. */
export const toolCallAnswer: Answer = {
  head,
  pieces: [
    piece(
      event({
        parts: [
          {
            functionCall: { id: 'call-1', name: 'add_to_order', args: { item_name: 'IPA', quantity: 1 } },
            thoughtSignature: Buffer.from('a thought of the bench').toString('base64'),
          },
        ],
        outputTokens: 18,
        finishReason: 'STOP',
      }) + end,
    ),
  ],
}

/** The second one: text in pieces that are sent one by one, or all of it in one piece. */
export function textAnswer(chunks: number, isPaced: boolean): Answer {
  const events = Array.from({ length: chunks }, (_, place) => {
    const text = chunkText(place, '0'.repeat(momentDigits))
    return event({ parts: [{ text }], outputTokens: (place + 1) * 10 })
  })
  const last = event({ parts: [{ text: '' }], outputTokens: chunks * 10, finishReason: 'STOP' })
  const texts = isPaced ? events : [events.join('')]
  return { head, pieces: texts.map((text, at) => piece(at === texts.length - 1 ? text + last + end : text)) }
}

/** A copy of the piece that says that it was sent now. */
export function sentNow({ bytes, momentsAt }: Piece): Buffer {
  const copy = Buffer.from(bytes)
  const moment = momentNow()
  for (const at of momentsAt) copy.write(moment, at, 'latin1')
  return copy
}

interface ReplyPart {
  readonly parts: readonly object[]
  readonly outputTokens: number
  readonly finishReason?: string
}

/** One event of `streamGenerateContent?alt=sse` in an HTTP chunk of its own, as the provider sends it. */
function event({ parts, outputTokens, finishReason }: ReplyPart): string {
  const data = JSON.stringify({
    candidates: [{ content: { parts, role: 'model' }, ...(finishReason && { finishReason }), index: 0 }],
    usageMetadata: {
      promptTokenCount: promptTokens,
      candidatesTokenCount: outputTokens,
      totalTokenCount: promptTokens + outputTokens,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptTokens }],
    },
    modelVersion: 'gemini-3.5-flash-lite',
    responseId: 'mXkiadyqF8OQ7dcP0Jf6sAs',
  })
  const text = `data: ${data}\r\n\r\n`
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

function piece(text: string): Piece {
  const marks = text.matchAll(new RegExp(chunkMark, 'g'))
  return { bytes: Buffer.from(text, 'latin1'), momentsAt: [...marks].map(({ index }) => index + 1) }
}
