// Asks the policy about each request and hands its events to the back ends.
import type { Clock } from '#base/clock.ts';
import { CounterFamily, type Counter } from '#base/metrics.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { RequestContext } from '../request.ts';
import type { AuditBackend, AuditSink, AuditTrail } from './contract.ts';
import { auditDecision, type Policy } from './policy.ts';
import { RequestTrail } from './trail.ts';

export interface SinkOptions {
  readonly policy: Policy;
  readonly backends: readonly AuditBackend[];
  readonly clock: Clock;
  /** A protobuf body as an object. */
  readonly decode: (bytes: Buffer) => unknown;
}

export class PolicySink implements AuditSink {
  readonly #options: SinkOptions;
  readonly #events = new CounterFamily('apiserver_audit_event_total', 'Counter of audit events generated and sent to the audit backend.');
  readonly #levels = new CounterFamily('apiserver_audit_level_total', 'Counter of policy levels for audit events (1 per request).', [
    'level',
  ]);
  readonly #total: Counter;

  constructor(options: SinkOptions) {
    this.#options = options;
    this.#total = this.#events.of();
  }

  begin(context: RequestContext): AuditTrail | undefined {
    return this.#trail(context, context.user);
  }

  unauthenticated(context: RequestContext): void {
    this.#trail(context, undefined)?.refusedAtTheDoor('Authentication failed');
  }

  async stop(): Promise<void> {
    await Promise.all(this.#options.backends.map((backend) => backend.stop()));
  }

  expose(): string {
    return this.#events.expose() + this.#levels.expose();
  }

  #trail(context: RequestContext, user: UserInfo | undefined): RequestTrail | undefined {
    const { policy, clock, decode } = this.#options;
    const decision = auditDecision(policy, context.info, user);
    this.#levels.of(decision.level).add();
    if (decision.level === 'None') return undefined;
    return new RequestTrail(context, user, { clock, decision, decode, emit: (event) => this.#emit(event) });
  }

  #emit(event: object): void {
    this.#total.add();
    const text = JSON.stringify(event);
    for (const backend of this.#options.backends) backend.write(text);
  }
}
