// Runs on the thread of the sound: takes what the microphone hears to frames as the server wants them.
import { FrameMaker } from './frame-maker.ts'

declare const sampleRate: number
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void

class MicrophoneProcessor extends AudioWorkletProcessor {
  readonly #frames = new FrameMaker(sampleRate, (frame) => this.port.postMessage(frame, [frame]))

  /** Called by the browser with every block of samples. */
  process(inputs: readonly (readonly Float32Array[])[]): boolean {
    const channels = inputs[0] ?? []
    if (channels.length > 0) this.#frames.push(channels)
    return true
  }
}

registerProcessor('microphone', MicrophoneProcessor)
