// The request walk, in order. Both transports take it; over HTTPS, connection handling stands before it and encoding after it.
import type { Authenticator } from './authentication/contract.ts';
import type { Authorizer } from './authorization/contract.ts';
import type { RequestContext } from './request.ts';

/**
 * One step of every request. It fills its part of the context or refuses by throwing StatusError; the walk ends there
 * and the error becomes the answer.
 *
 * ```
 *   connection ─ TLS, HTTP/1.1 and HTTP/2, body and header bounds        400 408 413 431
 *   request info                                                          404
 *   authentication                                                        401
 *   audit ─ opens the event that `finish` closes
 *   flow control ─ holds a seat until `finish`                            429
 *   authorization                                                         403
 *   handler (./handlers, one file a verb):                                404 405 406 415
 *     decode                                                              400 413 422
 *     mutating admission                                                  403 …
 *     defaults, structural and semantic validation                        422
 *     validating admission                                                403 …
 *     strategy, reservations, store transaction                           409 410 500 503 504
 *     watch cache (reads, and writes as they come back)
 *   encode, respond
 *   finish ─ metrics, seats, audit event, in reverse order
 * ```
 */
export interface Stage {
  readonly name: 'request info' | 'authentication' | 'audit' | 'flow control' | 'authorization';
  run(walk: Walk, deps: ChainDeps): void | Promise<void>;
}

/** A request on its way. Only stages write to it. */
export interface Walk {
  readonly context: RequestContext;
  /** Runs `close` when the request is over, whatever the outcome; last registered first. */
  onFinish(close: (outcome: Outcome) => void): void;
}

export interface Outcome {
  /** HTTP status, also for loopback. */
  readonly code: number;
  readonly reason: string;
}

export interface ChainDeps {
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
}
