// gRPC probes: the server's health service says SERVING. Source: grpc.health.v1, probe/grpc.
import { formatDuration } from '#apimachinery/duration.ts';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { joinHostPort } from './go-errors.ts';
import type { ProbeResult } from './result.ts';

const METHOD = '/grpc.health.v1.Health/Check';
const STATUS_NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

export interface GrpcTarget {
  readonly host: string;
  readonly port: number;
  readonly service: string;
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** Wall clock: gRPC deadlines are absolute. */
  readonly now: number;
}

export function grpcProbe({ host, port, service, timeoutMs, userAgent, now }: GrpcTarget): Promise<ProbeResult> {
  const address = joinHostPort(host, port);
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.primary_user_agent': userAgent,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
  });
  return new Promise((resolve) => {
    const answered = (error: ServiceError | null, value?: string): void => {
      client.close();
      resolve(error === null ? healthOf(value ?? '') : failure(error, address, timeoutMs));
    };
    client.makeUnaryRequest(METHOD, encodeRequest, decodeResponse, service, new Metadata(), { deadline: now + timeoutMs }, answered);
  });
}

function healthOf(name: string): ProbeResult {
  if (name === 'SERVING') return { kind: 'success', output: 'service healthy' };
  return { kind: 'failure', output: `service unhealthy (responded with "${name}")` };
}

function failure(error: ServiceError, address: string, timeoutMs: number): ProbeResult {
  switch (error.code) {
    case status.UNIMPLEMENTED:
      return {
        kind: 'failure',
        output: `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`,
      };
    case status.DEADLINE_EXCEEDED:
      return { kind: 'failure', output: `timeout: health rpc did not complete within ${formatDuration(timeoutMs)}` };
    case status.UNAVAILABLE:
      return {
        kind: 'failure',
        output: `timeout: failed to connect service "${address}" within ${formatDuration(timeoutMs)}: ${error.details}`,
      };
    default:
      return { kind: 'failure', output: `error: health rpc probe failed: ${error.details}` };
  }
}

/** HealthCheckRequest: field 1 is the service. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  if (name.length === 0) return Buffer.alloc(0);
  const length: number[] = [];
  for (let left = name.length; ; left >>>= 7) {
    if (left < 0x80) {
      length.push(left);
      break;
    }
    length.push((left & 0x7f) | 0x80);
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), name]);
}

/** HealthCheckResponse: field 1 is the status. */
function decodeResponse(bytes: Buffer): string {
  const value = bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0;
  return STATUS_NAMES[value] ?? String(value);
}
