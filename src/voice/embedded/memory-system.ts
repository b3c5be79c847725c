import { splitProgram, type DataSegment } from './program-data.ts'

/** Bytes that one run may write in all. */
const writtenBytesMax = 16 * 1024 * 1024

const success = 0
const badDescriptor = 8
const notSeekable = 29
/** The file descriptors of the two streams, of the only folder, and of the first file in it. */
const output = 1
const errors = 2
const folder = 3
const firstFile = 4
/** Kinds of descriptors (`filetype` of WASI). */
const device = 2
const directory = 3
const regularFile = 4
const descriptorStateBytes = 24
const everyRight = 0xffff_ffff_ffff_ffffn

/** What a program of WASI has left behind. */
export interface ProgramResult {
  readonly exitCode: number
  /** What it has printed. */
  readonly output: string
  /** The file that it has written. */
  readonly file: Buffer
}

/**
 * A program made for WASI (preview 1), with a folder that exists only in memory. It knows the thirteen calls that
 * Flite makes: `node:wasi` would need a real folder, is experimental and says so on the console.
 *
 * Every run begins in the same state: the memory is set back, instead of made anew. New memories would be many times
 * as much, since JavaScript does not hurry to free them.
 */
export class MemoryProgram {
  readonly #module: WebAssembly.Module
  readonly #segments: readonly DataSegment[]
  #loaded: LoadedProgram | null = null

  private constructor(module: WebAssembly.Module, segments: readonly DataSegment[]) {
    this.#module = module
    this.#segments = segments
  }

  /** The bytes of the program are kept, and must not change. */
  static async compile(bytes: Uint8Array): Promise<MemoryProgram> {
    const { code, segments } = splitProgram(bytes)
    return new MemoryProgram(await WebAssembly.compile(code), segments)
  }

  async run(programArguments: readonly string[]): Promise<ProgramResult> {
    const { system, start } = (this.#loaded ??= await load(this.#module))
    // What fails in the middle leaves more behind than its memory.
    this.#loaded = null
    const memory = new Uint8Array(system.memory.buffer).fill(0)
    for (const { place, bytes } of this.#segments) memory.set(bytes, place)
    const result = system.run(programArguments, start)
    if (result.exitCode === 0) this.#loaded = { system, start }
    return result
  }
}

interface LoadedProgram {
  readonly system: MemorySystem
  readonly start: () => void
}

async function load(module: WebAssembly.Module): Promise<LoadedProgram> {
  const system = new MemorySystem()
  const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: system.calls })
  const { memory, _start: start } = instance.exports
  if (!(memory instanceof WebAssembly.Memory) || typeof start !== 'function') {
    throw new TypeError('This is no program of WASI.')
  }
  system.memory = memory
  return { system, start: () => void start() }
}

class ProgramExit extends Error {
  readonly code: number

  constructor(code: number) {
    super(`The program ended with ${code}.`)
    this.code = code
  }
}

/** What a program is told, and what it writes. */
class MemorySystem {
  memory = new WebAssembly.Memory({ initial: 0 })
  #arguments: readonly Buffer[] = []
  #written = new Map<number, Buffer[]>()
  #writtenBytes = 0
  #nextFile = firstFile

  run(programArguments: readonly string[], start: () => void): ProgramResult {
    this.#arguments = programArguments.map((text) => Buffer.from(`${text}\0`))
    this.#written = new Map([
      [output, []],
      [errors, []],
    ])
    this.#writtenBytes = 0
    this.#nextFile = firstFile
    const exitCode = codeOf(start)
    const file = Buffer.concat(this.#written.get(firstFile) ?? [])
    return { exitCode, output: Buffer.concat(this.#written.get(output) ?? []).toString(), file }
  }

  /** By the names and with the order of values that the standard has. Numbers are places in the memory. */
  readonly calls: WebAssembly.ModuleImports = {
    args_sizes_get: (count: number, bytes: number) => {
      this.#setNumber(count, this.#arguments.length)
      this.#setNumber(
        bytes,
        this.#arguments.reduce((sum, { length }) => sum + length, 0),
      )
      return success
    },
    args_get: (places: number, texts: number) => {
      let place = texts
      this.#arguments.forEach((text, index) => {
        this.#setNumber(places + index * 4, place)
        this.#bytes().set(text, place)
        place += text.length
      })
      return success
    },
    clock_time_get: (_clock: number, _precision: bigint, time: number) => {
      this.#view().setBigUint64(time, 0n, true)
      return success
    },
    fd_close: () => success,
    fd_fdstat_get: (descriptor: number, state: number) => {
      this.#bytes().fill(0, state, state + descriptorStateBytes)
      this.#view().setUint8(state, kindOf(descriptor))
      this.#view().setBigUint64(state + 8, everyRight, true)
      this.#view().setBigUint64(state + 16, everyRight, true)
      return success
    },
    fd_fdstat_set_flags: () => success,
    fd_prestat_get: (descriptor: number, state: number) => {
      if (descriptor !== folder) return badDescriptor
      this.#setNumber(state, 0)
      this.#setNumber(state + 4, 1)
      return success
    },
    fd_prestat_dir_name: (_descriptor: number, name: number) => {
      this.#bytes().set(Buffer.from('/'), name)
      return success
    },
    fd_read: (_descriptor: number, _buffers: number, ...[, read]: readonly number[]) => {
      this.#setNumber(read ?? 0, 0)
      return success
    },
    fd_seek: () => notSeekable,
    fd_write: (descriptor: number, buffers: number, ...[count = 0, written = 0]: readonly number[]) => {
      const parts = this.#written.get(descriptor)
      if (parts === undefined) return badDescriptor
      this.#setNumber(written, this.#write(parts, buffers, count))
      return success
    },
    /** Any name is a new file: it is the last value that tells where its descriptor goes. */
    path_open: (...values: readonly unknown[]) => {
      const descriptor = this.#nextFile++
      this.#written.set(descriptor, [])
      this.#setNumber(Number(values.at(-1)), descriptor)
      return success
    },
    proc_exit: (code: number) => {
      throw new ProgramExit(code)
    },
  }

  #write(parts: Buffer[], buffers: number, count: number): number {
    let bytes = 0
    for (let index = 0; index < count; index++) {
      const from = this.#view().getUint32(buffers + index * 8, true)
      const length = this.#view().getUint32(buffers + index * 8 + 4, true)
      parts.push(Buffer.from(this.#bytes().subarray(from, from + length)))
      bytes += length
    }
    this.#writtenBytes += bytes
    if (this.#writtenBytes > writtenBytesMax) throw new RangeError('The program writes without end.')
    return bytes
  }

  #setNumber(place: number, value: number): void {
    this.#view().setUint32(place, value, true)
  }

  /** Made anew each time: the memory moves when it grows. */
  #view(): DataView {
    return new DataView(this.memory.buffer)
  }

  #bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer)
  }
}

function codeOf(start: () => void): number {
  try {
    start()
    return 0
  } catch (error) {
    if (error instanceof ProgramExit) return error.code
    throw error
  }
}

function kindOf(descriptor: number): number {
  if (descriptor === folder) return directory
  return descriptor >= firstFile ? regularFile : device
}
