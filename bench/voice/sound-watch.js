// Run in the page before its own scripts: watches the samples at the destination, and the keys that are pressed.
const keptSeconds = 10

/** The audio context that is watched: the newest, and which of its blocks held any sound. */
let watched = null
let pressed = null

async function watch(from) {
  const { context } = from
  const mine = { context, recorder: null, blocks: [] }
  watched = mine
  await context.audioWorklet.addModule('/bench-recorder.js')
  const recorder = new AudioWorkletNode(context, 'recorder')
  recorder.port.addEventListener('message', ({ data: block }) => {
    mine.blocks.push(block)
    if (mine.blocks.length * block.length > keptSeconds * context.sampleRate) mine.blocks.shift()
  })
  recorder.port.start()
  connect.call(recorder, context.destination)
  connect.call(from, recorder)
  mine.recorder = recorder
}

/** What a speech is played through goes to the recorder, too. The first one of a context begins before it is there. */
// oxlint-disable-next-line typescript/unbound-method -- It is called with its node.
const { connect } = AudioNode.prototype
AudioNode.prototype.connect = function (target, ...rest) {
  if (this instanceof GainNode && target instanceof AudioDestinationNode) {
    if (watched?.context !== this.context) void watch(this)
    else if (watched.recorder !== null) connect.call(this, watched.recorder)
  }
  return connect.call(this, target, ...rest)
}

function onKeyDown({ timeStamp }) {
  if (watched === null) return
  const { context } = watched
  const handledMs = performance.now() - timeStamp
  const atFrame = (context.currentTime - handledMs / 1000) * context.sampleRate
  pressed = { atMs: timeStamp, atFrame, handledMs }
}
addEventListener('keydown', onKeyDown, { capture: true })

globalThis.soundWatch = {
  /** Whether there was sound in the newest blocks. */
  isSounding: () => watched?.blocks.slice(-3).some(({ soundUntil }) => soundUntil !== null) ?? false,

  /**
   * Milliseconds from the newest key to the last sample that is not zero, at the destination and at the loudspeaker;
   * null as long as what came afterwards is not recorded. `wasSounding`: the key was not pressed between two words.
   */
  silence() {
    if (pressed === null || watched === null) return null
    const { context, blocks } = watched
    const { sampleRate } = context
    const { atMs, atFrame, handledMs } = pressed
    const newest = blocks.at(-1)?.frame ?? 0
    if (newest < atFrame + 0.5 * sampleRate) return null
    const sounding = blocks.filter(({ soundUntil }) => soundUntil !== null)
    const lastFrame = sounding.at(-1)?.soundUntil ?? 0
    const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp()
    const audibleMs = performanceTime + (lastFrame / sampleRate - contextTime) * 1000
    return {
      handledMs,
      destinationMs: ((lastFrame - atFrame) / sampleRate) * 1000,
      loudspeakerMs: audibleMs - atMs,
      wasSounding: sounding.some(({ frame, length }) => frame <= atFrame && frame + 2 * length >= atFrame),
    }
  },
}
