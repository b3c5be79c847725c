// Run in the page's audio thread: tells of every block that comes by, and up to where there is sound in it.
class Recorder extends AudioWorkletProcessor {
  process([[samples = new Float32Array(128)] = []]) {
    const last = samples.findLastIndex((sample) => sample !== 0)
    const soundUntil = last < 0 ? null : currentFrame + last + 1
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A port has none.
    this.port.postMessage({ frame: currentFrame, length: samples.length, soundUntil })
    return true
  }
}

registerProcessor('recorder', Recorder)
