// The request walk, in order, as data. Both transports take it; over HTTPS, the connection stands before it and encoding after it.
import type { Clock } from '#base/clock.ts';
import type { AuthenticationRequest, Authenticator, UserInfo } from './authentication/contract.ts';
import type { Authorizer } from './authorization/contract.ts';
import type { AccessMetrics } from './metrics/access.ts';
import type { RequestContext } from './request.ts';
import type { AuditSink, AuditTrail } from './audit/contract.ts';
import { auditStage } from './stages/audit.ts';
import { authenticationStage } from './stages/authentication.ts';
import { authorizationStage } from './stages/authorization.ts';
import { impersonationStage } from './stages/impersonation.ts';
import { tracingStage } from './stages/tracing.ts';
import type { Span, Tracer } from './tracing/contract.ts';
import { flowControlStage, type FlowControl } from './stages/flow-control.ts';

/**
 * ```
 *   connection ─ TLS, HTTP/1.1 and HTTP/2, body and header bounds        400 408 431
 *   request info (./stages/request-info.ts), deadline                     400
 *   authentication                                                        401
 *   tracing ─ begins the span that `finish` ends
 *   audit ─ opens the event that `finish` closes
 *   impersonation                                                         400 403
 *   flow control ─ holds a seat until `finish`                            429
 *   authorization                                                         403
 *   handler (./handlers, one file a verb):                                404 405 406 413 415
 *     decode                                                              400
 *     mutating admission                                                  403 …
 *     defaults, strategy, semantic validation                             422
 *     validating admission                                                403 …
 *     reservations, store transaction                                     409 410 500 503 504
 *     watch cache (reads, and writes as they come back)
 *   encode, respond
 *   finish ─ metrics, seats, audit event, in reverse order
 * ```
 */
export const REQUEST_CHAIN: readonly Stage[] = [
  authenticationStage,
  tracingStage,
  auditStage,
  impersonationStage,
  flowControlStage,
  authorizationStage,
];

/**
 * One step of every request. It fills its part of the context or refuses by throwing StatusError; the walk ends there
 * and the error becomes the answer. Loopback callers are authenticated when they are given their transport.
 */
export interface Stage {
  readonly name: 'authentication' | 'tracing' | 'audit' | 'impersonation' | 'flow control' | 'authorization';
  run(walk: Walk, deps: ChainDeps): void | Promise<void>;
}

/** A request on its way. Only stages write to it. */
export interface Walk {
  readonly context: RequestContext;
  readonly authenticated: boolean;
  /** What the client shows of itself; undefined on loopback. */
  readonly credentials: AuthenticationRequest | undefined;
  setUser(user: UserInfo): void;
  auditTrail: AuditTrail | undefined;
  span: Span | undefined;
  /** Runs `close` when the request is over, whatever the outcome; last registered first. */
  onFinish(close: (outcome: Outcome) => void): void;
  /** Runs `begun` when a watch has found what it starts from: the rest of it costs others nothing. */
  onStream(begun: () => void): void;
}

export interface Outcome {
  /** HTTP status, also for loopback. */
  readonly code: number;
  /** StatusReason of a refusal; empty for success. */
  readonly reason: string;
}

export interface ChainDeps {
  readonly authenticators: readonly Authenticator[];
  /** Whether who shows no credentials may be `system:anonymous` at this path; false refuses with 401. */
  readonly anonymous: (path: string) => boolean;
  readonly authorizer: Authorizer;
  readonly flowControl: FlowControl;
  readonly audit: AuditSink | undefined;
  readonly tracer: Tracer | undefined;
  readonly metrics: AccessMetrics;
  readonly clock: Clock;
}

/** Runs the stages; synchronous as long as they are. @throws StatusError of the stage that refuses */
export function runChain(walk: Walk, deps: ChainDeps): void | Promise<void> {
  for (let i = 0; i < REQUEST_CHAIN.length; i++) {
    const pending = (REQUEST_CHAIN[i] as Stage).run(walk, deps);
    if (pending !== undefined) return finishChain(walk, deps, pending, i + 1);
  }
}

async function finishChain(walk: Walk, deps: ChainDeps, pending: Promise<void>, next: number): Promise<void> {
  await pending;
  for (const stage of REQUEST_CHAIN.slice(next)) await stage.run(walk, deps);
}
