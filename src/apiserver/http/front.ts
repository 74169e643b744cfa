// From a request on the wire to its answer: request info, the chain, the handler, the responder.
import { badRequest, internalError, StatusError, tooManyRequests } from '#apimachinery/errors.ts';
import { DurationError, parseDuration } from '#apimachinery/duration.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { runChain, type ChainDeps } from '../chain.ts';
import type { Deadlines } from '../deadlines.ts';
import { dispatch, type DispatchDeps } from '../handlers/dispatch.ts';
import type { RequestMetrics } from '../metrics/requests.ts';
import type { Body } from '../negotiation/input.ts';
import { checkRouteProduces } from '../negotiation/route-media.ts';
import type { Query, RequestInfo } from '../request.ts';
import { isLongRunning, requestInfo } from '../stages/request-info.ts';
import { RequestWalk } from '../walk.ts';
import { BodyTurns } from './body-turns.ts';
import { ClientGoneError, type Exchange } from './exchange.ts';
import { parseQuery } from './query.ts';
import type { Responder } from './respond.ts';

/** Longest audit id taken over from a client. Source: audit.maxAuditIDLength. */
const MAX_AUDIT_ID = 64;

export interface FrontDeps {
  readonly chain: ChainDeps;
  readonly dispatch: DispatchDeps;
  readonly responder: Responder;
  readonly deadlines: Deadlines;
  readonly metrics: RequestMetrics;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

export class Front {
  readonly #deps: FrontDeps;
  /** Requests under way: a stopping server waits for them, and ends watches. */
  readonly #open = new Set<RequestWalk>();
  #idle: (() => void) | undefined;
  #turnsAway = false;
  readonly #turns = new BodyTurns();

  constructor(deps: FrontDeps) {
    this.#deps = deps;
  }

  /** Answers `exchange`; never throws. */
  handle(exchange: Exchange): void {
    const query = parseQuery(exchange.rawQuery);
    let walk: RequestWalk;
    try {
      walk = this.#begin(exchange, query);
    } catch (error) {
      // Nothing is known of the request yet: a walk without information carries the refusal.
      walk = this.#walk(exchange, query, requestInfo(exchange.method, '/', query));
      this.#fail(exchange, walk, error);
      return;
    }
    if (this.#turnsAway && !isProbe(walk.info.path)) {
      this.#fail(exchange, walk, tooManyRequests('The apiserver is shutting down, please try again later.', SHUTDOWN_RETRY_SECONDS));
      return;
    }
    this.#open.add(walk);
    void this.#serve(exchange, walk);
  }

  /** Watches and streams under way, by what they ask for. */
  get longRunning(): readonly RequestInfo[] {
    return [...this.#open].map(({ info }) => info).filter(isLongRunning);
  }

  /** From now on requests are told to come again elsewhere. Source: WithRetryAfter, shutdown_late. */
  turnAway(): void {
    this.#turnsAway = true;
  }

  /** Tells everything under way to come to an end: watches close, other requests finish. */
  endLongRunning(): void {
    for (const walk of this.#open)
      if (isLongRunning(walk.info)) walk.abort(new StatusError('ServiceUnavailable', 'the server is shutting down'));
  }

  /** Resolves when no request is under way. */
  idle(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  #begin(exchange: Exchange, query: Query): RequestWalk {
    const info = requestInfo(exchange.method, decodePath(exchange.rawPath), query);
    return this.#walk(exchange, query, info);
  }

  #walk(exchange: Exchange, query: Query, info: RequestInfo): RequestWalk {
    const { ids, clock, logger } = this.#deps;
    const auditId = exchange.header('audit-id');
    return new RequestWalk({
      uri: exchange.rawQuery === '' ? exchange.rawPath : `${exchange.rawPath}?${exchange.rawQuery}`,
      id: auditId === undefined || auditId === '' ? ids.uuid() : auditId.slice(0, MAX_AUDIT_ID),
      method: exchange.method,
      transport: 'https',
      info,
      query,
      userAgent: exchange.header('user-agent') ?? '',
      remoteAddress: exchange.remoteAddress,
      clock,
      logger,
    });
  }

  async #serve(exchange: Exchange, walk: RequestWalk): Promise<void> {
    const { metrics } = this.#deps;
    exchange.onClose(() => {
      if (!exchange.responded) walk.abort(new ClientGoneError('client closed the request'));
    });
    let stopDeadline: (() => void) | undefined;
    let code: number;
    try {
      stopDeadline = this.#deadline(exchange, walk);
      code = await this.#answer(exchange, walk);
    } catch (error) {
      code = this.#fail(exchange, walk, error);
    }
    stopDeadline?.();
    walk.finish({ code, reason: '' });
    metrics.observe(walk, code, exchange.sentBytes);
    if (code === CLIENT_GONE) metrics.aborted(walk.info);
    else if (code === TOO_MANY_REQUESTS || code === GATEWAY_TIMEOUT) metrics.terminated(walk.info, code);
    this.#open.delete(walk);
    if (this.#open.size === 0) this.#idle?.();
  }

  async #answer(exchange: Exchange, walk: RequestWalk): Promise<number> {
    const { chain, dispatch: deps, responder } = this.#deps;
    walk.present({
      header: (name) => exchange.header(name),
      rawHeaders: exchange.rawHeaders,
      clientCertificate: exchange.clientCertificate,
      path: walk.info.path,
      query: walk.query,
      remoteAddress: walk.remoteAddress,
      get signal() {
        return walk.signal;
      },
    });
    const pending = runChain(walk, chain);
    if (pending !== undefined) await pending;
    const isNegotiated = walk.info.verb === 'watch' || !isLongRunning(walk.info);
    if (walk.info.isResourceRequest && isNegotiated && !deps.others.serves(walk.info)) {
      if (isBuiltIn(walk.info, deps)) checkRouteProduces(exchange.header('accept'), walk.info.verb);
      responder.check(exchange, walk.info.verb, isCustom(walk.info, deps));
    }
    const contentType = exchange.header('content-type') ?? '';
    const body: Body = { kind: 'bytes', contentType, read: (limit) => this.#readBody(exchange, walk, { contentType, limit }) };
    const answer = await dispatch(walk, (name) => exchange.header(name), body, deps);
    walk.auditTrail?.answered(answer);
    if (answer.kind === 'watch' || answer.kind === 'stream') walk.streamBegins();
    return responder.respond(exchange, walk, answer);
  }

  /** What is read of it, when it is its turn to be made something of. @throws as `exchange.readBody`; what the request was ended with */
  async #readBody(exchange: Exchange, walk: RequestWalk, { contentType, limit }: { contentType: string; limit: number }): Promise<Buffer> {
    const bytes = await exchange.readBody(limit);
    const isYaml = /yaml/i.test(contentType) && bytes[0] !== OPEN_BRACE;
    const turn = this.#turns.take(walk.user.name, { length: bytes.length, isYaml }, () => walk.signal);
    if (turn !== undefined) {
      await turn;
      walk.signal.throwIfAborted();
    }
    return bytes;
  }

