// Audit annotations of one policy, of all its bindings together. Source: policy/validating auditAnnotationCollector.
import { byteLength } from '#apimachinery/go-format.ts';
import type { AdmissionAttributes } from '../contract.ts';

/** Longest value, bytes. Source: maxAuditAnnotationValueLength. */
const MAX_VALUE = 10 * 1024;

export class AuditedAnnotations {
  readonly #values = new Map<string, Set<string>>();

  add(key: string, value: string): void {
    const short = byteLength(value) <= MAX_VALUE ? value : Buffer.from(value).subarray(0, MAX_VALUE).toString();
    const values = this.#values.get(key) ?? new Set();
    this.#values.set(key, values.add(short));
  }

  /** Values that differ from binding to binding stand behind each other. */
  publish(policy: string, { request }: AdmissionAttributes): void {
    for (const [key, values] of this.#values) request.audit.add(`${policy}/${key}`, [...values].join(', '));
  }
}
