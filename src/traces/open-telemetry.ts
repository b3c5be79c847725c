import {
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type HrTime,
  type Span,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type SpanExporter,
} from '@opentelemetry/sdk-trace'
import type { Clock } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import type { TraceContext } from '../conversation/observer.ts'
import type { Attributes, StepSpan } from './span-of-step.ts'

/** Where the spans of turns are written to. */
export interface SpanWriter {
  beginTurn(beginning: TurnBeginning): TurnSpan
  /** Sends what is not sent yet, for no longer than the limit; what is not delivered then is lost. Never rejects. */
  close(): Promise<void>
}

export interface TurnBeginning {
  readonly name: string
  /** A valid `traceparent` of version 00, or null for a trace of its own. */
  readonly traceParent: string | null
  /** Milliseconds since 1970, as all times here. */
  readonly startedAtMs: number
  readonly attributes: Attributes
}

export interface TurnSpan {
  readonly context: TraceContext
  /** False where the trace is not sampled: then nothing needs to be added. */
  readonly isRecording: boolean
  add(attributes: Attributes): void
  addStep(step: StepSpan & { readonly startedAtMs: number; readonly endedAtMs: number }): void
  end(end: { readonly endedAtMs: number; readonly errorType: string | null }): void
}

export interface OpenTelemetryOptions {
  /** With the path, such as `http://collector:4318/v1/traces`. */
  readonly url: string
  /** With credentials: never to be shown. */
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  readonly serviceVersion: string
  /** Tells the containers of a service apart. */
  readonly instanceId: string
  /** The part of the traces that begin here which is kept, from 0 to 1. A client's trace is kept as that client says. */
  readonly sampledPart: number
  readonly clock: Clock
  readonly limits: Pick<Limits, 'traceSpansQueuedMax' | 'traceBatchMs' | 'traceExportMs' | 'traceFlushMs'>
  /** Told of spans that could not be delivered, once for each batch. */
  readonly onLost: (lost: LostSpans) => void
  /** Told what OpenTelemetry itself finds wrong, in words of its own. */
  readonly onWarning: (detail: string) => void
}

export interface LostSpans {
  readonly spans: number
  /** The status that the receiver answered with, the system's code such as `ECONNREFUSED`, `timeout`, or `unavailable`. */
  readonly reason: string | number
}

const batchMax = 512

/** Writes spans to a receiver of OTLP over HTTP. This file is only loaded where traces are on. */
export function openSpanWriter(options: OpenTelemetryOptions): SpanWriter {
  const { serviceName, serviceVersion, instanceId, sampledPart, clock, limits } = options
  reportDiagnostics(options)
  const root = new TraceIdRatioBasedSampler(sampledPart)
  const exporter = createExporter(options)
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root }),
    resource: defaultResource().merge(
      resourceFromAttributes({
        'service.name': serviceName,
        'service.version': serviceVersion,
        'service.instance.id': instanceId,
      }),
    ),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: limits.traceSpansQueuedMax,
        maxExportBatchSize: Math.min(batchMax, limits.traceSpansQueuedMax),
        scheduledDelayMillis: limits.traceBatchMs,
        // The exporter gives up first and says why.
        exportTimeoutMillis: limits.traceExportMs * 2,
      }),
    ],
  })
  const tracer = provider.getTracer('maya', serviceVersion)
  return {
    beginTurn({ name, traceParent, startedAtMs, attributes }) {
      const startTime = timeOf(startedAtMs)
      const span = tracer.startSpan(name, { startTime, attributes }, contextOf(traceParent))
      const within = trace.setSpan(ROOT_CONTEXT, span)
      return createTurnSpan(span, (step, stepTime) => {
        const kind = step.isOutside ? SpanKind.CLIENT : SpanKind.INTERNAL
        return tracer.startSpan(step.name, { kind, startTime: stepTime, attributes: step.attributes }, within)
      })
    },
    async close() {
      await inTime(provider.shutdown(), clock, limits.traceFlushMs)
      exporter.giveUp()
    },
  }
}

function createTurnSpan(span: Span, startStep: (step: StepSpan, startTime: HrTime) => Span): TurnSpan {
  const { traceId, spanId } = span.spanContext()
  return {
    context: { traceId, spanId },
    isRecording: span.isRecording(),
    add: (attributes) => void span.setAttributes(attributes),
    addStep(step) {
      endSpan(startStep(step, timeOf(step.startedAtMs)), step)
    },
    end: (end) => endSpan(span, end),
  }
}

function endSpan(span: Span, { endedAtMs, errorType }: Parameters<TurnSpan['end']>[0]): void {
  if (errorType !== null) {
    span.setAttribute('error.type', errorType)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end(timeOf(endedAtMs))
}

/** In seconds and nanoseconds: of a plain number OpenTelemetry guesses what it counts from. */
function timeOf(ms: number): HrTime {
  const nanoseconds = Math.round((ms % 1000) * 1e6)
  return [Math.floor(ms / 1000) + Math.floor(nanoseconds / 1e9), nanoseconds % 1e9]
}

function contextOf(traceParent: string | null): Context {
  if (traceParent === null) return ROOT_CONTEXT
  const [, traceId = '', spanId = '', flags = ''] = traceParent.split('-')
  const traceFlags = Number.parseInt(flags, 16)
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

interface OwnExporter extends SpanExporter {
  /** What is under way is lost. */
  giveUp(): void
}

/** Says itself what was lost: what goes wrong in OpenTelemetry is else told with all that the receiver has answered. */
function createExporter({ url, headers, clock, limits, onLost }: OpenTelemetryOptions): OwnExporter {
  const { traceExportMs } = limits
  const timeouts = new Set<() => void>()
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: traceExportMs })
  return {
    export(spans, done) {
      const onTimeout = (): void => end('timeout')
      const end = (reason: LostSpans['reason'] | null): void => {
        if (!timeouts.delete(onTimeout)) return
        cancel()
        if (reason !== null) onLost({ spans: spans.length, reason })
        done(asExported)
      }
      // The exporter itself waits for as long as now and then a byte comes.
      const cancel = clock.after(traceExportMs, onTimeout)
      timeouts.add(onTimeout)
      exporter.export(spans, ({ error }) => end(error === undefined ? null : reasonOf(error)))
    },
    giveUp() {
      for (const onTimeout of timeouts) onTimeout()
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush(),
  }
}

/** Whatever became of it: `code` is that of a success. */
const asExported = { code: 0 }

/** Not its message: that can quote what the receiver answered. */
function reasonOf(error: Error): LostSpans['reason'] {
  const code = 'code' in error ? error.code : undefined
  return typeof code === 'string' || typeof code === 'number' ? code : 'unavailable'
}

function ignore(): void {}

/** There is one for the whole process; the service that was started last is told. */
function reportDiagnostics({ onWarning }: OpenTelemetryOptions): void {
  // Up to where a text can begin that is not its own.
  const tell = (text: string): void => onWarning(/^[\w ,.-]*/.exec(text)?.[0] ?? '')
  const logger = { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
}

function inTime(work: Promise<void>, clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve)
    void work
      .catch(() => {})
      .finally(() => {
        cancel()
        resolve()
      })
  })
}
