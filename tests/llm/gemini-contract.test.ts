import { setupGemini } from './gemini-upstream.ts'
import { describeModel } from './model.contract.ts'

for (const reading of ['direct', 'sdk'] as const) {
  describeModel(`gemini, reading ${reading}`, {
    capabilities: ['scripted', 'network', 'guest-key'],
    setup: ({ owner }) => setupGemini(reading, owner),
  })
}
