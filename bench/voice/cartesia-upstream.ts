// A server of ours that speaks Cartesia's protocol, in a process of its own: its work is not what is measured.
import { startCartesiaServer } from '../../tests/fakes/cartesia-server.ts'
import { answerQuestions } from '../harness/child.ts'

export type CartesiaUpstreamControls = typeof controls

const [soundDelayMs = '0'] = process.argv.slice(2)
const server = await startCartesiaServer({ soundDelayMs: Number(soundDelayMs) })

const controls = { url: () => server.baseUrl }
answerQuestions(controls, () => server.stop())
