import { readSettings, describeProblem, type Problem, type Settings } from '../../src/config/settings.ts'

export type Environment = Record<string, string | undefined>

export function settingsOf(environment: Environment): Settings {
  const result = readSettings(environment)
  if (!result.ok) throw new Error(result.problems.map(describeProblem).join('\n'))
  return result.settings
}

export function problemsOf(environment: Environment): readonly Problem[] {
  const result = readSettings(environment)
  return result.ok ? [] : result.problems
}
