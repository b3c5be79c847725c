import { describe, expect, it } from 'vitest'
import { Outbox, type OutgoingMessage } from '../../web/src/state/outbox.ts'
import { createSettings, readSettings } from '../../web/src/state/settings.ts'
import { createShelf } from '../../web/src/state/shelf.ts'
import { FakeStorage } from './fake-browser.ts'

function message(key: string): OutgoingMessage {
  return { key, body: { user_input: `words of ${key}` }, turnId: null, failure: null }
}

function openOutbox(storage: FakeStorage, session = 'tonight'): Outbox {
  const outbox = new Outbox(createShelf(() => storage))
  outbox.open(session)
  return outbox
}

const keysOf = ({ messages }: Outbox): readonly string[] => messages.map(({ key }) => key)

describe('the outbox', () => {
  it('gives messages in the order in which they came, also after a reload', () => {
    const storage = new FakeStorage()
    const outbox = openOutbox(storage)
    for (const key of ['a', 'b', 'c']) outbox.add(message(key))
    outbox.change('a', { turnId: 'turn-1' })
    const reloaded = openOutbox(storage)
    expect(keysOf(reloaded)).toEqual(['a', 'b', 'c'])
    expect(reloaded.next).toEqual({ ...message('a'), turnId: 'turn-1' })
    reloaded.remove('a')
    expect(openOutbox(storage).next).toEqual(message('b'))
  })

  it('puts what is said before the session is known after what was left of it', () => {
    const storage = new FakeStorage()
    openOutbox(storage).add(message('a'))
    const outbox = new Outbox(createShelf(() => storage))
    outbox.add(message('b'))
    outbox.open('tonight')
    expect(keysOf(outbox)).toEqual(['a', 'b'])
    expect(keysOf(openOutbox(storage))).toEqual(['a', 'b'])
  })

  it('has nothing for another session', () => {
    const storage = new FakeStorage()
    openOutbox(storage).add(message('a'))
    expect(keysOf(openOutbox(storage, 'tomorrow'))).toEqual([])
  })

  it('keeps a message that failed until the guest goes on, and asks the others meanwhile', () => {
    const outbox = openOutbox(new FakeStorage())
    outbox.add(message('a'))
    outbox.add(message('b'))
    outbox.change('a', { failure: 'It took too long.' })
    expect(outbox.next?.key).toBe('b')
    outbox.dropFailed()
    expect(keysOf(outbox)).toEqual(['b'])
  })

  it('leaves nothing behind when it is empty', () => {
    const storage = new FakeStorage()
    const outbox = openOutbox(storage)
    outbox.add(message('a'))
    expect(outbox.empty()).toEqual([message('a')])
    expect(storage.length).toBe(0)
  })

  it.each(['nonsense', '{}', '{"session":"tonight","value":{}}', '{"session":"tonight","value":[1]}'])(
    'takes %s from another version of the page for nothing',
    (kept) => {
      const storage = new FakeStorage()
      storage.setItem('maya-outbox', kept)
      expect(keysOf(openOutbox(storage))).toEqual([])
    },
  )

  it('works without a storage', () => {
    const shelf = createShelf(() => {
      throw new DOMException('Forbidden', 'SecurityError')
    })
    const outbox = new Outbox(shelf)
    outbox.open('tonight')
    outbox.add(message('a'))
    expect(outbox.next).toEqual(message('a'))
    expect(shelf.read('maya-outbox')).toBeDefined()
    outbox.remove('a')
    expect(shelf.read('maya-outbox')).toBeUndefined()
  })
})

describe('the settings', () => {
  it('are kept in the browser', () => {
    const shelf = createShelf(() => storage)
    const storage = new FakeStorage()
    const { change } = createSettings(shelf)
    expect(storage.length).toBe(0)
    change({ theme: 'dark', speed: 1.3 })
    expect(createSettings(shelf).settings.value).toMatchObject({ theme: 'dark', speed: 1.3, voice: true })
  })

  it('are as at first where what is kept makes no sense', () => {
    const storage = new FakeStorage()
    const shelf = createShelf(() => storage)
    const first = readSettings(shelf)
    storage.setItem('maya-settings', '{"voice":"yes","speed":9,"theme":"pink","voiceId":7,"captions":0}')
    expect(readSettings(shelf)).toEqual(first)
    storage.setItem('maya-settings', 'null')
    expect(readSettings(shelf)).toEqual(first)
  })

  it('can be changed where nothing can be kept', () => {
    const storage = new FakeStorage()
    storage.isForbidden = true
    const { settings, change } = createSettings(createShelf(() => storage))
    change({ voice: false })
    expect(settings.value.voice).toBe(false)
  })
})
