// Keeps the Available condition of every APIService: by events, and by asking each server every 30 seconds.
// Source: kube-aggregator pkg/controllers/status.
import { apiservices, endpointslices, services as serviceResource } from '#api/resources.ts';
import { findCondition, isConditionTrue, setCondition } from '#api/conditions.ts';
import type { APIService } from '#api/gen/apiregistration-v1.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import { rateLimiter } from '#client/workqueue/rate-limiter.ts';
import { WorkQueue } from '#client/workqueue/work-queue.ts';
import { runWorkers, type Requeue } from '#client/workqueue/workers.ts';
import { SYSTEM_PRIVILEGED_GROUP, type UserInfo } from '../authentication/contract.ts';
import type { CacheReader } from '../cache/reader.ts';
import { authority } from '../kubelet/target.ts';
import { OutboundError } from '../outbound/contract.ts';
import { backendOf, LOCAL, objection, PASSED, unavailable, type Availability } from './availability-plan.ts';
import type { AggregatorMetrics } from './metrics.ts';
import { addressOf, fetchFrom, type RemoteDeps } from './remote.ts';

export interface AvailabilityDeps extends RemoteDeps {
  readonly client: Client;
  readonly reader: CacheReader;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AggregatorMetrics;
  readonly signal: AbortSignal;
}

/** As whom aggregated servers are asked how they are. */
const AGGREGATOR: UserInfo = { name: 'system:kube-aggregator', groups: [SYSTEM_PRIVILEGED_GROUP] };
const WORKERS = 5;
/** The network may change without an event. Source: the informer's resync, and the rate limiter's bounds. */
const RESYNC_MS = 30_000;
const RETRIES = { baseDelayMs: 5, maxDelayMs: 30_000, overall: undefined };
const PROBES = 5;
const PROBE_TIMEOUT_MS = 5_000;
const SERVICE_NAME = 'kubernetes.io/service-name';

/** Runs until the signal aborts. */
export async function runAvailability(deps: AvailabilityDeps): Promise<void> {
  const { reader, clock, logger, signal } = deps;
  const queue = new WorkQueue<string>({ clock, rateLimiter: rateLimiter(RETRIES) });
  const addBehind = (namespace: string | undefined, name: string | undefined): void => {
    for (const service of reader.list(apiservices)) {
      const backend = backendOf(service);
      if (backend !== undefined && backend.namespace === namespace && backend.name === name) queue.add(service.metadata.name);
    }
  };
  const removers = [
    reader.onChange(apiservices, ({ object, previous }) => {
      // Not after each status: a message that changes from try to try would have us ask without end.
      const isKnown = findCondition(object?.status.conditions, 'Available') !== undefined;
      if (object?.spec !== previous?.spec || !isKnown) queue.add((object ?? previous)?.metadata.name as string);
    }),
    reader.onChange(serviceResource, ({ object, previous }) => {
      const { metadata } = (object ?? previous) as { readonly metadata: { readonly namespace: string; readonly name: string } };
      addBehind(metadata.namespace, metadata.name);
    }),
    reader.onChange(endpointslices, ({ object, previous }) => {
      const metadata = (object ?? previous)?.metadata;
      addBehind(metadata?.namespace, metadata?.labels?.[SERVICE_NAME]);
    }),
  ];
  for (const { metadata } of reader.list(apiservices)) queue.add(metadata.name);
  await runWorkers(queue, { workers: WORKERS, reconcile: (name) => reconcile(name, deps), clock, logger, signal });
  for (const remove of removers) remove();
}

async function reconcile(name: string, deps: AvailabilityDeps): Promise<Requeue | undefined> {
  const { reader, metrics, signal } = deps;
  const service = reader.get(apiservices, name);
  if (service === undefined) {
    metrics.forget(name);
    return undefined;
  }
  const backend = backendOf(service);
  if (backend === undefined) {
    await write(service, LOCAL, deps);
    return undefined;
  }
  const slices = [...reader.list(endpointslices, backend.namespace)].filter(
    ({ metadata }) => metadata.labels?.[SERVICE_NAME] === backend.name,
  );
  const known = objection(backend, reader.get(serviceResource, backend.name, backend.namespace), slices);
  if (known !== undefined) {
    await write(service, known, deps);
    return { afterMs: RESYNC_MS };
  }
  const why = await probe(service, deps);
  if (signal.aborted) return undefined;
  if (why === undefined) {
    await write(service, PASSED, deps);
    return { afterMs: RESYNC_MS };
  }
  await write(service, unavailable('FailedDiscoveryCheck', why), deps);
  throw new Error(`${name}: ${why}`); // tried again soon, then later and later
}

/** Undefined when one of several tries succeeds: one dead endpoint of many makes no server unavailable. */
async function probe(service: APIService, deps: AvailabilityDeps): Promise<string | undefined> {
  const ending = new AbortController();
  const tries = Array.from({ length: PROBES }, async () => {
    const why = await probeOnce(service, AbortSignal.any([deps.signal, ending.signal]), deps);
    if (why !== undefined) throw new ProbeError(why);
  });
  try {
    await Promise.any(tries);
    return undefined;
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    const other = error.errors.find((one) => !(one instanceof ProbeError)) as Error | undefined;
    if (other !== undefined) throw other;
    return (error.errors.at(-1) as ProbeError).message;
  } finally {
    ending.abort();
  }
}

class ProbeError extends Error {
  override readonly name = 'ProbeError';
}

async function probeOnce(service: APIService, signal: AbortSignal, deps: AvailabilityDeps): Promise<string | undefined> {
  const { group = '', version = '' } = service.spec;
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  let url = path;
  try {
    url = `https://${authority(addressOf(service, deps.services))}${path}`;
    const { status } = await fetchFrom(service, { path, user: AGGREGATOR, timeoutMs: PROBE_TIMEOUT_MS, signal }, deps);
    return status >= 200 && status < 300 ? undefined : `failing or missing response from ${url}: bad status from ${url}: ${status}`;
  } catch (error) {
    if (error instanceof StatusError) return error.message;
    if (error instanceof OutboundError) return `failing or missing response from ${url}: ${error.message}`;
    throw error;
  }
}

async function write(service: APIService, availability: Availability, { client, clock, metrics }: AvailabilityDeps): Promise<void> {
  const { name } = service.metadata;
  const isAvailable = availability.status === 'True';
  metrics.set(name, isAvailable);
  const before = service.status.conditions;
  const conditions = setCondition(before, { type: 'Available', lastTransitionTime: null, ...availability }, clock.now());
  if (conditions === before) return;
  try {
    await client.update(apiservices, { ...service, status: { ...service.status, conditions } } as never, { subresource: 'status' });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return;
    throw error;
  }
  if (!isAvailable && isConditionTrue(before, 'Available')) metrics.becameUnavailable(name, availability.reason ?? 'UnknownReason');
}
