/** The samples of base64 of `pcm_s16le`; none where it is not base64. */
export function decodePcm(base64: string): Int16Array {
  const characters = decoded(base64)
  const samples = new Int16Array(characters.length >> 1)
  for (let place = 0; place < samples.length; place++) {
    samples[place] = characters.charCodeAt(2 * place) | (characters.charCodeAt(2 * place + 1) << 8)
  }
  return samples
}

/** A character for each byte. */
function decoded(base64: string): string {
  try {
    return atob(base64)
  } catch {
    return ''
  }
}

/** Writes the samples as Web Audio has them, from -1 to 1. */
export function writeSamples(samples: Int16Array, target: Float32Array): void {
  for (let place = 0; place < samples.length; place++) target[place] = (samples[place] ?? 0) / 0x8000
}

/** One block of samples from -1 to 1 as `pcm_s16le`. */
export function encodePcm(samples: Float32Array): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(samples.length * 2))
  for (const [place, sample] of samples.entries()) {
    const bounded = Math.max(-1, Math.min(1, sample))
    view.setInt16(place * 2, Math.round(bounded * 0x7fff), true)
  }
  return view.buffer
}
