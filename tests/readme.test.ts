// The README's tables are compared with the code, so that neither is changed alone.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { settingDefaults } from '../src/config/settings.ts'
import { startService } from './fakes/test-service.ts'

const readme = readFileSync('README.md', 'utf8')
const rows = readme.split('\n').filter((line) => line.startsWith('| `'))

it('lists every setting with its default, and no other', () => {
  const listed = rows.flatMap((row) => {
    const [, variable, fallback] = /^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\|/.exec(row) ?? []
    return variable === undefined ? [] : [[variable, fallback ?? '']]
  })
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(settingDefaults))
})

it('lists every endpoint, and no other', async () => {
  const { app } = await startService()
  const { paths } = (await app.inject('/openapi.json')).json<{ paths: Record<string, object> }>()
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const listed = rows.flatMap((row) => /^\| `((?:GET|POST|DELETE) \/\S*)`/.exec(row)?.[1] ?? [])
  expect(listed.toSorted()).toEqual(served.toSorted())
})

it('lists every metric of its own, and no other', async () => {
  const { app } = await startService()
  const exposed = (await app.inject('/metrics/fleet')).body.matchAll(/^# TYPE (maya_\w+)/gm)
  const listed = rows.join('\n').matchAll(/`(maya_\w+)(?:\{[\w,]+\})?`/g)
  expect(namesIn(listed)).toEqual(namesIn(exposed))
})

function namesIn(found: Iterable<RegExpMatchArray>): readonly string[] {
  return [...found].map(([, name = '']) => name).toSorted((one, other) => (one < other ? -1 : 1))
}
