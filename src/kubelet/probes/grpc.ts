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
    const done = (result: ProbeResult): void => {
      client.close();
      resolve(result);
    };
    const deadline = now + timeoutMs;
    client.waitForReady(deadline, (late) => {
      if (late !== undefined) {
        const why = `within ${formatDuration(timeoutMs)}: context deadline exceeded`;
        done({ kind: 'failure', output: `timeout: failed to connect service "${address}" ${why}` });
        return;
      }
      client.makeUnaryRequest(METHOD, encodeRequest, decodeResponse, service, new Metadata(), { deadline }, (error, value) =>
        done(error === null ? healthOf(value ?? '') : failure(error, timeoutMs)),
      );
    });
  });
}

function healthOf(name: string): ProbeResult {
  if (name === 'SERVING') return { kind: 'success', output: 'service healthy' };
  return { kind: 'failure', output: `service unhealthy (responded with "${name}")` };
}

function failure(error: ServiceError, timeoutMs: number): ProbeResult {
  switch (error.code) {
    case status.UNIMPLEMENTED:
      return {
        kind: 'failure',
        output: `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`,
      };
    case status.DEADLINE_EXCEEDED:
      return { kind: 'failure', output: `timeout: health rpc did not complete within ${formatDuration(timeoutMs)}` };
    default:
      return {
        kind: 'failure',
        output: `error: health rpc probe failed: rpc error: code = ${codeName(error.code)} desc = ${error.details}`,
      };
  }
}

/** `NOT_FOUND` as Go writes it: `NotFound`. */
function codeName(code: status): string {
  const words = status[code].toLowerCase().split('_');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
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
