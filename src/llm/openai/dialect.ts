/** What a server understands of the requests that not all servers understand alike. */
export interface Dialect {
  readonly outputLimit: 'max_tokens' | 'max_completion_tokens'
  /** Whether it can be asked to count its tokens in a stream. */
  readonly countsOnDemand: boolean
}

/** Every compatible server knows the old name of the limit, and OpenAI's newer models refuse it. */
export function firstDialect(isOpenAi: boolean): Dialect {
  return { outputLimit: isOpenAi ? 'max_completion_tokens' : 'max_tokens', countsOnDemand: true }
}

/**
 * The dialect to try after this refusal; null where it has another reason. The body is searched as a text, because
 * every server writes its complaints in a shape of its own. Each step goes one way, so there are two at most.
 */
export function nextDialect(dialect: Dialect, body: string): Dialect | null {
  if (dialect.countsOnDemand && body.includes('stream_options')) return { ...dialect, countsOnDemand: false }
  if (dialect.outputLimit === 'max_tokens' && body.includes('max_completion_tokens'))
    return { ...dialect, outputLimit: 'max_completion_tokens' }
  return null
}
