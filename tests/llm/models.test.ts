import { describe, expect, it } from 'vitest'
import type { ClosableModel } from '../../src/llm/model.ts'
import { Models } from '../../src/llm/models.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { done, Hearing, outage, PlayedModel, text, type Step } from '../fakes/played-model.ts'

class ClosablePlayed extends PlayedModel implements ClosableModel {
  closings = 0

  get isClosed(): boolean {
    return this.closings > 0
  }

  async close(): Promise<void> {
    this.closings++
  }
}

const answer = [text('Hello.'), done]

function setup(...steps: readonly Step[]) {
  const clock = new FakeClock()
  const own = new ClosablePlayed(clock, [answer], { name: 'own' })
  const made: { readonly key: string; readonly model: ClosablePlayed }[] = []
  const defects: unknown[] = []
  const models = new Models({
    own,
    createForKey(key) {
      const model = new ClosablePlayed(clock, [steps.length > 0 ? steps : answer], { name: 'gemini' })
      made.push({ key, model })
      return model
    },
    guestModelsMax: 2,
    reportDefect: (error) => defects.push(error),
  })
  return { models, made, own, clock, defects }
}

const unavailable = { code: 'MODEL_UNAVAILABLE', retryable: true }

describe('models by key', () => {
  it('give the own model to whoever brings no key', async () => {
    const { models, own, made } = setup()
    const lease = models.lease(null)
    expect(lease.model).toBe(own)
    lease.release()
    await settle()
    expect([made, own.isClosed]).toEqual([[], false])
  })

  it('share one model for the same key, and close it with the last lease', async () => {
    const { models, made } = setup()
    const [one, two, other] = [models.lease('key-a'), models.lease('key-a'), models.lease('key-b')]
    expect(made.map(({ key }) => key)).toEqual(['key-a', 'key-b'])
    const hearing = new Hearing(two.model)
    await hearing.whenOver
    expect(hearing.events).toEqual(answer)
    expect(two.model).toMatchObject({ name: 'gemini', isGeneral: true })
    one.release()
    await settle()
    expect(made.map(({ model }) => model.isClosed)).toEqual([false, false])
    two.release()
    await settle()
    expect(made.map(({ model }) => model.isClosed)).toEqual([true, false])
    other.release()
    await settle()
    expect(models.guestModelCount).toBe(0)
  })

  it('make a new model for a key that comes back', async () => {
    const { models, made } = setup()
    models.lease('key-a').release()
    models.lease('key-a')
    await settle()
    expect(made.map(({ model }) => model.isClosed)).toEqual([true, false])
  })

  it('do not mind a second release', async () => {
    const { models, made } = setup()
    const lease = models.lease('key-a')
    models.lease('key-a')
    lease.release()
    lease.release()
    await settle()
    expect(made[0]?.model.isClosed).toBe(false)
  })

  it.each<readonly [string, readonly Step[]]>([
    ['finishes', [text('He'), { waitMs: 100 }, text('llo.'), done]],
    ['fails', [text('He'), { waitMs: 100 }, outage()]],
    ['is cut off', [text('He'), { waitMs: 100 }]],
  ])('keep a model open until its stream %s', async (_how, steps) => {
    const { models, made, clock } = setup(...steps)
    const lease = models.lease('key-a')
    const hearing = new Hearing(lease.model)
    await settle()
    lease.release()
    await settle()
    expect(made[0]?.model.isClosed).toBe(false)
    await clock.advanceAsync(100)
    expect([hearing.isOver, made[0]?.model.isClosed]).toEqual([true, true])
  })

  it('keep a model open until its stream is stopped, and for whoever leases it meanwhile', async () => {
    const { models, made } = setup('hang')
    const lease = models.lease('key-a')
    const hearing = new Hearing(lease.model)
    await settle()
    lease.release()
    const later = models.lease('key-a')
    hearing.stop.abort('stopped')
    await hearing.whenOver
    await settle()
    expect(made.map(({ model }) => model.isClosed)).toEqual([false])
    later.release()
    await settle()
    expect(made.map(({ model }) => model.isClosed)).toEqual([true])
  })

  it('answer nothing for a released lease', async () => {
    const { models, made } = setup()
    const lease = models.lease('key-a')
    lease.release()
    const hearing = new Hearing(lease.model)
    await hearing.whenOver
    expect(hearing.error).toMatchObject(unavailable)
    expect(made[0]?.model.asked).toBe(0)
  })

  it('refuse one key too many until another is given back', async () => {
    const { models } = setup()
    const first = models.lease('key-a')
    models.lease('key-b')
    expect(() => models.lease('key-c')).toThrow(expect.objectContaining(unavailable))
    models.lease('key-b')
    models.lease(null)
    first.release()
    await settle()
    models.lease('key-c')
    expect(models.guestModelCount).toBe(2)
  })

  it('close everything, after what still runs', async () => {
    const { models, made, own, clock } = setup(text('He'), { waitMs: 100 }, text('llo.'), done)
    const lease = models.lease('key-a')
    models.lease('key-b')
    const hearing = new Hearing(lease.model)
    await settle()
    const closed = models.close()
    await settle()
    expect(made.map(({ model }) => model.isClosed)).toEqual([false, true])
    expect(own.isClosed).toBe(false)
    await clock.advanceAsync(100)
    await closed
    expect(hearing.text).toBe('Hello.')
    expect([made[0]?.model.isClosed, own.isClosed, models.guestModelCount]).toEqual([true, true, 0])
    expect(() => models.lease('key-a')).toThrow(expect.objectContaining(unavailable))
    const late = new Hearing(lease.model)
    await late.whenOver
    expect(late.error).toMatchObject(unavailable)
    lease.release()
    expect(made[0]?.model.closings).toBe(1)
  })

  it('report a model that cannot be closed and count it no more', async () => {
    const { models, made, defects } = setup()
    const lease = models.lease('key-a')
    const failure = new Error('stuck')
    const model = made[0]?.model
    if (model !== undefined) model.close = () => Promise.reject(failure)
    lease.release()
    await settle()
    expect([defects, models.guestModelCount]).toEqual([[failure], 0])
    await models.close()
  })
})
