// pure
// What becomes of a token that a service account got in a secret, from before tokens expired.
// Source: pkg/controller/serviceaccount legacy_serviceaccount_token_cleaner.go.
import type { Secret, ServiceAccount } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { parseTime } from '#apimachinery/time.ts';

/** Dates as `2026-01-31`. */
export const LAST_USED = 'kubernetes.io/legacy-token-last-used';
export const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since';

/** Milliseconds. Source: --legacy-service-account-token-clean-up-period. */
export const PERIOD_MS = 365 * 24 * 60 * 60 * 1000;

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** The day of a moment, as the API server writes it. */
export const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export type Fate =
  | { readonly kind: 'keep' }
  /** Refused from now on; still there for a period, should somebody miss it. */
  | { readonly kind: 'invalidate'; readonly since: string }
  | { readonly kind: 'delete' };

export interface Facts {
  /** The account the secret names; undefined when it is gone. */
  readonly account: ServiceAccount | undefined;
  /** A pod mounts the secret. */
  readonly mounted: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Only tokens made by the old controller, unused for a period, of accounts that still list them, are taken. */
export function fateOf({ metadata }: Secret, { account, mounted, now }: Facts): Fate {
  const keep = { kind: 'keep' } as const;
  const threshold = dateOf(now - PERIOD_MS);
  if (metadata.deletionTimestamp !== undefined || parseTime(metadata.creationTimestamp) >= now - PERIOD_MS) return keep;
  const used = metadata.labels?.[LAST_USED];
  if (used !== undefined && (!DATE.test(used) || used >= threshold)) return keep;
  if (account === undefined || account.metadata.uid !== metadata.annotations?.[ANNOTATION.serviceAccountUid]) return keep;
  if (mounted || account.secrets?.some(({ name }) => name === metadata.name) !== true) return keep;
  const since = metadata.labels?.[INVALID_SINCE];
  if (since === undefined || !DATE.test(since)) return { kind: 'invalidate', since: dateOf(now) };
  return since >= threshold ? keep : { kind: 'delete' };
}
