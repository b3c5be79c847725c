import { defineConfig } from 'vitest/config'

/**
 * `unit` is quick and needs nothing but npm; `system` uses real processes, a real Redis, a real browser, a real cgroup,
 * or proves something at length.
 */
const folders = ['browser', 'chaos', 'process', 'proofs', 'simulation']
const system = [...folders.map((folder) => `tests/${folder}/**/*.test.ts`), 'tests/store/redis*.test.ts']
const image = ['tests/image/**/*.test.ts']

// oxlint-disable-next-line import/no-default-export -- vitest reads the default export.
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['tests/**/*.test.ts'],
          exclude: [...system, ...image],
          // No test mocks a module, so the files of one worker can share what they have loaded.
          pool: 'threads',
          isolate: false,
          testTimeout: 30_000,
        },
      },
      { test: { name: 'system', include: system, testTimeout: 120_000, hookTimeout: 120_000 } },
      // Builds the whole image, beside the others: tests/run.ts.
      { test: { name: 'image', include: image, testTimeout: 120_000 } },
    ],
  },
})
