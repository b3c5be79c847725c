// Run in a page before its own scripts: keeps what goes to the loudspeaker, and what is to be seen meanwhile.

const workletPath = '/sound-recorder-worklet.js'
const recordings = new Map()
const { connect } = AudioNode.prototype
const seen = { words: [], mouths: [], states: [], wasTextOverAtFirstSound: undefined, tracks: [] }
let current
let gestureFrame = 0

async function createRecorder(context, recording) {
  await context.audioWorklet.addModule(workletPath)
  const recorder = new AudioWorkletNode(context, 'sound-recorder')
  recorder.port.addEventListener('message', ({ data }) => keep(recording, data))
  recorder.port.start()
  connect.call(recorder, context.destination)
  recording.recorder = recorder
  return recorder
}

function keep(recording, { frame, samples }) {
  for (const [place, sample] of samples.entries()) recording.samples[frame + place] = sample
  if (seen.wasTextOverAtFirstSound !== undefined || samples.every((sample) => sample === 0)) return
  seen.wasTextOverAtFirstSound = document.querySelector('.waiting') === null
}

function frameNow() {
  const { context } = current ?? {}
  return context === undefined ? 0 : Math.round(context.currentTime * context.sampleRate)
}

globalThis.AudioContext = class extends AudioContext {
  constructor(options) {
    super(options)
    const recording = { context: this, samples: [], recorder: null }
    recordings.set(this, recording)
    recording.whenReady = createRecorder(this, recording).catch(() => null)
  }
}

AudioNode.prototype.connect = function record(target, ...places) {
  const recording = recordings.get(this.context)
  // The microphone's worklet gives the loudspeaker nothing but silence.
  const isSound = target instanceof AudioDestinationNode && !(this instanceof AudioWorkletNode)
  if (isSound && recording !== undefined) {
    current = recording
    if (recording.recorder !== null) connect.call(this, recording.recorder)
    else recording.whenReady.then((recorder) => recorder && connect.call(this, recorder))
  }
  return connect.call(this, target, ...places)
}

const { getUserMedia } = MediaDevices.prototype
if (getUserMedia !== undefined) {
  MediaDevices.prototype.getUserMedia = async function keepTracks(constraints) {
    const stream = await getUserMedia.call(this, constraints)
    seen.tracks.push(...stream.getTracks())
    return stream
  }
}

// When the page has dealt with it.
for (const gesture of ['input', 'click', 'keydown', 'submit']) {
  addEventListener(gesture, () => (gestureFrame = frameNow()))
}

function look() {
  note(seen.words, document.querySelector('.caption-word.current')?.textContent)
  note(seen.mouths, document.querySelector('.portrait')?.getAttribute('data-mouth'))
  note(seen.states, document.querySelector('#state')?.textContent)
}

function note(list, value) {
  if (value !== undefined && value !== null && list.at(-1) !== value) list.push(value)
}

new MutationObserver(look).observe(document, {
  subtree: true,
  childList: true,
  attributes: true,
  characterData: true,
})

globalThis.sound = {
  seen,
  /** The loudest sample between two seconds of the context, and how many samples there are. */
  between(fromSeconds, toSeconds) {
    if (current === undefined) return { loudest: 0, seconds: 0 }
    const { sampleRate } = current.context
    const end = toSeconds === null ? undefined : Math.round(toSeconds * sampleRate)
    let count = 0
    let loudest = 0
    // What was not recorded is left out.
    current.samples.slice(Math.round(fromSeconds * sampleRate), end).forEach((sample) => {
      count++
      loudest = Math.max(loudest, Math.abs(sample))
    })
    return { loudest, seconds: count / sampleRate }
  },
  now: () => (current === undefined ? 0 : current.context.currentTime),
  gestureAt: () => (current === undefined ? 0 : gestureFrame / current.context.sampleRate),
  trackStates: () => seen.tracks.map(({ readyState }) => readyState),
}
