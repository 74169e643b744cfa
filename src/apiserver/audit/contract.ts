// The audit log: an event for each request, at the stages the policy wants, to one or more back ends.
import type { StatusError } from '#apimachinery/errors.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { Answer } from '../handlers/answer.ts';
import type { Body } from '../negotiation/input.ts';
import type { RequestContext } from '../request.ts';

/** What one request is doing, told as it happens. */
export interface AuditTrail {
  /** From now on the request goes on as `user`. */
  impersonated(user: UserInfo): void;
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
  /** Writes what is held back. */
  stop(): Promise<void>;
  expose(): string;
}

/** Takes events and never throws. Each event is one JSON text. */
export interface AuditBackend {
  write(event: string): void;
  /** Resolves when all is written, as far as it can be. */
  stop(): Promise<void>;
}
