// The client of a real runtime: CRI v1 over gRPC on a unix socket. Framing and flow control are the gRPC library's;
// messages, deadlines and errors are ours.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { type Caller, callStream, callUnary, methodOf } from './call.ts';
import { Connection } from './connection.ts';
import type { CallOptions, CriClient } from './contract.ts';
import { DEFAULT_TIMEOUT_MS } from './deadlines.ts';
import type { ImageService, RuntimeService } from './gen/services.ts';
import { CRI_SCHEMA } from './schema.ts';

export interface ConnectOptions {
  /** `unix:///run/containerd/containerd.sock` */
  readonly endpoint: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds most calls may take (./deadlines.ts). Default: two minutes. */
  readonly timeoutMs?: number;
}

/**
 * A client that connects now and, whenever the runtime went away, again, as soon as it is back: calls fail while it is
 * gone, running streams end with Unavailable, and nothing has to be done about it.
 * @throws RangeError when the endpoint is no unix socket
 */
export function connectCri({ endpoint, clock, logger, timeoutMs = DEFAULT_TIMEOUT_MS }: ConnectOptions): CriClient {
  const connection = new Connection(endpoint, logger);
  const service = <T>(name: string): T => serviceOf(name, { connection, clock, timeoutMs }) as T;
  return {
    runtime: service<RuntimeService>('runtime.v1.RuntimeService'),
    image: service<ImageService>('runtime.v1.ImageService'),
    get state() {
      return connection.state;
    },
    onStateChange: (listener) => connection.onStateChange(listener),
    ready: (signal) => connection.ready(signal),
    close: () => connection.close(),
  };
}

type Callable = (request: unknown, options?: CallOptions) => unknown;

/** One function a method, by the method's name with a small first letter; ./gen/services.ts states their types. */
function serviceOf(name: string, caller: Caller): Readonly<Record<string, Callable>> {
  const methods = Object.entries(CRI_SCHEMA.services?.[name] ?? {});
  return Object.fromEntries(
    methods.map(([methodName, described]): [string, Callable] => {
      const method = methodOf(name, methodName, described);
      const call = described.serverStream === true ? callStream : callUnary;
      return [methodName.charAt(0).toLowerCase() + methodName.slice(1), (request, options) => call(caller, method, request, options)];
    }),
  );
}
