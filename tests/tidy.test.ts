// Checks the code itself. The rules are data: a new folder of src gets a row here, or this fails.
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

/** The folders of src, each with those it may import. Every folder may import `shared`. */
const mayImport: Record<string, readonly string[]> = {
  bar: [],
  llm: [],
  memory: [],
  'event-loop': [],
  security: ['log'],
  voice: ['llm', 'config'],
  config: ['security'],
  log: ['bar', 'llm'],
  backup: ['log', 'security'],
  store: ['log'],
  logs: ['conversation', 'llm', 'security', 'voice'],
  operator: ['config', 'llm'],
  conversation: ['bar', 'llm', 'log', 'config', 'voice'],
  sessions: ['conversation', 'log', 'bar', 'memory', 'config', 'llm', 'security', 'voice'],
  traces: ['conversation', 'llm', 'config', 'security'],
  metrics: ['sessions', 'conversation', 'store', 'llm', 'memory', 'bar', 'log', 'http', 'security', 'voice'],
  http: ['sessions', 'conversation', 'bar', 'log', 'llm', 'logs', 'memory', 'security', 'config', 'voice'],
}
const shared = ['clock.ts', 'errors.ts']
/** Only these may import everything, and nobody imports them but `main.ts` and `state.ts`. */
const top = [
  'interrupts.ts',
  'load.ts',
  'main.ts',
  'service.ts',
  'service-fleet.ts',
  'service-health.ts',
  'service-models.ts',
  'service-security.ts',
  'service-store.ts',
  'service-traces.ts',
  'service-voices.ts',
  'state.ts',
  'status.ts',
  'warm-start.ts',
]
/** What is a process of its own. */
const processes = ['load', 'main', 'state', 'status', 'warm-start'].map((name) => `src/${name}.ts`)

/** Who may import what is not ours; a path that ends in a slash is a folder. */
const packageHomes: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(fastify$|@fastify\/)/, ['src/http/']],
  [/^(node:)?(http|https|http2)$/, ['src/http/', 'src/operator/']],
  [/^pino(-pretty)?$/, ['src/logs/', 'src/main.ts']],
  [/^prom-client$/, ['src/metrics/']],
  [/^close-with-grace$/, ['src/main.ts']],
  [/^lru-cache$/, ['src/sessions/']],
  [/^@redis\/client$/, ['src/store/']],
  [/^@opentelemetry\//, ['src/traces/']],
  [/^(node:)?process$/, ['src/main.ts']],
]
/** Packages that several files share; every other one, such as a provider's SDK, stays in one file. */
const sharedPackages = /^(node:.+|typebox(\/.+)?|fastify|@fastify\/.+|pino|prom-client)$/

/** Strings are matched too, so that `//` and `/*` within them begin no comment. */
const commentOrString = /('(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*$/gm

const sources = globSync('src/**/*.ts').map(read)
const tests = globSync('tests/**/*.ts').map(read)
const client = globSync('web/src/**/*.{ts,tsx}').map(read)
const code = [...sources, ...client, ...tests, ...globSync('bench/**/*.ts').map(read)]

describe('imports', () => {
  it('every folder of src has a row, and beside the folders there are only the known files', () => {
    const entries = readdirSync('src', { withFileTypes: true })
    const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
    const files = entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
    expect(folders.filter((folder) => !(folder in mayImport))).toEqual([])
    expect(files.filter((file) => ![...shared, ...top].includes(file))).toEqual([])
  })

  it.each(Object.entries(mayImport))('%s imports only from %j', (folder, targets) => {
    const allowed = [folder, ...targets, ...shared]
    expect(ownImports(`src/${folder}/`).filter(({ target }) => !allowed.includes(topOf(target)))).toEqual([])
  })

  it('the shared files import nothing of ours', () => {
    expect(shared.flatMap((file) => ownImports(`src/${file}`))).toEqual([])
  })

  it('the page knows the server only by its contract', () => {
    const strays = client.flatMap(({ file, imports }) =>
      imports
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ specifier }) => ({ file, target: join(dirname(file), specifier) }))
        .filter(({ target }) => !target.startsWith('web/src/')),
    )
    expect(strays).toEqual([])
  })

  it('metrics takes only types from the domain', () => {
    const foreign = ownImports('src/metrics/').filter(({ target }) =>
      mayImport.metrics?.includes(topOf(target)),
    )
    expect(foreign.filter(({ isType }) => !isType)).toEqual([])
  })

  it('packages are used only where they belong', () => {
    const strays = sources.flatMap(({ file, imports }) =>
      packageHomes.flatMap(([pattern, homes]) =>
        imports
          .filter(({ specifier }) => pattern.test(specifier) && !homes.some((home) => file.startsWith(home)))
          .map(({ specifier }) => `${file} -> ${specifier}`),
      ),
    )
    expect(strays).toEqual([])
  })

  it('every other package is imported in exactly one file', () => {
    const used = sources.flatMap(({ file, imports }) => {
      const packages = imports
        .map(({ specifier }) => specifier)
        .filter((specifier) => !specifier.startsWith('.'))
      return [...new Set(packages)].map((name) => ({ file, name }))
    })
    const byPackage = Map.groupBy(used, ({ name }) => name)
    const spread = [...byPackage].filter(([name, uses]) => !sharedPackages.test(name) && uses.length > 1)
    expect(spread.map(([, uses]) => uses)).toEqual([])
  })

  it('only what is a process of its own touches the process', () => {
    const pattern = /\bprocess\s*(\.|\[|\?\.)/
    expect(filesWith(sources, pattern).filter((file) => !processes.includes(file))).toEqual([])
  })
})

