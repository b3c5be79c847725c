/** How this server, or a guest, shows itself to Google. */
export type GeminiCredential =
  | { readonly kind: 'key'; readonly key: string; readonly owner: 'server' | 'guest' }
  | { readonly kind: 'vertex'; readonly project: string; readonly location: string }

export interface GeminiEndpoint {
  /** Without the version, and without a slash at its end. */
  readonly baseUrl: string
  readonly apiVersion: string
  /** Of the streamed reply, from the base URL on. */
  readonly path: string
}

interface EndpointOptions {
  readonly credential: GeminiCredential
  readonly model: string
  readonly baseUrl: string | null
}

/**
 * Where the model speaks. The version is pinned: the aliases `-latest` exist only in the beta, and the SDK's own
 * default changes with its releases.
 */
export function endpointOf({ credential, model, baseUrl }: EndpointOptions): GeminiEndpoint {
  const method = 'streamGenerateContent?alt=sse'
  const own = baseUrl?.replace(/\/+$/, '')
  if (credential.kind === 'key') {
    const name = /^(models|tunedModels)\//.test(model) ? model : `models/${model}`
    return {
      baseUrl: own ?? 'https://generativelanguage.googleapis.com',
      apiVersion: 'v1beta',
      path: `/v1beta/${name}:${method}`,
    }
  }
  const { project, location } = credential
  return {
    baseUrl: own ?? vertexUrl(location),
    apiVersion: 'v1beta1',
    path: `/v1beta1/projects/${project}/locations/${location}/${vertexName(model)}:${method}`,
  }
}

/** The name for those who ask by key: there a model has no publisher, as it can have in a project of Vertex AI. */
export function keyModelOf(model: string): string {
  return /^(models|tunedModels)\//.test(model)
    ? model
    : model.replace(/^publishers\/[^/]+\/models\/|^[^/]+\//, '')
}

function vertexName(model: string): string {
  if (/^(publishers|models)\//.test(model)) return model
  const [publisher, name] = model.split('/', 2)
  return name === undefined ? `publishers/google/models/${model}` : `publishers/${publisher}/models/${name}`
}

function vertexUrl(location: string): string {
  if (location === 'global') return 'https://aiplatform.googleapis.com'
  if (location === 'us' || location === 'eu') return `https://aiplatform.${location}.rep.googleapis.com`
  return `https://${location}-aiplatform.googleapis.com`
}
