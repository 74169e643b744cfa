// Events cannot flood a server: so many a second are taken of all, of a namespace, of a user, or of a source about an object.
// Off unless it is turned on. Source: plugin/pkg/admission/eventratelimit.
import type { Clock } from '#base/clock.ts';
import { Lru } from '#base/lru.ts';
import { TokenBucket } from '#base/token-bucket.ts';
import type { Event } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { AdmissionAttributes, ValidatingPlugin } from './contract.ts';

export const EVENT_LIMIT_TYPES = ['Namespace', 'Server', 'SourceAndObject', 'User'] as const;

/** Source: eventratelimit.Limit. */
export interface EventLimit {
  readonly type: (typeof EVENT_LIMIT_TYPES)[number];
  /** Events a second. */
  readonly qps: number;
  /** Events at once after a rest. */
  readonly burst: number;
  /** Namespaces, users or sources that are told apart at a time; 0: 4096. */
  readonly cacheSize?: number;
}

const DEFAULT_CACHE_SIZE = 4096;

/** Whose events a limit counts together. Source: getNamespaceKey and its kin. */
const KEYS: Readonly<Record<EventLimit['type'], (attributes: AdmissionAttributes) => string>> = {
  Server: () => '',
  Namespace: ({ namespace }) => namespace,
  User: ({ user }) => user.name,
  SourceAndObject({ object }) {
    if (object === undefined) return '';
    const { source, involvedObject: about } = object as Event;
    const parts = [source?.component, source?.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion];
    return parts.join('');
  },
};

export function eventRateLimit(limits: readonly EventLimit[], { clock }: { readonly clock: Clock }): ValidatingPlugin {
  const counted = limits.map((limit) => ({
    ...limit,
    key: KEYS[limit.type],
    buckets: new Lru<string, TokenBucket>(limit.cacheSize || DEFAULT_CACHE_SIZE),
  }));
  return {
    name: 'EventRateLimit',
    operations: ['CREATE', 'UPDATE'],
    validate(attributes) {
      const { kind } = attributes;
      if (kind.group !== '' || kind.kind !== 'Event') return; // events.k8s.io is not limited upstream either
      let refusal: string | undefined;
      // Each limit counts each event; the last one that is reached is told.
      for (const { type, qps, burst, key: keyOf, buckets } of counted) {
        const key = keyOf(attributes);
        let bucket = buckets.get(key);
        if (bucket === undefined) buckets.set(key, (bucket = new TokenBucket(qps, burst)));
        if (!bucket.tryTake(clock.monotonic())) refusal = `limit reached on type ${type} for key ${key}`;
      }
      if (refusal !== undefined) throw new StatusError('TooManyRequests', `Too many requests: ${refusal}`);
    },
  };
}
