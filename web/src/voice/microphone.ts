// oxlint-disable-next-line import/default -- Vite puts the address of the built module here.
import workletUrl from './microphone-worklet.ts?worker&url'

/** An open microphone: its light is on until it is closed. */
export interface Microphone {
  /** May be called more than once. */
  close(): void
}

export interface MicrophoneEvents {
  /** 40 ms of `pcm_s16le`, one channel, 16 kHz. */
  onFrame(frame: ArrayBuffer): void
  /** It was unplugged, or its permission was taken back. */
  onLost(): void
}

/** What a microphone needs of the browser. */
export interface MicrophoneBrowser {
  /** Undefined on a page that is not secure. */
  readonly devices: Pick<MediaDevices, 'getUserMedia'> | undefined
  capture(stream: MediaStream, onFrame: (frame: ArrayBuffer) => void): Promise<Microphone>
}

/** Why there is no microphone, in a sentence for the guest. */
export class MicrophoneError extends Error {
  override readonly name = 'MicrophoneError'
}

const ownBrowser: MicrophoneBrowser = {
  get devices() {
    return globalThis.isSecureContext ? navigator.mediaDevices : undefined
  },
  capture,
}

const constraints: MediaStreamConstraints = {
  audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
}

/** Opens the microphone, after asking the guest where that is new. Throws a `MicrophoneError`, or the signal's reason. */
export async function openMicrophone(
  events: MicrophoneEvents,
  signal: AbortSignal,
  browser: MicrophoneBrowser = ownBrowser,
): Promise<Microphone> {
  const stream = await openStream(browser)
  const release = (): void => stream.getTracks().forEach((track) => track.stop())
  try {
    signal.throwIfAborted()
    const captured = await browser.capture(stream, (frame) => events.onFrame(frame))
    let isOpen = true
    const microphone = {
      close() {
        release()
        if (isOpen) captured.close()
        isOpen = false
      },
    }
    if (signal.aborted) microphone.close()
    signal.throwIfAborted()
    for (const track of stream.getTracks()) track.addEventListener('ended', () => events.onLost())
    return microphone
  } catch (error) {
    release()
    if (signal.aborted) throw signal.reason
    throw new MicrophoneError('This browser could not open the microphone.', { cause: error })
  }
}

async function openStream({ devices }: MicrophoneBrowser): Promise<MediaStream> {
  if (devices === undefined) {
    throw new MicrophoneError('The microphone works only on a secure page (https).')
  }
  try {
    return await devices.getUserMedia(constraints)
  } catch (error) {
    throw new MicrophoneError(refusal(error instanceof Error ? error.name : ''), { cause: error })
  }
}

function refusal(name: string): string {
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'Maya may not use the microphone. Allow it for this page in the browser, then try again.'
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No microphone was found.'
    case 'NotReadableError':
    case 'AbortError':
      return 'The microphone does not answer. Perhaps another program is using it.'
    default:
      return 'This browser could not open the microphone.'
  }
}

/** Takes the stream through the worklet, which gives the frames. */
async function capture(stream: MediaStream, onFrame: (frame: ArrayBuffer) => void): Promise<Microphone> {
  const context = new AudioContext()
  try {
    await context.audioWorklet.addModule(workletUrl)
    const worklet = new AudioWorkletNode(context, 'microphone')
    worklet.port.addEventListener('message', (event: MessageEvent<ArrayBuffer>) => onFrame(event.data))
    worklet.port.start()
    // It gives out silence: only what leads to the loudspeaker is kept running everywhere.
    context.createMediaStreamSource(stream).connect(worklet).connect(context.destination)
    await context.resume()
    return {
      close() {
        worklet.port.close()
        void context.close()
      },
    }
  } catch (error) {
    void context.close()
    throw error
  }
}