  /** @throws StatusError BadRequest for a `timeout` that cannot be read. Source: WithRequestDeadline. */
  #deadline(exchange: Exchange, walk: RequestWalk): (() => void) | undefined {
    if (isLongRunning(walk.info)) return undefined;
    const text = walk.query.get('timeout');
    const own = text === undefined || text === '' ? undefined : timeoutOf(text);
    const { deadlines } = this.#deps;
    walk.limitMs = deadlines.limit(own);
    return deadlines.start(() => {
      const error = new StatusError('Timeout', 'Timeout: request did not complete within the allotted timeout', {});
      walk.abort(error);
      this.#deps.responder.refuse(exchange, walk, error);
    }, walk.limitMs);
  }

  /** Answers with the refusal, or with 500 for what should not have happened; returns the status. */
  #fail(exchange: Exchange, walk: RequestWalk, error: unknown): number {
    const { responder, logger } = this.#deps;
    if (error instanceof ClientGoneError || exchange.closed) return CLIENT_GONE;
    let refusal: StatusError;
    if (error instanceof StatusError) {
      refusal = error;
      walk.auditTrail?.refused(error);
      if (error.code === UNAUTHORIZED && !walk.authenticated) this.#deps.chain.audit?.unauthenticated(walk);
    } else {
      walk.auditTrail?.failed(error);
      logger.error('request failed', { method: exchange.method, path: walk.info.path, auditId: walk.id, error });
      refusal = internalError(error);
    }
    try {
      responder.refuse(exchange, walk, refusal);
    } catch (failure) {
      logger.error('refusal could not be sent', { auditId: walk.id, error: failure });
      exchange.abort();
    }
    return refusal.code;
  }
}

/** Source: WithRetryAfter. */
const SHUTDOWN_RETRY_SECONDS = 5;
const isProbe = (path: string): boolean => path === '/metrics' || /^\/(healthz|livez|readyz)(\/|$)/.test(path);

/** Clients send what they apply as JSON, whatever they call it. */
const OPEN_BRACE = 0x7b;

const UNAUTHORIZED = 401;
const TOO_MANY_REQUESTS = 429;
const GATEWAY_TIMEOUT = 504;
/** For metrics: nobody was left to answer. */
const CLIENT_GONE = 499;

const isBuiltIn = (info: RequestInfo, { registry }: DispatchDeps): boolean => registry.catalog.find(info)?.info.origin === 'builtin';

/** Custom objects have no protobuf form; what is not served as one (a Scale, a review) is answered by its own handler. */
const isCustom = (info: RequestInfo, { registry }: DispatchDeps): boolean =>
  info.subresource !== 'scale' && registry.catalog.find(info)?.info.origin === 'custom';

/** @throws StatusError BadRequest */
function decodePath(raw: string): string {
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch (error) {
    if (error instanceof URIError) throw badRequest(`invalid URL escape in path`);
    throw error;
  }
}

/** Milliseconds; undefined for none of its own. */
function timeoutOf(text: string): number | undefined {
  try {
    const ms = parseDuration(text);
    return ms > 0 ? ms : undefined;
  } catch (error) {
    if (error instanceof DurationError) throw badRequest(`invalid timeout specified in the request URL - ${error.message}`);
    throw error;
  }
}
