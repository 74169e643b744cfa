// A collector for tests: takes spans over OTLP and keeps them.
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { compileCodec } from '#base/protobuf/codec.ts';
import { optionalField as one, repeatedField as many } from '#base/protobuf/fields.ts';
import type { ProtoSchema } from '#base/protobuf/schema.ts';

export interface Collected {
  /** Hexadecimal, as the ids below; empty for the root of a trace. */
  readonly parent: string;
  readonly id: string;
  readonly trace: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Traces it is linked to. */
  readonly links: readonly string[];
  /** Empty for a span without an error. */
  readonly error: string;
}

export interface Collector {
  /** `127.0.0.1:40123` */
  readonly endpoint: string;
  readonly spans: readonly Collected[];
  stop(): void;
}

/** Source: opentelemetry-proto trace/v1/trace.proto, common/v1/common.proto; the members that tests look at. */
const SCHEMA: ProtoSchema = {
  syntax: 'proto3',
  messages: {
    Request: { fields: { resourceSpans: many(1, 'ResourceSpans') } },
    Response: { fields: {} },
    ResourceSpans: { fields: { scopeSpans: many(2, 'ScopeSpans') } },
    ScopeSpans: { fields: { spans: many(2, 'Span') } },
    Span: {
      fields: {
        traceId: one(1, 'bytes'),
        spanId: one(2, 'bytes'),
        parentSpanId: one(4, 'bytes'),
        name: one(5, 'string'),
        attributes: many(9, 'KeyValue'),
        links: many(13, 'Link'),
        status: one(15, 'Status'),
      },
    },
    Link: { fields: { traceId: one(1, 'bytes') } },
    Status: { fields: { message: one(2, 'string') } },
    KeyValue: { fields: { key: one(1, 'string'), value: one(2, 'AnyValue') } },
    AnyValue: { fields: { stringValue: one(1, 'string'), boolValue: one(2, 'bool'), intValue: one(3, 'int64') } },
  },
};

interface WireSpan {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId?: Uint8Array;
  readonly name: string;
  readonly attributes?: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly links?: readonly { readonly traceId: Uint8Array }[];
  readonly status?: { readonly message?: string };
}

interface WireRequest {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[] }[];
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

const collected = ({ traceId, spanId, parentSpanId, name, attributes = [], links = [], status }: WireSpan): Collected => ({
  parent: hex(parentSpanId),
  id: hex(spanId),
  trace: hex(traceId),
  name,
  attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
  links: links.map((link) => hex(link.traceId)),
  error: status?.message ?? '',
});

export async function startCollector(): Promise<Collector> {
  const codec = compileCodec(SCHEMA, { bytes: 'copy', int64: 'number' });
  const request = codec.message<WireRequest>('Request');
  const response = codec.message<object>('Response');
  const spans: Collected[] = [];
  const server = new Server();
  server.addService(
    {
      export: {
        path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
        requestStream: false,
        responseStream: false,
        requestSerialize: (value: WireRequest) => Buffer.from(request.encode(value)),
        requestDeserialize: (bytes: Buffer) => request.decode(bytes),
        responseSerialize: (value: object) => Buffer.from(response.encode(value)),
        responseDeserialize: (bytes: Buffer) => response.decode(bytes),
      },
    },
    {
      export: (call: ServerUnaryCall<WireRequest, object>, done: sendUnaryData<object>) => {
        spans.push(...call.request.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((each) => each.spans)).map(collected));
        done(null, {});
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { endpoint: `127.0.0.1:${port}`, spans, stop: () => server.forceShutdown() };
}
