import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { limits } from '../../src/config/limits.ts'
import { createCartesia } from '../../src/voice/providers/cartesia.ts'
import { tone } from '../fakes/cartesia-context.ts'
import { startCartesiaServer } from '../fakes/cartesia-server.ts'
import { speechToTextContract } from './speech-to-text.contract.ts'
import { textToSpeechContract } from './text-to-speech.contract.ts'

async function setup() {
  const server = await startCartesiaServer()
  const cartesia = createCartesia({
    key: 'sk_car_Canary',
    baseUrl: server.baseUrl,
    model: 'sonic-3',
    voice: 'voice-of-maya',
    listeningModel: 'ink-2',
    concurrency: 2,
    clock: systemClock,
    limits,
  })
  server.onSpeech = (context, message) => {
    // A voice that there is not is refused, as by the real one.
    if (message.voice?.id.startsWith('voice-of-') === false) context.fail(404, 'voice_not_found')
    else context.play(message)
  }
  onTestFinished(async () => {
    await cartesia.close()
    await server.until(() => server.openSockets === 0)
    await server.stop()
  })
  return { server, cartesia }
}

textToSpeechContract('Cartesia', async () => {
  const { cartesia } = await setup()
  return { voice: cartesia.textToSpeech }
})

speechToTextContract('Cartesia', async () => {
  const { server, cartesia } = await setup()
  return {
    ear: cartesia.speechToText,
    say(text) {
      server.hears(text)
      // A beginning, the words, and the silence after them, a tenth of a second each.
      return Array.from({ length: text.split(' ').length + 2 }, () => tone(100, 16_000))
    },
    idle: () => server.until(() => server.openSockets === 0),
  }
})
