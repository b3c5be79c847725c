// Preloaded into a server: says on stderr which package each module that it loads belongs to.
import { registerHooks } from 'node:module'

const said = new Set<string>()

registerHooks({
  load(url, context, next) {
    const [, name] = /\/node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\//.exec(url) ?? []
    if (name !== undefined && !said.has(name)) {
      said.add(name)
      process.stderr.write(`loaded ${name}\n`)
    }
    return next(url, context)
  },
})
