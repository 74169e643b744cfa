// The Transport to an API server over HTTPS: credentials, deadlines, retries and rate limit around HTTP/2 exchanges.
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { Lru } from '#base/lru.ts';
import { TokenBucket } from '#base/token-bucket.ts';
import { ConnectionError, type ApiRequest, type Transport, type WatchStream } from '../contract.ts';
import { deadline, DeadlineExceeded } from '../deadline.ts';
import { decodeAnswer, type HttpAnswer } from './answer.ts';
import { anonymous, type CredentialSource, type Identity } from './credentials.ts';
import { ExchangeError, openExchange, readBody, type OpenExchange } from './exchange.ts';
import { httpRequest, pathRequest, type HttpRequest } from './http-request.ts';
import { HttpsWatch } from './https-watch.ts';
import type { RequestMetrics } from './request-metrics.ts';
import { planRetry, type Attempt } from './retry-plan.ts';
import type { Session } from './session.ts';
import { SessionPool } from './session-pool.ts';
import { userAgent as defaultUserAgent } from './user-agent.ts';
import { WatchedFile } from './watched-file.ts';

/** Acts as somebody else; the server must allow it. */
export interface Impersonation {
  readonly user: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface HttpsOptions {
  /** `https://host:port`, with a path if the API lies below one. */
  readonly server: string;
  /** Who may vouch for the server; absent: the system's authorities. A file is read again when it changes. */
  readonly ca?: { readonly pem: string } | { readonly file: string };
  /** The name in the server's certificate, where it differs from the host. */
  readonly serverName?: string;
  /** `none` trusts any server: for experiments only. */
  readonly verify?: 'full' | 'none';
  readonly credentials?: CredentialSource;
  readonly impersonate?: Impersonation;
  /** Sent with every request: whom a front proxy speaks for. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** See userAgent (./user-agent.ts). */
  readonly userAgent?: string;
  /** Requests a second of this client, watches apart; absent: no limit. */
  readonly rateLimit?: { readonly perSecond: number; readonly burst: number };
  /** For one request with all its retries, milliseconds. */
  readonly timeoutMs?: number;
  /** Absent: nothing is counted. */
  readonly metrics?: RequestMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A little more than the server takes for any request that is no watch. Source: apiserver RequestTimeout, 60 s. */
const REQUEST_TIMEOUT_MS = 75_000;

/** Warnings remembered, so that each is logged once. */
const REMEMBERED_WARNINGS = 256;

/** @throws TypeError for a server that is no https URL */
export function httpsTransport(options: HttpsOptions): Transport {
  return new HttpsTransport(options);
}

/** Many users over the same few connections; the credentials of `options` must be allowed to impersonate them. */
export interface SharedTransports {
  /** Closing it ends what this user has open, and no connection. */
  as(user: Impersonation): Transport;
  close(): Promise<void>;
}

/** @throws TypeError for a server that is no https URL */
export function sharedTransports(options: HttpsOptions): SharedTransports {
  const pool = poolOf(options);
  return {
    as: (impersonate) => new HttpsTransport({ ...options, impersonate }, pool),
    close: async () => pool.close(),
  };
}

function poolOf({ server, serverName, verify = 'full', clock }: HttpsOptions): SessionPool {
  const { host, port } = parseServer(server);
  return new SessionPool({ host, port, serverName, verify }, clock);
}

function parseServer(server: string): { readonly host: string; readonly port: number; readonly prefix: string } {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url?.protocol !== 'https:') throw new TypeError(`the server must be an https URL, not ${JSON.stringify(server)}`);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 443 : Number(url.port),
    prefix: url.pathname.replace(/\/+$/, ''),
  };
}

function impersonationHeaders({ user, uid, groups, extra = {} }: Impersonation): Readonly<Record<string, string | string[]>> {
  return {
    'impersonate-user': user,
    ...(uid === undefined ? {} : { 'impersonate-uid': uid }),
    ...(groups === undefined || groups.length === 0 ? {} : { 'impersonate-group': [...groups] }),
    ...Object.fromEntries(
      Object.entries(extra).map(([key, values]) => [`impersonate-extra-${encodeURIComponent(key).toLowerCase()}`, [...values]]),
    ),
  };
}

