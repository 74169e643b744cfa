// Asks the policy about each request and hands its events to the back ends.
import type { Clock } from '#base/clock.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { RequestContext } from '../request.ts';
import type { AuditBackend, AuditSink, AuditTrail } from './contract.ts';
import type { AuditMetrics } from './metrics.ts';
import { auditDecision, type Policy } from './policy.ts';
import { RequestTrail } from './trail.ts';

export interface SinkOptions {
  readonly policy: Policy;
  readonly backends: readonly AuditBackend[];
  /** Shared with the back ends. */
  readonly metrics: AuditMetrics;
  readonly clock: Clock;
  /** A protobuf body as an object. */
  readonly decode: (bytes: Buffer) => unknown;
}

export class PolicySink implements AuditSink {
  readonly #options: SinkOptions;

  constructor(options: SinkOptions) {
    this.#options = options;
  }

  begin(context: RequestContext): AuditTrail | undefined {
    return this.#trail(context, context.user);
  }

  unauthenticated(context: RequestContext): void {
    this.#trail(context, undefined)?.refusedAtTheDoor('Authentication failed');
  }

  rejected(): void {
    this.#options.metrics.rejected.add();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#options.backends.map((backend) => backend.stop()));
  }

  expose(): string {
    return this.#options.metrics.expose();
  }

  #trail(context: RequestContext, user: UserInfo | undefined): RequestTrail | undefined {
    const { policy, clock, decode, metrics } = this.#options;
    const decision = auditDecision(policy, context.info, user);
    metrics.level(decision.level);
    if (decision.level === 'None') return undefined;
    return new RequestTrail(context, user, { clock, decision, decode, emit: (event) => this.#emit(event) });
  }

  #emit(event: object): Promise<boolean> | undefined {
    const { metrics, backends } = this.#options;
    metrics.event.add();
    const text = JSON.stringify(event);
    const pending = backends.map((backend) => backend.write(text)).filter((one) => one !== undefined);
    return pending.length === 0 ? undefined : Promise.all(pending).then((stored) => stored.every(Boolean));
  }
}
