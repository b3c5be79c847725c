import type { TurnTimes } from './asked-turn.ts'

/** Counts what a load does and meets. */
export class LoadTally {
  readonly #turns: TurnTimes[] = []
  readonly #turnFailures = new Map<string, number>()
  readonly #otherFailures = new Map<string, number>()
  readonly #refusals = new Map<string, number>()
  #sent = 0
  #stopped = 0
  #visits = 0
  #payments = 0
  #inside = 0
  #insideMax = 0
  readonly #turnedAway = new Set<number>()
  readonly #admitted = new Set<number>()

  get turns(): readonly TurnTimes[] {
    return this.#turns
  }

  /** Failures of turns by code. */
  get turnFailures(): ReadonlyMap<string, number> {
    return this.#turnFailures
  }

  /** Of everything else: tips, payments, coming and leaving. */
  get otherFailures(): ReadonlyMap<string, number> {
    return this.#otherFailures
  }

  /** Messages and sessions that were refused, by code. Each is asked for again later. */
  get refusals(): ReadonlyMap<string, number> {
    return this.#refusals
  }

  get failed(): number {
    return sumOf(this.#turnFailures)
  }

  get refused(): number {
    return sumOf(this.#refusals)
  }

  /** Messages that went over the wire, those that were refused included. */
  get sent(): number {
    return this.#sent
  }

  /** Turns that nobody waited for any more, because the load was stopped. */
  get stopped(): number {
    return this.#stopped
  }

  get visits(): number {
    return this.#visits
  }

  get payments(): number {
    return this.#payments
  }

  /** Guests with a session at this moment, and the most there were. */
  get inside(): number {
    return this.#inside
  }

  get insideMax(): number {
    return this.#insideMax
  }

  /** Guests who never got a session, though they asked for one. */
  get neverAdmitted(): number {
    return [...this.#turnedAway].filter((guest) => !this.#admitted.has(guest)).length
  }

  guestEntered(guest: number): void {
    this.#admitted.add(guest)
    this.#visits++
    this.#inside++
    this.#insideMax = Math.max(this.#insideMax, this.#inside)
  }

  guestLeft(): void {
    this.#inside--
  }

  guestTurnedAway(guest: number): void {
    this.#turnedAway.add(guest)
  }

  messageSent(): void {
    this.#sent++
  }

  turnAnswered(times: TurnTimes): void {
    this.#turns.push(times)
  }

  turnFailed(code: string): void {
    count(this.#turnFailures, code)
  }

  turnStopped(): void {
    this.#stopped++
  }

  otherFailed(code: string): void {
    count(this.#otherFailures, code)
  }

  refusedWith(code: string): void {
    count(this.#refusals, code)
  }

  paid(): void {
    this.#payments++
  }
}

function count(counts: Map<string, number>, code: string): void {
  counts.set(code, (counts.get(code) ?? 0) + 1)
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, value) => sum + value, 0)
}
