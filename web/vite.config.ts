import { readFileSync, writeFileSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

/** Beside each file that shrinks, its compressed forms: the server only has to choose. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle({ dir = '' }) {
      for (const file of globSync('**/*.{html,js,css,svg}', { cwd: dir })) {
        const path = join(dir, file)
        const content = readFileSync(path)
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }))
        writeFileSync(`${path}.br`, brotliCompressSync(content))
      }
    },
  }
}

// oxlint-disable-next-line import/no-default-export -- vite reads the default export.
export default defineConfig({
  root: import.meta.dirname,
  // The policy of the page allows no `data:` script, which a small worklet would become.
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [compressed()],
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8000', ws: true } } },
})
