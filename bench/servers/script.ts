import { setImmediate, setTimeout } from 'node:timers/promises'

/** What a guest's message asks the model to answer, so that one server can be measured with every kind of answer. */
export interface Script {
  /** Text chunks of the answer; with 0 the model says nothing and does not end. */
  readonly chunks: number
  /** Between two chunks: nothing, a turn of the event loop, or milliseconds. */
  readonly pause: 'none' | 'tick' | number
  /** Whether the model calls a tool first, which puts a drink on the tab; default false. */
  readonly isOrder?: boolean
}

const orderMark = 'order'

export function messageOf({ chunks, pause, isOrder = false }: Script): string {
  return `${chunks} ${pause}${isOrder ? ` ${orderMark}` : ''}`
}

export function scriptOf(message: string): Script {
  const [chunks, pause, order] = message.split(' ')
  return {
    chunks: Number(chunks),
    pause: pause === 'none' || pause === 'tick' ? pause : Number(pause),
    isOrder: order === orderMark,
  }
}

/** Resolves when the next chunk is due. Not to be called where there is no pause. */
export function pauseOf(pause: 'tick' | number): Promise<unknown> {
  return pause === 'tick' ? setImmediate() : setTimeout(pause)
}

/** The text of one chunk: some words, as many as a provider sends at once. */
export const chunkText = 'and some ice on the side, '
