/** What the bench's model says, chunk by chunk. Each chunk says which one it is and when it was sent. */

/** The rest of every chunk: some words, as many as a provider sends at once. */
export const chunkWords = ' and some ice on the side, '

/** Stands between the number of a chunk and its moment; nowhere else in what a server writes around it. */
export const chunkMark = '#'
export const placeDigits = 2
export const momentDigits = 10

const momentsMax = 10 ** momentDigits

export function chunkText(place: number, moment: string): string {
  return `${String(place).padStart(placeDigits, '0')}${chunkMark}${moment}${chunkWords}`
}

/** This moment in microseconds, by the clock that all processes of one machine share. */
export function momentNow(): string {
  return String(nowUs()).padStart(momentDigits, '0')
}

/** How long ago that moment was, in ms. */
export function msSince(moment: string): number {
  return ((nowUs() - Number(moment) + momentsMax) % momentsMax) / 1000
}

function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return (seconds * 1e6 + Math.round(nanoseconds / 1000)) % momentsMax
}
