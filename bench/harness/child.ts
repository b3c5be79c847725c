import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** What a process can be asked by the one that started it: names with functions of one plain argument. */
export type Controls = Readonly<Record<string, (argument: never) => unknown>>

type Argument<Control> = Control extends (argument: infer Given) => unknown ? Given : never
type Result<Control> = Control extends (argument: never) => infer Given ? Awaited<Given> : never

/** A process of ours that answers questions. */
export interface Child<Asked extends Controls> {
  ask<Name extends keyof Asked & string>(
    name: Name,
    argument: Argument<Asked[Name]>,
  ): Promise<Result<Asked[Name]>>
  /** No effect on one that was killed. */
  stop(): Promise<void>
  /** SIGKILL: it has no time for anything. */
  kill(): Promise<void>
}

interface Question {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

export interface ChildOptions {
  /** Relative to `bench/`. */
  readonly script: string
  readonly args?: readonly string[]
  readonly nodeOptions?: readonly string[]
}

/** Starts the script and waits until it can be asked. */
export async function startChild<Asked extends Controls>(options: ChildOptions): Promise<Child<Asked>> {
  const { script, args = [], nodeOptions = [] } = options
  const child = fork(join(import.meta.dirname, '..', script), args, { execArgv: [...nodeOptions] })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let asked = 0
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${script} ended with ${code}.`))
  })
  await once(child, 'message') // It says that it is there.
  child.on('message', ({ id, result, error }: Reply) => {
    const { resolve, reject } = waiting.get(id) ?? Promise.withResolvers()
    waiting.delete(id)
    if (error === undefined) resolve(result)
    else reject(new Error(`${script}: ${error}`))
  })
  return {
    async ask(name, argument) {
      const answer = Promise.withResolvers<unknown>()
      const question: Question = { id: asked++, name, argument }
      waiting.set(question.id, answer)
      child.send(question)
      // Both sides are typed by the same `Controls`.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return (await answer.promise) as Result<Asked[typeof name]>
    },
    async stop() {
      if (!child.connected) return
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
    async kill() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** For the process that was started: answers until the other one lets go, then calls `onEnd` and leaves. */
export function answerQuestions(controls: Controls, onEnd: () => void | Promise<void> = () => {}): void {
  process.on('message', ({ id, name, argument }: Question) => {
    // The asker is typed by the same `Controls`.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const control = controls[name] as ((given: unknown) => unknown) | undefined
    void Promise.resolve()
      .then(() => control?.(argument))
      .then(
        (result) => reply({ id, result }),
        (error: unknown) => reply({ id, error: String(error) }),
      )
  })
  process.once('disconnect', () => void Promise.resolve(onEnd()).finally(() => process.exit()))
  process.send?.('ready')
}

function reply(answer: Reply): void {
  process.send?.(answer)
}
