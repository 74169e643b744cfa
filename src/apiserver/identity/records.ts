// Everything of this folder that goes on while a server runs.
import { namespaces } from '#api/resources.ts';
import { NAMESPACE } from '#api/well-known.ts';
import type { PostStartHook } from '../routes/post-start-hooks.ts';
import { keepIdentity, type IdentityDeps } from './identity-lease.ts';
import { keepTokenTracking, type TrackingDeps } from './token-tracking.ts';

export interface IdentityOptions {
  /** Of this machine: the same name means the same server. Absent: without a Lease. Source: APIServerIdentity. */
  readonly hostname?: string;
}

const LEASE_HOOKS: readonly PostStartHook[] = [
  'start-kube-apiserver-identity-lease-controller',
  'start-kube-apiserver-identity-lease-garbage-collector',
];
const TRACKING_HOOK: PostStartHook = 'start-legacy-token-tracking-controller';

export const identityHooks = ({ hostname }: IdentityOptions): readonly PostStartHook[] => [
  ...(hostname === undefined ? [] : LEASE_HOOKS),
  TRACKING_HOOK,
];

/** Until the signal aborts. Does not reject. */
export async function keepRecords({ hostname }: IdentityOptions, deps: Omit<IdentityDeps, 'hostname'> & TrackingDeps): Promise<void> {
  await namespaceThere(deps);
  await Promise.all([keepTokenTracking(deps), hostname === undefined ? undefined : keepIdentity({ ...deps, hostname })]);
}

/** A new cluster gets it a moment after its server starts. Resolves when the signal aborts, too. */
async function namespaceThere({ reader, signal }: Pick<TrackingDeps, 'reader' | 'signal'>): Promise<void> {
  const there = Promise.withResolvers<void>();
  const look = (): void => {
    if (signal.aborted || reader.get(namespaces, NAMESPACE.system) !== undefined) there.resolve();
  };
  const stopListening = reader.onChange(namespaces, look);
  signal.addEventListener('abort', look, { once: true });
  look();
  await there.promise;
  stopListening();
  signal.removeEventListener('abort', look);
}
