// Keeps events below a size: bodies go first, then the event. Source: apiserver plugin/pkg/audit/truncate.
import { parseExactly } from '#apimachinery/json.ts';
import type { AuditBackend } from './contract.ts';
import type { AuditMetrics } from './metrics.ts';

const TRUNCATED = 'audit.k8s.io/truncated';

interface Event {
  readonly level?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
}

/** @param maxEventSize bytes */
export function truncating(backend: AuditBackend, maxEventSize: number, metrics: AuditMetrics): AuditBackend {
  return {
    write(event) {
      // A character has at most three bytes a code unit: most events need not be measured.
      if (event.length * 3 <= maxEventSize || Buffer.byteLength(event) <= maxEventSize) return backend.write(event);
      const smaller = withoutBodies(event);
      if (smaller !== undefined && Buffer.byteLength(smaller) <= maxEventSize) return backend.write(smaller);
      metrics.lost('truncate', 1);
      return undefined;
    },
    stop: () => backend.stop(),
  };
}

/** Undefined for an event that has none. */
function withoutBodies(text: string): string | undefined {
  const { requestObject: _request, responseObject: _response, ...event } = parseExactly(text) as Event;
  if (event.level !== 'Request' && event.level !== 'RequestResponse') return undefined;
  return JSON.stringify({ ...event, annotations: { ...event.annotations, [TRUNCATED]: 'true' } });
}
