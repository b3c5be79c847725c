import { describe, expect, it } from 'vitest'
import type { Board, BoardBounds } from '../../src/log/board.ts'

export interface BoardUnderTest {
  readonly board: Board
  /** Lets time pass by the board's own clock. */
  readonly advance: (durationMs: number) => Promise<void>
}

const lifeMs = 400
const bounds: BoardBounds = { containersMax: 3, textBytesMax: 64 }

/** The promises that every Board keeps, run once for each implementation. */
export function boardContract(name: string, create: (bounds: BoardBounds) => Promise<BoardUnderTest>): void {
  async function setup() {
    const { board, advance } = await create(bounds)
    const post = (container: string, text = container) => board.post(container, text, lifeMs)
    const shown = async () => Object.fromEntries(await board.all())
    return { board, advance, post, shown }
  }

  describe(`${name}: what is shown`, () => {
    it('is nothing at first', async () => {
      const { shown } = await setup()
      expect(await shown()).toEqual({})
    })

    it('is the newest text of every container, exactly as it was posted', async () => {
      const { post, shown } = await setup()
      expect(await post('a', 'old')).toEqual({ ok: true })
      expect(await post('b', 'line\r\nline\u2028 \0"\\ ü 🍸')).toEqual({ ok: true })
      expect(await post('a', 'new')).toEqual({ ok: true })
      expect(await post('c', '')).toEqual({ ok: true })
      expect(await shown()).toEqual({ a: 'new', b: 'line\r\nline\u2028 \0"\\ ü 🍸', c: '' })
    })

    it('ends with its life, each text by itself', async () => {
      const { board, post, shown, advance } = await setup()
      await board.post('a', 'a', 2 * lifeMs)
      await post('b')
      await advance(lifeMs + 50)
      expect(await shown()).toEqual({ a: 'a' })
      await advance(lifeMs)
      expect(await shown()).toEqual({})
    })

    it('lives on when it is posted again', async () => {
      const { post, shown, advance } = await setup()
      await post('a', 'one')
      await advance(lifeMs / 2)
      await post('a', 'two')
      await advance(lifeMs / 2 + 50)
      expect(await shown()).toEqual({ a: 'two' })
    })

    it('goes when it is removed, and may come back', async () => {
      const { board, post, shown } = await setup()
      await post('a')
      await post('b')
      await board.remove('a')
      await board.remove('a')
      await board.remove('never there')
      expect(await shown()).toEqual({ b: 'b' })
      await post('a')
      expect(await shown()).toEqual({ a: 'a', b: 'b' })
    })
  })

  describe(`${name}: bounds`, () => {
    it('refuse a text that is too large in UTF-8, and what was there stays', async () => {
      const { post, shown } = await setup()
      await post('a', 'ü'.repeat(32))
      expect(await post('a', 'ü'.repeat(33))).toEqual({ ok: false, reason: 'too-large' })
      expect(await post('b', 'x'.repeat(65))).toEqual({ ok: false, reason: 'too-large' })
      expect(await shown()).toEqual({ a: 'ü'.repeat(32) })
    })

    it('refuse one container too many, but never a new text of those that are there', async () => {
      const { post, shown } = await setup()
      for (const container of ['a', 'b', 'c']) await post(container)
      expect(await post('d')).toEqual({ ok: false, reason: 'too-many' })
      expect(await post('b', 'new')).toEqual({ ok: true })
      expect(await shown()).toEqual({ a: 'a', b: 'new', c: 'c' })
    })

    it('leave room where one was removed or has ended', async () => {
      const { board, post, shown, advance } = await setup()
      for (const container of ['a', 'b']) await board.post(container, container, 4 * lifeMs)
      await post('c')
      await board.remove('a')
      expect(await post('d')).toEqual({ ok: true })
      expect(await post('e')).toEqual({ ok: false, reason: 'too-many' })
      await advance(lifeMs + 50)
      expect(await post('e')).toEqual({ ok: true })
      expect(await shown()).toEqual({ b: 'b', e: 'e' })
    })
  })
}