class HttpsTransport implements Transport {
  readonly #options: HttpsOptions;
  readonly #pool: SessionPool;
  readonly #ownsPool: boolean;
  readonly #prefix: string;
  readonly #origin: string;
  readonly #credentials: CredentialSource;
  readonly #ca: WatchedFile | string | undefined;
  readonly #bucket: TokenBucket | undefined;
  readonly #fixedHeaders: Readonly<Record<string, string | string[]>>;
  readonly #warned = new Lru<string, true>(REMEMBERED_WARNINGS);
  readonly #closing = new AbortController();

  /** `shared`: connections of others too, which stay open when this transport is closed. */
  constructor(options: HttpsOptions, shared?: SessionPool) {
    const { server, ca, credentials = anonymous, impersonate, headers = {}, userAgent, rateLimit, clock, logger } = options;
    const { host, port, prefix } = parseServer(server);
    this.#options = options;
    this.#pool = shared ?? poolOf(options);
    this.#ownsPool = shared === undefined;
    this.#prefix = prefix;
    this.#origin = `https://${host}:${port}`;
    this.#credentials = credentials;
    this.#ca = ca === undefined ? undefined : 'pem' in ca ? ca.pem : new WatchedFile(ca.file, clock, logger);
    this.#bucket = rateLimit === undefined ? undefined : new TokenBucket(rateLimit.perSecond, rateLimit.burst);
    this.#fixedHeaders = {
      'user-agent': userAgent ?? defaultUserAgent(),
      ...headers,
      ...(impersonate === undefined ? {} : impersonationHeaders(impersonate)),
    };
  }

  async request(request: ApiRequest): Promise<unknown> {
    return this.#ask(httpRequest(request), request.signal);
  }

  async getPath(path: string, query: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<unknown> {
    return this.#ask(pathRequest(path, query), signal);
  }

  watch(request: ApiRequest): WatchStream<unknown> {
    const given = request.signal === undefined ? [] : [request.signal];
    return new HttpsWatch(async (stopped) => this.#openWatch(httpRequest(request), stopped), [...given, this.#closing.signal]);
  }

  async close(): Promise<void> {
    this.#closing.abort(new ConnectionError('the transport is closed'));
    if (this.#ownsPool) this.#pool.close();
  }

  async #ask(request: HttpRequest, outer: AbortSignal | undefined): Promise<unknown> {
    const timeoutMs = this.#options.timeoutMs ?? REQUEST_TIMEOUT_MS;
    const limit = deadline(this.#options.clock, timeoutMs, `no answer within ${timeoutMs / 1000} s`, outer);
    try {
      await this.#throttle(limit.signal);
      const answer = await this.#send(request, limit.signal, async (session, open) => readBody(session, open, limit.signal));
      return decodeAnswer(request, answer);
    } catch (error) {
      throw error === outer?.reason ? error : this.#explained(request, error);
    } finally {
      limit.cancel();
    }
  }

  /** The stream of a watch whose answer is 200. @throws StatusError, ConnectionError */
  async #openWatch(request: HttpRequest, signal: AbortSignal): Promise<OpenExchange> {
    try {
      const taken = await this.#send(request, signal, async (session, open) =>
        open.head.status === 200 ? { ...open.head, open } : readBody(session, open, signal),
      );
      if ('open' in taken) return taken.open;
      decodeAnswer(request, taken);
      throw new ConnectionError(`the watch was answered with status ${taken.status}`);
    } catch (error) {
      throw this.#explained(request, error);
    }
  }

  /** Sends until planRetry is content; `take` makes an answer of an exchange. */
  async #send<A extends Pick<HttpAnswer, 'status' | 'retryAfter'>>(
    request: HttpRequest,
    signal: AbortSignal,
    take: (session: Session, open: OpenExchange) => Promise<A>,
  ): Promise<A> {
    let refreshed = false;
    for (let retries = 0; ; retries++) {
      const identity = await this.#identity();
      let outcome: { readonly attempt: Attempt; readonly settle: () => A };
      const since = this.#options.clock.monotonic();
      const count = (status: number | undefined): void => this.#count(request, { status, since, again: retries > 0 });
      try {
        const answer = await this.#attempt(request, identity, signal, take);
        count(answer.status);
        if (answer.status === 401 && !refreshed) {
          refreshed = true;
          if (await this.#credentials.refused(identity)) continue;
        }
        outcome = { attempt: { kind: 'answered', status: answer.status, retryAfter: answer.retryAfter }, settle: () => answer };
      } catch (error) {
        count(undefined);
        if (!(error instanceof ConnectionError) || signal.aborted) throw error;
        outcome = {
          attempt: attemptOf(error),
          settle: () => {
            throw error;
          },
        };
      }
      const plan = planRetry(request.method, outcome.attempt, retries);
      if (plan.kind === 'settle') return outcome.settle();
      if (plan.afterMs > 0) await wait(this.#options.clock, plan.afterMs, signal);
    }
  }

  #count({ method }: HttpRequest, { status, since, again }: { status: number | undefined; since: number; again: boolean }): void {
    const { metrics, clock } = this.#options;
    const host = this.#origin.slice('https://'.length);
    metrics?.attempted({ method, host, status, seconds: (clock.monotonic() - since) / 1000, again });
  }

  async #attempt<A>(
    request: HttpRequest,
    identity: Identity,
    signal: AbortSignal,
    take: (session: Session, open: OpenExchange) => Promise<A>,
  ): Promise<A> {
    const ca = await this.#authority();
    const session = await this.#pool.acquire({ ca, certificate: identity.certificate }, signal);
    const headers = {
      ':method': request.method,
      ':path': this.#prefix + request.path,
      ...this.#fixedHeaders,
      ...request.headers,
      ...(identity.authorization === undefined ? {} : { authorization: identity.authorization }),
    };
    const open = await openExchange(session, headers, request.body, signal);
    for (const warning of open.head.warnings) this.#warn(warning);
    return take(session, open);
  }

  async #identity(): Promise<Identity> {
    try {
      return await this.#credentials.current();
    } catch (error) {
      throw new ConnectionError(`no credentials: ${(error as Error).message}`, { cause: error });
    }
  }

  async #authority(): Promise<string | undefined> {
    if (!(this.#ca instanceof WatchedFile)) return this.#ca;
    try {
      return await this.#ca.read();
    } catch (error) {
      throw new ConnectionError(`cannot read the certificate authority: ${(error as Error).message}`, { cause: error });
    }
  }

  async #throttle(signal: AbortSignal): Promise<void> {
    const delay = this.#bucket?.reserve(this.#options.clock.monotonic()) ?? 0;
    if (delay === 0) return;
    try {
      await wait(this.#options.clock, delay, signal);
    } catch (error) {
      this.#bucket?.release();
      throw error;
    }
  }

  #warn(text: string): void {
    if (this.#warned.get(text) !== undefined) return;
    this.#warned.set(text, true);
    this.#options.logger.warn(text);
  }

  /** The error with what was asked of whom; one that is not of the connection stays as it is. */
  #explained({ method, path }: HttpRequest, error: unknown): unknown {
    if (!(error instanceof ConnectionError) && !(error instanceof DeadlineExceeded)) return error;
    return new ConnectionError(`${method} ${this.#origin}${this.#prefix}${path}: ${error.message}`, { cause: error });
  }
}

function attemptOf(error: ConnectionError): Attempt {
  if (!(error instanceof ExchangeError)) return { kind: 'unreachable' };
  return error.processed === 'no' ? { kind: 'not-processed' } : { kind: 'broken' };
}
