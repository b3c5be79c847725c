/** The little of Express that the bench uses; its own types are a package that nothing else needs. */
declare module 'express' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  type Handler = (request: IncomingMessage & { readonly body: unknown }, response: ServerResponse) => unknown

  interface Express {
    use(middleware: unknown): void
    post(path: string, handler: Handler): void
    listen(port: number, host: string): void
  }

  const express: { (): Express; json(): unknown }
  export default express
}
