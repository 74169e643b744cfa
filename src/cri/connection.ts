// One gRPC channel to the socket of a runtime, or of another neighbour, that reconnects by itself and tells how it is.
import { type ChannelOptions, Client, connectivityState, credentials } from '@grpc/grpc-js';
import type { Logger } from '#base/log.ts';
import type { ConnectionState } from './contract.ts';
import { CriError } from './errors.ts';

/** Source: cri-client remote_runtime.go baseBackoffDelay, maxBackoffDelay; utils.go maxMsgSize (16 MiB). */
const OPTIONS: ChannelOptions = {
  'grpc.default_authority': 'localhost',
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 3000,
  'grpc.max_receive_message_length': 16 << 20,
  'grpc.max_send_message_length': 16 << 20,
  // Each client has a connection of its own: closing one leaves the others alone.
  'grpc.use_local_subchannel_pool': 1,
  // No keep-alive pings: a unix socket tells at once when its peer is gone, and containerd counts pings as abuse.
};

/**
 * The target gRPC dials for a CRI endpoint: `unix:///run/containerd/containerd.sock`, or the path alone.
 * @throws RangeError for anything but a unix socket. Source: cri-client util_unix.go GetAddressAndDialer
 */
export function dialTarget(endpoint: string): string {
  const path = endpoint.startsWith('unix://') ? endpoint.slice('unix://'.length) : endpoint;
  if (!path.startsWith('/'))
    throw new RangeError(`container runtime endpoint ${JSON.stringify(endpoint)} is no unix socket (unix:///path)`);
  return `unix://${path}`;
}

export class Connection {
  readonly client: Client;
  readonly #endpoint: string;
  readonly #logger: Logger;
  readonly #what: string;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = 'connecting';

  /** Starts to connect. `what`: who listens there, for the log. @throws RangeError as dialTarget */
  constructor(endpoint: string, logger: Logger, what = 'container runtime') {
    this.#endpoint = endpoint;
    this.#logger = logger;
    this.#what = what;
    this.client = new Client(dialTarget(endpoint), credentials.createInsecure(), OPTIONS);
    this.#follow();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onStateChange(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  ready(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => settle(() => reject(signal?.reason as Error));
      const look = (): void => {
        if (this.#state === 'ready') settle(resolve);
        if (this.#state === 'closed') settle(() => reject(closedError('ready')));
      };
      const off = this.onStateChange(look);
      const settle = (how: () => void): void => {
        off();
        signal?.removeEventListener('abort', abort);
        how();
      };
      if (signal?.aborted === true) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      look();
    });
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#enter('closed');
    this.client.close();
  }

  /** Notes the channel's state, and again after every change. */
  #follow(): void {
    if (this.#state === 'closed') return;
    const channel = this.client.getChannel();
    const current = channel.getConnectivityState(true); // true: an idle channel connects now, not at the next call
    this.#enter(stateOf(current));
    channel.watchConnectivityState(current, Infinity, () => this.#follow());
  }

  #enter(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#logger.info(`${this.#what} ${state}`, { endpoint: this.#endpoint });
    for (const listener of [...this.#listeners]) listener(state);
  }
}

export function closedError(method: string): CriError {
  return new CriError({ code: 'Unavailable', details: 'the client is closed', method });
}

function stateOf(state: connectivityState): ConnectionState {
  switch (state) {
    case connectivityState.READY:
      return 'ready';
    case connectivityState.TRANSIENT_FAILURE:
      return 'unavailable';
    case connectivityState.SHUTDOWN:
      return 'closed';
    default:
      return 'connecting';
  }
}
