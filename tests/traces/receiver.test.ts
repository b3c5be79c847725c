import { describe, expect, it } from 'vitest'
import { says } from '../fakes/scripted-model.ts'
import type { ReceiverMood } from '../fakes/otlp-receiver.ts'
import { quickLimits, tracedService } from './traced-service.ts'

const turnName = 'invoke_agent maya'

/** Lines that a service writes, each with its fields. */
function keptLines() {
  const lines: { readonly message: string; readonly fields: object }[] = []
  const write = (fields: object, message: string) => void lines.push({ message, fields })
  const logger = { debug: write, info: write, warn: write, error: write, fatal: write }
  return { logger, of: (message: string) => lines.filter((line) => line.message === message) }
}

/** A service whose receiver is not well, after two turns. */
async function setup(mood: ReceiverMood | 'gone', limits: Partial<typeof quickLimits> = {}) {
  const { logger, of } = keptLines()
  const { receiver, model, guest, service } = await tracedService({
    logger,
    // Shorter than the pause before a second try.
    limits: { ...quickLimits, traceExportMs: 700, traceFlushMs: 300, ...limits },
  })
  if (mood === 'gone') await receiver.stop()
  else receiver.mood = mood
  model.add(says('One.'), says('Two.'))
  const answers = [
    await guest.post('/chat', { user_input: 'Hello.' }),
    await guest.post('/chat', { user_input: 'Hello again.' }),
  ]
  return { receiver, model, guest, service, of, statuses: answers.map(({ statusCode }) => statusCode) }
}

/** Resolves when a line was written. */
async function written(of: (message: string) => readonly unknown[], message: string): Promise<void> {
  await expect.poll(() => of(message).length, { timeout: 10_000, interval: 10 }).toBeGreaterThan(0)
}

describe('a receiver that', () => {
  it.each<readonly [string, ReceiverMood | 'gone', unknown]>([
    ['is gone', 'gone', 'ECONNREFUSED'],
    ['says nothing', 'hang', 'timeout'],
    ['breaks the connection', 'cut', 'ECONNRESET'],
    ['fails', 500, 500],
    ['refuses', 401, 401],
    ['is overloaded', 503, 'unavailable'],
  ])('%s keeps no guest waiting, and the log says what was lost', async (_, mood, reason) => {
    const { statuses, of } = await setup(mood)
    expect(statuses).toEqual([200, 200])
    await written(of, 'spans lost')
    expect(of('spans lost')[0]?.fields).toEqual({ spans: expect.any(Number), reason })
  })

  it('is back gets the turns from then on', async () => {
    const { receiver, model, guest, of } = await setup(500)
    await written(of, 'spans lost')
    receiver.mood = 200
    const before = receiver.spans.length
    model.add(says('Three.'))
    await guest.post('/chat', { user_input: 'Once more.' })
    await receiver.until(turnName, receiver.spans.filter(({ name }) => name === turnName).length + 1)
    expect(receiver.spans.length).toBeGreaterThan(before)
  })

  it('takes nothing makes the service lose what is more than its bound, and say so', async () => {
    const { receiver, model, guest, of } = await setup('hang', { traceSpansQueuedMax: 4 })
    model.add(says('Three.'), says('Four.'))
    await guest.post('/chat', { user_input: 'Once more.' })
    await written(of, 'spans lost')
    receiver.mood = 200
    await guest.post('/chat', { user_input: 'And again.' })
    await written(of, 'tracing warned')
    expect(of('tracing warned')[0]?.fields).toEqual({
      detail: expect.stringMatching(/^Dropped \d+ spans because maxQueueSize reached$/),
    })
  })
})

describe('at its end the service', () => {
  it('sends what it has not sent yet', async () => {
    const { receiver, model, guest, service } = await tracedService({
      limits: { ...quickLimits, traceBatchMs: 60_000 },
    })
    model.add(says('Good evening.'))
    await guest.post('/chat', { user_input: 'Hello.' })
    expect(receiver.spans).toEqual([])
    await service.close(0)
    expect(receiver.spans.map(({ name }) => name)).toContain(turnName)
  })

  it.each<ReceiverMood | 'gone'>(['gone', 'hang', 'cut', 503])(
    'does not wait long for a receiver that is not well (%s), and says what was lost',
    async (mood) => {
      const { service, of } = await setup(mood, { traceBatchMs: 60_000, traceExportMs: 20_000 })
      const startedAt = performance.now()
      await service.close(0)
      expect(performance.now() - startedAt).toBeLessThan(2000)
      expect(of('spans lost').map(({ fields }) => fields)).toEqual([{ spans: 12, reason: 'timeout' }])
    },
  )

  it('says what was lost of a batch that was on its way before', async () => {
    const { service, receiver, of } = await setup('hang', { traceExportMs: 20_000 })
    await expect.poll(() => receiver.requests.length).toBeGreaterThan(0)
    await service.close(0)
    const lost = of('spans lost').map(({ fields }) => ('spans' in fields ? Number(fields.spans) : 0))
    expect(lost.reduce((sum, spans) => sum + spans, 0)).toBe(12)
  })
})
