import type { Connection } from '../../src/operator/connection.ts'
import type { Service } from '../../src/service.ts'

/** Asks a service without a network. */
export function connectTo({ app }: Pick<Service, 'app'>): Connection {
  return {
    url: 'http://bar.test',
    async ask({ method, path, headers = {}, body }) {
      const {
        statusCode,
        headers: answered,
        body: text,
      } = await app.inject({
        method,
        url: path,
        headers: { ...headers },
        ...(body && { payload: body }),
      })
      return { status: statusCode, header: (name) => answered[name]?.toString(), text }
    },
    close() {},
  }
}
