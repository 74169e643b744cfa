// The cluster's members as one thing to call: connects to all it needs, stays with the one that answers, goes to the
// next when it does not, and bounds every wait.
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  connectivityState,
  Metadata,
  status,
} from '@grpc/grpc-js';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { StoreUnavailableError } from '../contract.ts';
import type { Method } from './methods.ts';
import { isMembersFault, isServiceError } from './refusals.ts';

/** PEM, all of it. */
export interface EtcdTls {
  /** Authorities of the servers' certificates; the system's when absent. */
  readonly ca?: string | Uint8Array;
  /** The client's own certificate and key, for servers that ask for one. */
  readonly certificate?: string | Uint8Array;
  readonly key?: string | Uint8Array;
}

/** Longest wait for any member to be reachable, in milliseconds. */
const CONNECT_MS = 5_000;

/** A connection that keeps failing reports no change: how often to look at the time all the same, in milliseconds. */
const LOOK_AGAIN_MS = 250;

/** Longest wait for an answer, in milliseconds. Source: above etcd's own EtcdServer.Cfg.ReqTimeout, 5 s and two elections. */
const CALL_MS = 10_000;

/** Source: k8s.io/apiserver storage/storagebackend/factory keepaliveTime, keepaliveTimeout. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

const CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
} as const;

/** A member without a leader ends its streams instead of keeping silent. Source: etcd rpctypes.MetadataRequireLeaderKey. */
const REQUIRE_LEADER = 'hasleader';

export interface MembersOptions {
  /** `host:port`, or an http or https URL; https needs or implies TLS. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  readonly clock: Clock;
  readonly logger: Logger;
}

const asIs = (bytes: Buffer): Buffer => bytes;

export class Members {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #endpoints: readonly string[];
  readonly #clients: readonly Client[];
  /** Index of the member that is called. */
  #current = 0;
  #closed = false;

  /** @throws TypeError for an endpoint that is none */
  constructor({ endpoints, tls, clock, logger }: MembersOptions) {
    if (endpoints.length === 0) throw new TypeError('etcd: no endpoint given');
    this.#clock = clock;
    this.#logger = logger;
    this.#endpoints = endpoints;
    this.#clients = endpoints.map((endpoint) => {
      const { target, secure } = parseEndpoint(endpoint, tls !== undefined);
      if (!secure) return new Client(target, ChannelCredentials.createInsecure(), CHANNEL_OPTIONS);
      const address = isIP(hostOf(target)) !== 0;
      return new Client(target, secureCredentials(target, tls), address ? { ...CHANNEL_OPTIONS, ...UNNAMED } : CHANNEL_OPTIONS);
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Makes a call. @throws ServiceError as the server gave it; StoreUnavailableError when no member can be reached */
  async call<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
    const bytes = method.request.encode(request) as Buffer;
    for (let attempt = 1; ; attempt++) {
      const client = await this.#reachable();
      try {
        return method.response.decode(await this.#once(client, method, bytes));
      } catch (error) {
        if (!isServiceError(error) || !isMembersFault(error)) throw error;
        this.#leave(client, error.details);
        if (method.effect === 'write' || attempt > this.#clients.length) throw error;
      }
    }
  }

  /** Opens a stream to a member that can be reached. @throws StoreUnavailableError */
  async duplex(path: string): Promise<ClientDuplexStream<Buffer, Buffer>> {
    const metadata = new Metadata();
    metadata.set(REQUIRE_LEADER, 'true');
    return (await this.#reachable()).makeBidiStreamRequest(path, asIs, asIs, metadata);
  }

  /** @throws StoreUnavailableError */
  async serverStream(path: string): Promise<ClientReadableStream<Buffer>> {
    return (await this.#reachable()).makeServerStreamRequest(path, asIs, asIs, Buffer.alloc(0), new Metadata());
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients) client.close();
  }

  #once<Request, Response>(client: Client, { path }: Method<Request, Response>, bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let late = false;
      const call = client.makeUnaryRequest(path, asIs, asIs, bytes, (error, answer) => {
        cancelTimer();
        if (error === null) resolve(answer ?? Buffer.alloc(0));
        else reject(late ? Object.assign(error, { code: status.DEADLINE_EXCEEDED, details: `no answer within ${CALL_MS} ms` }) : error);
      });
      const cancelTimer = this.#clock.after(CALL_MS, () => {
        late = true;
        call.cancel();
      });
    });
  }

  #leave(client: Client, reason: string): void {
    if (this.#clients[this.#current] !== client || this.#clients.length === 1) return;
    this.#logger.warn('store: leaving an etcd member', { endpoint: this.#endpoints[this.#current], reason });
    this.#current = (this.#current + 1) % this.#clients.length;
  }

  /** The member to call: the one called last if it is connected, otherwise the next that is. */
  async #reachable(): Promise<Client> {
    const deadline = this.#clock.monotonic() + CONNECT_MS;
    for (;;) {
      if (this.#closed) throw new StoreUnavailableError('the store is closed');
      for (let i = 0; i < this.#clients.length; i++) {
        const index = (this.#current + i) % this.#clients.length;
        const client = this.#clients[index] as Client;
        if (client.getChannel().getConnectivityState(true) !== connectivityState.READY) continue;
        this.#current = index;
        return client;
      }
      const left = deadline - this.#clock.monotonic();
      if (left <= 0) throw new StoreUnavailableError(`no etcd member can be reached: ${this.#endpoints.join(', ')}`);
      await this.#stateChange(Math.min(left, LOOK_AGAIN_MS));
    }
  }

  /** Resolves when the connection to any member has changed, or after `milliseconds`. */
  #stateChange(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const deadline = this.#clock.now() + milliseconds;
      for (const client of this.#clients) {
        const channel = client.getChannel();
        channel.watchConnectivityState(channel.getConnectivityState(false), deadline, () => resolve());
      }
    });
  }
}

interface Target {
  readonly target: string;
  readonly secure: boolean;
}

function parseEndpoint(endpoint: string, tls: boolean): Target {
  const match = /^(?:(https?):\/\/)?([^/]+:\d+)\/?$/.exec(endpoint);
  if (match === null) throw new TypeError(`etcd: not an endpoint: ${endpoint} (expected host:port, http://host:port or https://host:port)`);
  const [, scheme, target = ''] = match;
  if (scheme === 'http' && tls) throw new TypeError(`etcd: ${endpoint} would send in the clear what TLS was asked for`);
  return { target, secure: scheme === 'https' || tls };
}

function hostOf(target: string): string {
  return target.slice(0, target.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}

/**
 * For a server that is addressed by its IP: TLS has no name to ask for then, but grpc-js gives one in any case, and
 * Node refuses an IP there. The certificate is still checked against the address.
 */
const UNNAMED = { 'grpc.ssl_target_name_override': 'etcd' };

function secureCredentials(target: string, tls: EtcdTls = {}): ChannelCredentials {
  const bytes = (pem: string | Uint8Array | undefined): Buffer | null => (pem === undefined ? null : Buffer.from(pem));
  return ChannelCredentials.createSsl(bytes(tls.ca), bytes(tls.key), bytes(tls.certificate), {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(hostOf(target), certificate as PeerCertificate),
  });
}
