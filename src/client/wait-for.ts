// Waits, by watching, until one object is as wanted.
import { wait, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { fieldEquals } from '#apimachinery/fields.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { KubeObject } from '#api/types.ts';
import { nextDelay, type BackoffState } from './backoff.ts';
import { ConnectionError, type Client, type ObjectRef } from './contract.ts';
import { deadline } from './deadline.ts';
import { REFLECTOR_BACKOFF } from './informer/reflector-plan.ts';

export interface WaitForOptions<T> {
  /** Judges the present state; undefined: the object does not exist. */
  readonly until: (object: T | undefined) => boolean;
  /** Milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly signal?: AbortSignal;
}

/**
 * The state for which `until` held. Broken connections are mended within the time given.
 * @throws DeadlineExceeded when time is up, the signal's reason when it is aborted, StatusError when the server
 *   refuses the list or the watch
 */
export async function waitFor<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  ref: ObjectRef,
  { until, timeoutMs, clock, ids, signal }: WaitForOptions<T>,
): Promise<T | undefined> {
  const what = ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`;
  const limit = deadline(clock, timeoutMs, `timed out waiting for ${resource.resource} ${what}`, signal);
  let backoff: BackoffState | undefined = undefined;
  try {
    for (;;) {
      try {
        const seen = await untilStreamEnds(client, resource, ref, until, limit.signal);
        if (seen.kind === 'held') return seen.object;
      } catch (error) {
        limit.signal.throwIfAborted();
        const mendable = error instanceof ConnectionError || isStatusError(error, 'Expired') || isStatusError(error, 'TooManyRequests');
        if (!mendable) throw error;
      }
      const next = nextDelay(REFLECTOR_BACKOFF, backoff, clock.monotonic(), ids.fraction());
      backoff = next.state;
      await wait(clock, next.delayMs, limit.signal);
    }
  } finally {
    limit.cancel();
  }
}

type Seen<T> = { readonly kind: 'held'; readonly object: T | undefined } | { readonly kind: 'ended' };

/** One list and the watch that follows it. */
async function untilStreamEnds<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  { name, namespace }: ObjectRef,
  until: (object: T | undefined) => boolean,
  signal: AbortSignal,
): Promise<Seen<T>> {
  const scope = { ...(namespace === undefined ? {} : { namespace }), fieldSelector: fieldEquals('metadata.name', name).toString(), signal };
  const { items, metadata } = await client.list(resource, scope);
  if (until(items[0])) return { kind: 'held', object: items[0] };
  for await (const event of client.watch(resource, { ...scope, resourceVersion: metadata.resourceVersion ?? '' })) {
    if (event.type === 'BOOKMARK') continue;
    const object = event.type === 'DELETED' ? undefined : event.object;
    if (until(object)) return { kind: 'held', object };
  }
  return { kind: 'ended' };
}
