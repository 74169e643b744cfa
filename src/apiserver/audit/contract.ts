// The audit log: an event for each request, at the stages the policy wants, to one or more back ends.
import type { StatusError } from '#apimachinery/errors.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { Answer } from '../handlers/answer.ts';
import type { Body } from '../negotiation/input.ts';
import type { RequestContext } from '../request.ts';

/**
 * How a back end is waited for: not at all, until it has the event or given it up, or so that a request whose event it does not
 * take when it arrives is refused. Source: server/options audit.go ModeBatch, ModeBlocking, ModeBlockingStrict.
 */
export type AuditMode = 'batch' | 'blocking' | 'blocking-strict';

/** What one request is doing, told as it happens. */
export interface AuditTrail {
  /** Until it settles the request may not go on; false: it may not at all. Undefined: nobody has to be waited for. */
  readonly received: Promise<boolean> | undefined;
  /** From now on the request goes on as `user`. `constraint`: the verb that allowed it; empty for the one of old. */
  impersonated(user: UserInfo, constraint: string): void;
  /** The body, noted as it is read. */
  body(body: Body): Body;
  answered(answer: Answer): void;
  /** The answer is under way and may take long. */
  streaming(): void;
  refused(error: StatusError): void;
  /** What should not have happened. */
  failed(error: unknown): void;
  /** @param code HTTP status of the answer */
  finish(code: number): void;
}

export interface AuditSink {
  /** Undefined when the policy does not want this request. */
  begin(context: RequestContext): AuditTrail | undefined;
  /** Nobody could be made out. */
  unauthenticated(context: RequestContext): void;
  /** A request was refused because its event could not be stored. */
  rejected(): void;
  /** Writes what is held back. */
  stop(): Promise<void>;
  expose(): string;
}

/** Takes events and never throws. Each event is one JSON text. */
export interface AuditBackend {
  /** What its mode makes a request wait for: whether it may go on. Undefined: nothing. */
  write(event: string): Promise<boolean> | undefined;
  /** Resolves when all is written, as far as it can be. */
  stop(): Promise<void>;
}
