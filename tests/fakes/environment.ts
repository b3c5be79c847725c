import { onTestFinished } from 'vitest'

/** Sets, or with undefined removes, variables of this process until the end of the test. For SDKs that read them. */
export function setEnvironment(variables: Readonly<Record<string, string | undefined>>): void {
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]))
  const apply = (values: typeof variables): void => {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  apply(variables)
  onTestFinished(() => apply(before))
}
