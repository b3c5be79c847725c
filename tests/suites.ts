/** Where each suite writes its results. */
export const resultsFolder = '.cache/tests'

/** What `npm test` runs. Each suite is the npm script `test:<name>`. */
export const suites = [
  { name: 'unit', results: 'unit.json' },
  { name: 'system', results: 'system.json' },
  { name: 'image', results: 'image.json' },
  { name: 'python', results: 'python.xml' },
] as const

export type SuiteName = (typeof suites)[number]['name']

/** For a machine that cannot run them: MAYA_TESTS_WITHOUT=image,python leaves these suites out. */
const optional: readonly string[] = ['image', 'python']
const leftOut = (process.env['MAYA_TESTS_WITHOUT'] ?? '').split(',').filter((name) => name !== '')
const unknown = leftOut.filter((name) => !optional.includes(name))
if (unknown.length > 0) {
  throw new Error(`MAYA_TESTS_WITHOUT names ${unknown.join(', ')}, allowed is ${optional.join(', ')}.`)
}

export function mayBeLeftOut(name: SuiteName): boolean {
  return optional.includes(name)
}

export function isLeftOut(name: SuiteName): boolean {
  return leftOut.includes(name)
}
