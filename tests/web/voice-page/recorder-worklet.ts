// Hands every block of samples that comes by to the page.
declare const currentFrame: number
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void

class Recorder extends AudioWorkletProcessor {
  process(inputs: readonly (readonly Float32Array[])[]): boolean {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A port has none.
    this.port.postMessage({ frame: currentFrame, samples: inputs[0]?.[0] ?? new Float32Array(128) })
    return true
  }
}

registerProcessor('recorder', Recorder)
