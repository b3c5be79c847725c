// Run in a page before its own scripts: keeps what goes to the loudspeaker, and what is to be seen meanwhile.

/** The browser keeps so many samples for us: at least a second of them. */
const keptSamples = 32_768
const recordings = new Map()
// oxlint-disable-next-line typescript/unbound-method -- It is called with its node.
const { connect } = AudioNode.prototype
const seen = { words: [], mouths: [], states: [], textAtFirstSound: null, streams: [], tracks: [] }
let current
let gestureAt = 0

function createRecording(context) {
  const analyser = new AnalyserNode(context, { fftSize: keptSamples })
  const recording = { context, analyser, samples: [] }
  recordings.set(context, recording)
  return recording
}

/** Takes what is new. It is tried again until no sound was made between the look at the clock and at the samples. */
function take({ context, analyser, samples }) {
  const latest = new Float32Array(keptSamples)
  let from
  do {
    from = context.currentTime
    analyser.getFloatTimeDomainData(latest)
  } while (from !== context.currentTime)
  const end = Math.round(from * context.sampleRate)
  for (let place = Math.max(samples.length, end - keptSamples); place < end; place++) {
    samples[place] = latest[place - end + keptSamples]
  }
  if (seen.textAtFirstSound === null && latest.some((sample) => sample !== 0)) {
    seen.textAtFirstSound = document.querySelector('#messages').textContent
  }
}

setInterval(() => recordings.forEach(take), 100)

AudioNode.prototype.connect = function record(target, ...places) {
  // The microphone's worklet gives the loudspeaker nothing but silence.
  if (target instanceof AudioDestinationNode && !(this instanceof AudioWorkletNode)) {
    current = recordings.get(this.context) ?? createRecording(this.context)
    connect.call(this, current.analyser)
  }
  return connect.call(this, target, ...places)
}

// oxlint-disable-next-line typescript/unbound-method -- It is called with its devices.
const { getUserMedia } = MediaDevices.prototype
if (getUserMedia !== undefined) {
  MediaDevices.prototype.getUserMedia = async function keepTracks(constraints) {
    const stream = await getUserMedia.call(this, constraints)
    seen.tracks.push(...stream.getTracks())
    return stream
  }
}

const { fetch } = globalThis
globalThis.fetch = async function keepStreams(address, options) {
  const response = await fetch(address, options)
  if (typeof address === 'string' && address.includes('/chat/stream')) {
    // One that breaks off is the affair of the page.
    response
      .clone()
      .text()
      .then(
        (text) => seen.streams.push(text),
        () => {},
      )
  }
  return response
}

// When the page has dealt with it.
for (const gesture of ['input', 'click', 'keydown', 'submit']) {
  addEventListener(gesture, () => (gestureAt = now()))
}

function now() {
  return current?.context.currentTime ?? 0
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
    take(current)
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
  now,
  gestureAt: () => gestureAt,
  trackStates: () => seen.tracks.map(({ readyState }) => readyState),
}
