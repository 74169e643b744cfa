// One call to the runtime: a message out, messages or a CriError back, within a deadline.
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import type { CancelTimer, Clock } from '#base/clock.ts';
import { ResultStream } from '#base/result-stream.ts';
import { ProtobufDecodeError } from '#base/protobuf/errors.ts';
import type { MessageCodec, ProtoMethod } from '#base/protobuf/schema.ts';
import { closedError, type Connection } from './connection.ts';
import type { CallOptions } from './contract.ts';
import { deadlineOf } from './deadlines.ts';
import { codeName, CriError } from './errors.ts';
import { criCodec } from './schema.ts';

export interface Caller {
  readonly connection: Connection;
  readonly clock: Clock;
  /** Milliseconds; see ./deadlines.ts. */
  readonly timeoutMs: number;
}

/** What of a method never changes. */
export interface Method {
  /** `RunPodSandbox` */
  readonly name: string;
  /** `/runtime.v1.RuntimeService/RunPodSandbox` */
  readonly path: string;
  readonly request: MessageCodec;
  readonly response: MessageCodec;
}

export function methodOf(service: string, name: string, { request, response }: ProtoMethod): Method {
  return { name, path: `/${service}/${name}`, request: criCodec.message(request), response: criCodec.message(response) };
}

/** What ends a call early. */
interface Bounds {
  /** Milliseconds, or Infinity. */
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The part of a gRPC call that both kinds have. */
interface Cancellable {
  cancel(): void;
}

/**
 * Watches over a call that has begun: cancels it at its deadline, when the caller gives up or the client is closed, and
 * knows then why it failed.
 */
class Limits {
  #verdict: { readonly error: unknown } | undefined;
  readonly #cancelTimer: CancelTimer;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  readonly #offState: () => void;

  constructor(call: Cancellable, { name: method }: Method, { clock, connection }: Caller, { limitMs, signal }: Bounds) {
    const end = (error: unknown): void => {
      this.#verdict ??= { error };
      call.cancel();
    };
    const late = (): void => end(new CriError({ code: 'DeadlineExceeded', details: 'context deadline exceeded', method }));
    this.#cancelTimer = limitMs === Infinity ? () => {} : clock.after(limitMs, late);
    this.#signal = signal;
    this.#onAbort = () => end(signal?.reason);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#offState = connection.onStateChange((state) => {
      if (state === 'closed') end(new CriError({ code: 'Canceled', details: 'the client is closed', method }));
    });
  }

  /** The call is over. */
  lift(): void {
    this.#cancelTimer();
    this.#offState();
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  /** What the caller gets to see of `error`. */
  explain(error: unknown, method: Method): unknown {
    return this.#verdict === undefined ? criError(error, method) : this.#verdict.error;
  }
}

function criError(error: unknown, { name }: Method): unknown {
  if (error instanceof ProtobufDecodeError) {
    return new CriError(
      { code: 'Internal', details: `${name} answered with a malformed message: ${error.message}`, method: name },
      { cause: error },
    );
  }
  if (!isServiceError(error)) return error;
  return new CriError({ code: codeName(error.code), details: error.details, method: name }, { cause: error });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

const asIs = (bytes: Buffer): Buffer => bytes;

interface Begun {
  readonly bytes: Buffer;
  readonly bounds: Bounds;
}

function begin({ connection, timeoutMs }: Caller, { name, request }: Method, message: unknown, { signal, ...options }: CallOptions): Begun {
  signal?.throwIfAborted();
  if (connection.state === 'closed') throw closedError(name);
  const limitMs = options.timeoutMs ?? deadlineOf(name, message as { readonly timeout?: unknown }, timeoutMs);
  return { bytes: request.encode(message) as Buffer, bounds: { limitMs, signal } };
}

/** @throws CriError, the signal's reason, or ProtobufEncodeError when the request does not fit its message */
export async function callUnary(caller: Caller, method: Method, request: unknown, options: CallOptions = {}): Promise<unknown> {
  const { bytes, bounds } = begin(caller, method, request, options);
  return new Promise((resolve, reject) => {
    const { client } = caller.connection;
    const call = client.makeUnaryRequest(method.path, asIs, asIs, bytes, new Metadata(), {}, (failure, answer) => {
      limits.lift();
      try {
        if (failure !== null) throw failure;
        resolve(method.response.decode(answer ?? Buffer.alloc(0)));
      } catch (error) {
        reject(limits.explain(error, method) as Error);
      }
    });
    const limits = new Limits(call, method, caller, bounds);
  });
}

/** Messages a stream's reader may be behind before it is cut off: it has to look at the whole state again then. */
const STREAM_BACKLOG = 10_000;

/**
 * Begins at once: what happens from now on is delivered. Leaving the loop ends the call. A reader too slow gets
 * StreamOverflow; every other end of the call, its runtime going away included, is a CriError.
 */
export function callStream(caller: Caller, method: Method, request: unknown, options: CallOptions = {}): AsyncIterableIterator<unknown> {
  const { bytes, bounds } = begin(caller, method, request, options);
  const call = caller.connection.client.makeServerStreamRequest(method.path, asIs, asIs, bytes, new Metadata(), {});
  const limits = new Limits(call, method, caller, bounds);
  const stream = new ResultStream<unknown>(STREAM_BACKLOG, () => {
    limits.lift();
    call.cancel();
  });
  const fail = (error: unknown): void => stream.fail(limits.explain(error, method));
  call.on('data', (message: Buffer) => {
    try {
      stream.push(method.response.decode(message));
    } catch (error) {
      fail(error);
    }
  });
  call.on('error', fail);
  call.on('end', () => stream.end());
  return stream;
}
