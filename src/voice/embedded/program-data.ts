/** Bytes that stand at a place of the memory when a program begins. */
export interface DataSegment {
  readonly place: number
  readonly bytes: Uint8Array
}

const headerBytes = 8
const dataSection = 11
const dataCountSection = 12
/** The instruction that a place begins with: `i32.const`. */
const constant = 0x41

/**
 * Takes the data out of a program of WebAssembly (core specification, section 5.5), so that it is there once: 17 of
 * Flite's 21 MB are the data of its voices, and a compiled module keeps a copy of everything that it was made of.
 */
export function splitProgram(program: Uint8Array): {
  readonly code: Uint8Array
  readonly segments: readonly DataSegment[]
} {
  const reader = new Reader(program)
  const code = [reader.bytes(headerBytes)]
  const segments: DataSegment[] = []
  while (!reader.isAtEnd) {
    const begin = reader.at
    const id = reader.number()
    const section = reader.bytes(reader.number())
    if (id === dataSection) segments.push(...segmentsOf(new Reader(section)))
    else if (id !== dataCountSection) code.push(program.subarray(begin, reader.at))
  }
  return { code: Buffer.concat(code), segments }
}

function segmentsOf(reader: Reader): readonly DataSegment[] {
  const count = reader.number()
  return Array.from({ length: count }, () => {
    const kind = reader.number()
    if (kind !== 0 || reader.number() !== constant)
      throw new TypeError('The data of the program has no fixed place.')
    const place = reader.number()
    reader.bytes(1)
    return { place, bytes: reader.bytes(reader.number()) }
  })
}

class Reader {
  at = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length
  }

  bytes(length: number): Uint8Array {
    const bytes = this.#bytes.subarray(this.at, this.at + length)
    if (bytes.length < length) throw new RangeError('The program is cut off.')
    this.at += length
    return bytes
  }

  /** Seven bits in a byte, the lowest first (LEB128). */
  number(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const [byte = 0] = this.bytes(1)
      value += (byte % 128) * factor
      if (byte < 128) return value
    }
  }
}
