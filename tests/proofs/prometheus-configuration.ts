import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Fills a directory as grafana/compose.yaml puts it together in the container; returns the configuration's file. */
export function writeConfiguration(directory: string, url: string): string {
  const compose = readFileSync('grafana/compose.yaml', 'utf8')
  for (const [, from = '', to = ''] of compose.matchAll(/^ +- \.\/(\S+):\/etc\/prometheus\/(\S+):ro$/gm)) {
    cpSync(join('grafana', from), join(directory, to), { recursive: true })
  }
  const [, target = ''] = /^ +content: \|\n +(.*)$/m.exec(compose) ?? []
  writeFileSync(join(directory, 'target.yml'), `${target.replace(/\$\{MAYA_URL:\?[^}]*\}/, url)}\n`)
  writeFileSync(join(directory, 'token'), 'none')
  return join(directory, 'prometheus.yml')
}
