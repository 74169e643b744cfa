// What the audit log counts, under upstream's names. Source: apiserver pkg/audit metrics.go.
import { CounterFamily, type Counter } from '#base/metrics.ts';

/** Whose fault it is that an event is lost; `buffered`: it came faster than its back end took it; `truncate`: it was too large. */
export type AuditPlugin = 'log' | 'webhook' | 'buffered' | 'truncate';

export class AuditMetrics {
  readonly #events = new CounterFamily('apiserver_audit_event_total', 'Counter of audit events generated and sent to the audit backend.');
  readonly #levels = new CounterFamily('apiserver_audit_level_total', 'Counter of policy levels for audit events (1 per request).', [
    'level',
  ]);
  readonly #errors = new CounterFamily('apiserver_audit_error_total', 'Counter of audit events that failed to be audited properly.', [
    'plugin',
  ]);
  readonly #rejected = new CounterFamily(
    'apiserver_audit_requests_rejected_total',
    'Counter of apiserver requests rejected due to an error in audit logging backend.',
  );
  readonly event: Counter = this.#events.of();
  readonly rejected: Counter = this.#rejected.of();

  level(level: string): void {
    this.#levels.of(level).add();
  }

  lost(plugin: AuditPlugin, count: number): void {
    this.#errors.of(plugin).add(count);
  }

  /** Text exposition format. */
  expose(): string {
    return this.#events.expose() + this.#levels.expose() + this.#errors.expose() + this.#rejected.expose();
  }
}
