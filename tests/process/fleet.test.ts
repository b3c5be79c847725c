import { expect, it } from 'vitest'
import { startServer, temporaryDirectory } from './server-process.ts'

it('calls the container by what Modal calls it', async () => {
  const environment = { MAYA_STORE_URL: 'memory:', MODAL_TASK_ID: 'ta-01JX' }
  const { url } = await startServer({ directory: temporaryDirectory(), environment })
  const text = await (await fetch(`${url}/metrics/fleet`)).text()
  expect(text).toMatch(/^maya_active_sessions\{container="ta-01JX-[0-9a-f]{8}"\} 0$/m)
  expect(text).toMatch(/^maya_fleet_containers 1$/m)
})
