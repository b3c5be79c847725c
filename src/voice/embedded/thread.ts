// What runs in the thread: it speaks one sentence for each message, in their order.
import { parentPort } from 'node:worker_threads'
import { Flite, type SentenceToSpeak } from './flite.ts'

const flite = await Flite.load()

/** Only the thread that `startSpeechThread` makes sends messages here. */
parentPort?.on('message', (sentence: SentenceToSpeak) => {
  // A failure ends the thread, and by that it is told.
  void flite.speak(sentence).then((spoken) => parentPort?.postMessage(spoken, [spoken.sound.buffer]))
})
