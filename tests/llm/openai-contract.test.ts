import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createOpenAiModel } from '../../src/llm/providers/openai.ts'
import { OpenAiServer } from '../fakes/openai-server.ts'
import { describeModel, secretKey } from './model.contract.ts'
import { OpenAiUpstream } from './openai-upstream.ts'

describeModel('an OpenAI-compatible model', {
  capabilities: ['scripted', 'network'],
  async setup() {
    const server = await OpenAiServer.start()
    const model = createOpenAiModel({
      baseUrl: server.baseUrl,
      key: secretKey,
      headers: {},
      model: 'test-model',
      temperature: null,
      outputTokensMax: 2048,
      clock: systemClock,
      limits: { modelReplyBytesMax: 1024 * 1024, modelEventBytesMax: 64 * 1024, modelFinishMs: 1000 },
    })
    onTestFinished(async () => {
      await model.close()
      await server.stop()
    })
    return { model, upstream: new OpenAiUpstream(server) }
  },
})
