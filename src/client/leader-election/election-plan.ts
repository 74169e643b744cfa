// Who may lead, judged from the Lease alone. Pure. Source: client-go tools/leaderelection tryAcquireOrRenew.
import { formatMicroTime } from '#apimachinery/time.ts';
import type { Lease } from '#api/types.ts';

type LeaseSpec = Lease['spec'];

/** The Lease as last seen. Its age is measured by the reader's own clock: clocks of others are not trusted. */
export interface Observed {
  readonly lease: Lease;
  /** Clock.monotonic() when this state was first seen. */
  readonly at: number;
}

export interface Candidate {
  readonly identity: string;
  /** Written into the Lease: how long others wait for a silent leader, milliseconds. */
  readonly leaseDurationMs: number;
  /** Clock.monotonic(). */
  readonly now: number;
  /** Milliseconds since the epoch, for the times people read. */
  readonly wallMs: number;
}

export type Attempt =
  /** Still ours: write without reading; a conflict tells if somebody took it. */
  { readonly kind: 'renew'; readonly spec: LeaseSpec } | { readonly kind: 'read' };

export type Claim =
  | { readonly kind: 'create'; readonly spec: LeaseSpec }
  | { readonly kind: 'update'; readonly spec: LeaseSpec }
  | { readonly kind: 'wait'; readonly holder: string };

export const holderOf = (observed: Observed | undefined): string => observed?.lease.spec.holderIdentity ?? '';

/** Keeps the time of the first sight when nothing changed. */
export function observe(before: Observed | undefined, lease: Lease, now: number): Observed {
  const same = before !== undefined && before.lease.metadata.uid === lease.metadata.uid && sameSpec(before.lease.spec, lease.spec);
  return { lease, at: same ? before.at : now };
}

const sameSpec = (a: LeaseSpec, b: LeaseSpec): boolean =>
  a.holderIdentity === b.holderIdentity &&
  a.renewTime === b.renewTime &&
  a.acquireTime === b.acquireTime &&
  a.leaseDurationSeconds === b.leaseDurationSeconds;

const isValid = ({ lease, at }: Observed, now: number): boolean => now < at + (lease.spec.leaseDurationSeconds ?? 0) * 1000;

function claimed({ identity, leaseDurationMs, wallMs }: Candidate, before: LeaseSpec | undefined): LeaseSpec {
  const now = formatMicroTime(wallMs);
  const ours = before?.holderIdentity === identity;
  const transitions = before?.leaseTransitions ?? 0;
  return {
    ...before,
    holderIdentity: identity,
    leaseDurationSeconds: Math.trunc(leaseDurationMs / 1000),
    renewTime: now,
    acquireTime: ours ? (before.acquireTime ?? now) : now,
    leaseTransitions: before === undefined || ours ? transitions : transitions + 1,
  };
}

export function planAttempt(observed: Observed | undefined, me: Candidate): Attempt {
  if (observed === undefined || holderOf(observed) !== me.identity || !isValid(observed, me.now)) return { kind: 'read' };
  return { kind: 'renew', spec: claimed(me, observed.lease.spec) };
}

/** `observed`: undefined where there is no Lease. */
export function planClaim(observed: Observed | undefined, me: Candidate): Claim {
  if (observed === undefined) return { kind: 'create', spec: claimed(me, undefined) };
  const holder = holderOf(observed);
  if (holder !== '' && holder !== me.identity && isValid(observed, me.now)) return { kind: 'wait', holder };
  return { kind: 'update', spec: claimed(me, observed.lease.spec) };
}

/** Nobody's, at once; undefined when it is not ours to give. Source: tryRelease. */
export function released(lease: Lease, identity: string, wallMs: number): LeaseSpec | undefined {
  if (lease.spec.holderIdentity !== identity) return undefined;
  const now = formatMicroTime(wallMs);
  return { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
}