describe('files', () => {
  it('have at most 400 lines, blank ones and comments apart', () => {
    const long = code.map(({ file, program }) => ({ file, lines: program.match(/^.*\S.*$/gm)?.length ?? 0 }))
    expect(long.filter(({ lines }) => lines > 400)).toEqual([])
  })

  it('are named for what they hold, in kebab case', () => {
    const names = code.map(({ file }) => file)
    const vague = /^(utils?|helpers?|common|index|misc|types)\./
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|contract|d))?\.tsx?$/
    expect(names.filter((file) => vague.test(basename(file)) || !kebab.test(basename(file)))).toEqual([])
  })

  it('name no path of one machine', () => {
    const texts = globSync([
      'docs/**/*.md',
      'web/*.*',
      'web/src/styles/*',
      '*.md',
      '*.py',
      '*.json',
      '.env.example',
      '.ci/run',
      'Dockerfile',
    ])
    const pattern = /(?<![\w./-])\/(?:home|Users|work|farm)\//
    expect(
      [...code, ...texts.map(read)].filter(({ text }) => pattern.test(text)).map(({ file }) => file),
    ).toEqual([])
  })
})

describe('tests', () => {
  it('replace no modules: fakes are written by hand', () => {
    expect(filesWith(tests, /\bvi\.(do)?mock\b/i)).toEqual([])
  })

  it('do not sleep, but where real processes and browsers are waited for', () => {
    const sleepers = filesWith(tests, /\bsetTimeout\b|\btimers\/promises\b/)
    expect(sleepers.filter((file) => !/^tests\/(browser|chaos|process)\//.test(file))).toEqual([])
  })

  it('are never narrowed to one', () => {
    expect(filesWith(tests, /\b(it|test|describe|suite)(\.\w+)*\.only\b/)).toEqual([])
  })

  it('run every contract', () => {
    const contracts = globSync('tests/**/*.contract.ts')
    const imported = tests
      .filter(({ file }) => file.endsWith('.test.ts'))
      .flatMap(({ file, imports }) => imports.map(({ specifier }) => join(dirname(file), specifier)))
    expect(contracts.filter((contract) => !imported.includes(contract))).toEqual([])
  })
})

interface Import {
  readonly specifier: string
  readonly isType: boolean
}

interface SourceFile {
  readonly file: string
  readonly text: string
  /** The text without comments. */
  readonly program: string
  readonly imports: readonly Import[]
}

function read(file: string): SourceFile {
  const text = readFileSync(file, 'utf8')
  const program = text.replaceAll(commentOrString, (_, string: string | undefined) => string ?? '')
  const statements = program.matchAll(/^(?:import|export)\b(\s+type\b)?[^'";(=]*?\bfrom\s*'([^'\n]+)'/gm)
  const effects = program.matchAll(/\bimport\s*\(?\s*()'([^'\n]+)'/g)
  return {
    file,
    text,
    program,
    imports: [...statements, ...effects].map(([, type, specifier = '']) => ({
      specifier,
      isType: type?.trim() === 'type',
    })),
  }
}

function filesWith(files: readonly SourceFile[], pattern: RegExp): readonly string[] {
  return files.filter(({ program }) => pattern.test(program)).map(({ file }) => file)
}

/** What the files under a path import of ours, as paths from src. */
function ownImports(path: string) {
  return sources
    .filter(({ file }) => file.startsWith(path))
    .flatMap(({ file, imports }) =>
      imports
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ specifier, isType }) => ({
          file,
          target: relative('src', join(dirname(file), specifier)),
          isType,
        })),
    )
}

function topOf(path: string): string {
  return path.split('/')[0] ?? ''
}
