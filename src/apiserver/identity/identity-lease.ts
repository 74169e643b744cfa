// A Lease that says this API server lives, and the end of those of servers that do not. Source: component-helpers
// apimachinery/lease controller.go, pkg/controlplane/controller/apiserverleasegc.
import { leases } from '#api/resources.ts';
import type { Lease, New } from '#api/types.ts';
import { NAMESPACE } from '#api/well-known.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatMicroTime, parseTime } from '#apimachinery/time.ts';
import { wait, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import { apiServerId } from './id.ts';

/** Source: IdentityLeaseDurationSeconds, IdentityLeaseRenewIntervalPeriod, IdentityLeaseGCPeriod. */
const DURATION_SECONDS = 3_600;
const RENEW_MS = 10_000;
const COLLECT_MS = 3_600_000;
/** Before the next try of what failed; twice as long each time. Source: backoffEnsureLease. */
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 7_000;

const IDENTITY_LABEL = 'apiserver.kubernetes.io/identity';
const COMPONENT = 'kube-apiserver';

export interface IdentityDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly hostname: string;
  readonly signal: AbortSignal;
}

/** Until the signal aborts. Renews the Lease and collects those that ended; the Lease stays behind. */
export async function keepIdentity(deps: IdentityDeps): Promise<void> {
  await Promise.all([keepLease(deps), collectLeases(deps)]);
}

async function keepLease(deps: IdentityDeps): Promise<void> {
  const { clock, ids, logger, hostname, signal } = deps;
  const name = apiServerId(hostname);
  const holder = `${name}_${ids.uuid()}`;
  let latest: Lease | undefined;
  for (let failures = 0; !signal.aborted;) {
    try {
      latest = await renewed(latest, { name, holder }, deps);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      latest = undefined; // what the store has is read again
      failures++;
      logger.warn('the Lease of this API server is not renewed', { lease: name, error });
    }
    if (!(await paused(clock, failures === 0 ? RENEW_MS : retryAfter(failures), signal))) return;
  }
}

const retryAfter = (failures: number): number => Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS);

async function renewed(
  latest: Lease | undefined,
  { name, holder }: { readonly name: string; readonly holder: string },
  { client, clock, hostname, signal }: IdentityDeps,
): Promise<Lease> {
  const found = latest ?? (await existing(client, name, signal));
  const spec = { holderIdentity: holder, leaseDurationSeconds: DURATION_SECONDS, renewTime: formatMicroTime(clock.now()) };
  const labels = { ...found?.metadata.labels, [IDENTITY_LABEL]: COMPONENT, 'kubernetes.io/hostname': hostname };
  if (found === undefined) {
    return client.create(leases, { metadata: { name, namespace: NAMESPACE.system, labels }, spec } as New<Lease>, { signal });
  }
  return client.update(leases, { ...found, metadata: { ...found.metadata, labels }, spec: { ...found.spec, ...spec } }, { signal });
}

async function existing(client: Client, name: string, signal: AbortSignal): Promise<Lease | undefined> {
  try {
    return await client.get(leases, { name, namespace: NAMESPACE.system }, { signal });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function collectLeases({ client, clock, logger, signal }: IdentityDeps): Promise<void> {
  while (!signal.aborted) {
    try {
      await collect(client, clock, signal);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn('Leases of API servers that are gone are not collected', { error });
    }
    if (!(await paused(clock, COLLECT_MS, signal))) return;
  }
}

async function collect(client: Client, clock: Clock, signal: AbortSignal): Promise<void> {
  const { items } = await client.list(leases, { namespace: NAMESPACE.system, labelSelector: `${IDENTITY_LABEL}=${COMPONENT}`, signal });
  for (const { metadata, spec } of items) {
    if (!hasEnded(spec, clock.now())) continue;
    try {
      // Renewed in between, it is not deleted.
      const { uid, resourceVersion } = metadata;
      const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      await client.delete(leases, { name: metadata.name, namespace: NAMESPACE.system }, { preconditions, signal });
    } catch (error) {
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    }
  }
}

/** One without its times was made by nobody who renews it. Source: isLeaseExpired. */
function hasEnded(spec: Lease['spec'], now: number): boolean {
  const { renewTime, leaseDurationSeconds } = spec ?? {};
  if (typeof renewTime !== 'string' || leaseDurationSeconds === undefined) return true;
  return parseTime(renewTime) + leaseDurationSeconds * 1_000 < now;
}

/** False when it was cut short. */
async function paused(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await wait(clock, ms, signal);
    return true;
  } catch {
    return false;
  }
}
