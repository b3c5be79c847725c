import { describe, expect, it } from 'vitest'
import { openMicrophone, type MicrophoneBrowser } from '../../web/src/voice/microphone.ts'

/** The browser's stream of one microphone. */
class FakeTrack extends EventTarget {
  isOn = true

  stop(): void {
    this.isOn = false
  }
}

function setup(overrides: { readonly refusal?: string; readonly captureFails?: boolean } = {}) {
  const track = new FakeTrack()
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Only its tracks are used.
  const stream = { getTracks: () => [track] } as unknown as MediaStream
  const told: string[] = []
  const asked: MediaStreamConstraints[] = []
  const devices = {
    getUserMedia(constraints: MediaStreamConstraints = {}) {
      asked.push(constraints)
      if (overrides.refusal !== undefined) {
        return Promise.reject(new DOMException('words of the browser', overrides.refusal))
      }
      return Promise.resolve(stream)
    },
  }
  const browser: MicrophoneBrowser = {
    devices,
    capture: () =>
      overrides.captureFails === true
        ? Promise.reject(new Error('no worklet'))
        : Promise.resolve({ close: () => told.push('closed') }),
  }
  const events = { onFrame: () => {}, onLost: () => told.push('lost') }
  return { browser, events, track, told, asked }
}

const never = new AbortController().signal

describe('the microphone', () => {
  it('is asked for without the echo of Maya', async () => {
    const { browser, events, asked } = setup()
    await openMicrophone(events, never, browser)
    expect(asked).toMatchObject([
      { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } },
    ])
  })

  it('lets everything go when it is closed', async () => {
    const { browser, events, track, told } = setup()
    const microphone = await openMicrophone(events, never, browser)
    expect(track.isOn).toBe(true)
    microphone.close()
    microphone.close()
    expect(track.isOn).toBe(false)
    expect(told).toEqual(['closed'])
  })

  it('tells when it was unplugged', async () => {
    const { browser, events, track, told } = setup()
    await openMicrophone(events, never, browser)
    track.dispatchEvent(new Event('ended'))
    expect(told).toEqual(['lost'])
  })

  it('is off again when nobody wants it any more by the time it was allowed', async () => {
    const { browser, events, track } = setup()
    const gone = AbortSignal.abort()
    await expect(openMicrophone(events, gone, browser)).rejects.toBe(gone.reason)
    expect(track.isOn).toBe(false)
  })

  it('is off again when nobody wants it any more by the time its sound was taken', async () => {
    const { browser, events, track, told } = setup()
    const leaving = new AbortController()
    const capture: MicrophoneBrowser['capture'] = (stream, onFrame) => {
      leaving.abort()
      return browser.capture(stream, onFrame)
    }
    const opening = openMicrophone(events, leaving.signal, { ...browser, capture })
    await expect(opening).rejects.toThrow('aborted')
    expect(track.isOn).toBe(false)
    expect(told).toEqual(['closed'])
  })

  it('is off again when its sound cannot be taken', async () => {
    const { browser, events, track } = setup({ captureFails: true })
    await expect(openMicrophone(events, never, browser)).rejects.toThrow('could not open the microphone')
    expect(track.isOn).toBe(false)
  })

  it.each([
    ['NotAllowedError', 'Maya may not use the microphone.'],
    ['NotFoundError', 'No microphone was found.'],
    ['NotReadableError', 'another program'],
    ['SomethingNewError', 'could not open the microphone'],
  ])('%s is told in a sentence', async (refusal, sentence) => {
    const { browser, events } = setup({ refusal })
    await expect(openMicrophone(events, never, browser)).rejects.toThrow(sentence)
  })

  it('is not there on a page that is not secure', async () => {
    const { browser, events } = setup()
    const insecure = { ...browser, devices: undefined }
    await expect(openMicrophone(events, never, insecure)).rejects.toThrow('secure page')
  })
})
