// Spans by OpenTelemetry, sent to a collector over gRPC. Loaded only where tracing is configured.
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Link,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from '#base/log.ts';
import { SYSTEM_PRIVILEGED_GROUP } from '../authentication/contract.ts';
import { MONITORING_GROUP } from '../authentication/names.ts';
import type { RequestContext, RequestInfo } from '../request.ts';
import type { TracingConfiguration } from './configuration.ts';
import type { Attributes, Span, Tracer } from './contract.ts';

/** Spans that wait to be sent; more are lost. Source: sdktrace.DefaultMaxQueueSize, DefaultMaxExportBatchSize. */
const MAX_WAITING = 2_048;
const BATCH = 512;
/** Most milliseconds for one delivery, the last one too. */
const CALL_MS = 10_000;

const PROPAGATOR = new W3CTraceContextPropagator();

export interface OtlpTracerOptions {
  readonly configuration: TracingConfiguration;
  /** Tells this server from others that send to the same collector. */
  readonly instance: string;
  readonly logger: Logger;
}

export function otlpTracer({ configuration, instance, logger }: OtlpTracerOptions): Tracer {
  const { endpoint, samplingRatePerMillion } = configuration;
  // Source: component-base tracing NewProvider: the collector is asked without TLS.
  const exporter = new OTLPTraceExporter({ url: endpoint.includes('//') ? endpoint : `http://${endpoint}`, timeoutMillis: CALL_MS });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'apiserver', 'service.instance.id': instance }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(samplingRatePerMillion / 1_000_000) }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter, maxQueueSize: MAX_WAITING, maxExportBatchSize: BATCH, exportTimeoutMillis: CALL_MS }),
    ],
  });
  const tracer = provider.getTracer('apiserver');
  return {
    begin(request, header) {
      const given = PROPAGATOR.extract(ROOT_CONTEXT, header, {
        get: (from, name) => from(name),
        keys: () => ['traceparent', 'tracestate'],
      });
      const trusted = request.user.groups.some((group) => group === SYSTEM_PRIVILEGED_GROUP || group === MONITORING_GROUP);
      const remote = trace.getSpanContext(given);
      // Only those who may cost the server something decide what it records; for others the two traces are linked.
      const links: Link[] = trusted || remote === undefined ? [] : [{ context: remote }];
      const options = { kind: SpanKind.SERVER, startTime: request.receivedAt, attributes: attributesOf(request), links };
      const span = tracer.startSpan(nameOf(request), options, trusted ? given : ROOT_CONTEXT);
      return span.isRecording() ? new RecordedSpan(span, tracer) : undefined;
    },
    async stop() {
      await provider.shutdown().catch((error: unknown) => logger.warn('the last spans were not delivered', { error }));
    },
  };
}

class RecordedSpan implements Span {
  readonly #span: OtelSpan;
  readonly #tracer: OtelTracer;
  readonly #context: Context;

  constructor(span: OtelSpan, tracer: OtelTracer) {
    this.#span = span;
    this.#tracer = tracer;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
  }

  event(name: string, attributes: Attributes = {}): void {
    this.#span.addEvent(name, attributes);
  }

  child(name: string, attributes: Attributes = {}): Span {
    return new RecordedSpan(this.#tracer.startSpan(name, { attributes }, this.#context), this.#tracer);
  }

  headers(): Readonly<Record<string, string>> {
    const headers: Record<string, string> = {};
    PROPAGATOR.inject(this.#context, headers, {
      set: (into, name, value) => {
        into[name] = value;
      },
    });
    return headers;
  }

  end(attributes: Attributes = {}, error?: string): void {
    this.#span.setAttributes(attributes);
    if (error !== undefined) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    this.#span.end();
  }
}

/** Source: WithTracing. */
const attributesOf = ({ id, uri, method, userAgent, remoteAddress }: RequestContext): Attributes => ({
  'audit-id': id,
  'http.method': method,
  'http.target': uri,
  'http.user_agent': userAgent,
  'net.sock.peer.addr': remoteAddress,
});

/** Like `POST /api/v1/namespaces/{:namespace}/pods`: no name makes a kind of span of its own. Source: getSpanNameFromRequestInfo. */
function nameOf({ method, info }: RequestContext): string {
  return info.isResourceRequest ? `${method} ${pathPattern(info)}` : method;
}

const pathPattern = ({ apiPrefix, group, version, namespace, resource, name, subresource }: RequestInfo): string =>
  [
    '',
    apiPrefix,
    ...(group === '' ? [] : [group]),
    version,
    ...(namespace === '' ? [] : ['namespaces', '{:namespace}']),
    resource,
    ...(name === '' ? [] : ['{:name}']),
    ...(subresource === '' ? [] : [subresource]),
  ].join('/');
