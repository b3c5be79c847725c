// A server whose process kills itself around one append, to be started again without. It calls two tools at once,
// answers from what the messages say, and so goes on after the crash as it would have without.
import { createService } from '../../src/service.ts'
import { systemClock } from '../../src/clock.ts'
import type { Model, ModelRequest } from '../../src/llm/model.ts'
import type { Append, Store } from '../../src/log/store.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { finish } from '../fakes/scripted-model.ts'
import { facts, settingsOf } from '../fakes/test-settings.ts'

const { DIE_BEFORE_APPEND, DIE_AFTER_APPEND } = process.env

const model: Model = {
  name: 'scripted',
  isGeneral: true,
  async *stream({ messages }: ModelRequest) {
    if (messages.at(-1)?.role === 'user') {
      yield { type: 'text-delta', text: 'One moment. ' }
      yield call('martini', 'Martini', 2)
      yield call('beer', 'IPA', 1)
    } else yield { type: 'text-delta', text: 'Here you are.' }
    yield finish
  },
}

function call(callId: string, itemName: string, quantity: number) {
  const args = { item_name: itemName, quantity }
  return { type: 'tool-call', call: { callId, name: 'add_to_order', arguments: args } } as const
}

function dyingStore(store: Store): Store {
  const append: Store['append'] = store.append.bind(store)
  let appends = 0
  return Object.assign(store, {
    async append(entry: Append) {
      appends++
      if (String(appends) === DIE_BEFORE_APPEND) process.kill(process.pid, 'SIGKILL')
      const result = await append(entry)
      if (String(appends) === DIE_AFTER_APPEND) process.kill(process.pid, 'SIGKILL')
      return result
    },
  })
}

const store = dyingStore(await openSqliteStore({ path: 'data/maya.db', clock: systemClock }))
const settings = settingsOf({ MAYA_STORE_URL: 'sqlite:data/maya.db' })
const { app } = await createService({ settings, facts, model, store })
const url = await app.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(`Maya is at ${url}\n`)
