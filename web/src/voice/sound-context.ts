/** The little of Web Audio that a speech needs; the browser's own `AudioContext` is one. */
export interface SoundContext {
  /** `suspended`, `running`, `closed`, or `interrupted` by a phone call. */
  readonly state: string
  readonly currentTime: number
  readonly sampleRate: number
  readonly baseLatency?: number
  readonly outputLatency?: number
  readonly destination: SoundNode
  createBuffer(channels: number, length: number, sampleRate: number): SoundBuffer
  createBufferSource(): SoundSource
  createGain(): SoundGain
  getOutputTimestamp?(): { readonly contextTime?: number; readonly performanceTime?: number }
  resume(): Promise<void>
  close(): Promise<void>
  addEventListener(type: 'statechange', listener: () => void): void
}

export interface SoundNode {
  connect(destination: SoundNode): unknown
  disconnect(): void
}

export interface SoundBuffer {
  getChannelData(channel: number): Float32Array
}

export interface SoundSource extends SoundNode {
  buffer: SoundBuffer | null
  start(when: number): void
  stop(when: number): void
  addEventListener(type: 'ended', listener: () => void): void
}

export interface SoundGain extends SoundNode {
  readonly gain: {
    setValueAtTime(value: number, time: number): unknown
    linearRampToValueAtTime(value: number, time: number): unknown
  }
}

/**
 * The time, on the context's clock, of what the guest hears at this moment: behind `currentTime` by the way to the
 * loudspeaker. Not every browser knows that way, and some tell nonsense at the beginning.
 */
export function audibleTime(context: SoundContext, nowMs: number): number {
  const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp?.() ?? {}
  const measured = contextTime + (nowMs - performanceTime) / 1000
  const delay = context.currentTime - measured
  if (contextTime > 0 && delay >= 0 && delay < 1) return measured
  return context.currentTime - (context.outputLatency ?? context.baseLatency ?? 0)
}
