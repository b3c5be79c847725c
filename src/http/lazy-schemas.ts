import { AjvCompiler } from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifyInstance } from 'fastify'

const ajvOptions = { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false }

/**
 * Has fastify's own compilers compile a schema when the first request needs it. All of them at the start would take
 * half of the time until a server is ready, and most are never needed in the life of a container.
 */
export function compileLazily(app: FastifyInstance): void {
  const compileValidator = once(() => AjvCompiler()({}, { customOptions: ajvOptions }))
  const compileSerializer = once(() => SerializerSelector()({}))
  app.setValidatorCompiler<object>(({ schema }) => {
    const validator = once(() => compileValidator()({ schema }))
    return (data) => validator()(data) === true || { error: validator().errors ?? [] }
  })
  app.setSerializerCompiler<object>(({ httpStatus = 'default', ...route }) => {
    const serializer = once(() => compileSerializer()({ httpStatus, ...route }))
    return (data) => serializer()(data)
  })
}

function once<Made>(make: () => Made): () => Made {
  let made: { readonly value: Made } | undefined
  return () => (made ??= { value: make() }).value
}
