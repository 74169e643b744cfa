// Mirrors Endpoints that somebody made by hand into EndpointSlices, which is all that proxies read.
// Source: pkg/controller/endpointslicemirroring.
import { endpoints, endpointslices, services } from '#api/resources.ts';
import type { EndpointSlice } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Requeue } from '#client/workqueue/workers.ts';
import { planSlices } from '../endpointslice/plan.ts';
import { SliceCreations } from '../endpointslice/slice-creations.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { isNamespaceTerminating } from '../serviceaccount/controller.ts';
import { MirrorMetrics } from './mirror-metrics.ts';
import { isMirrored, MAX_PER_SUBSET, MIRRORED_BY, mirrorSource, mirrorTargets } from './plan.ts';

/** Another look at slices that are not shown, in case they never are. Milliseconds. */
const UNSEEN_MS = 1000;

const MIRRORED = 'mirrored-slices-of-endpoints';

const mirroredKey = ({ metadata }: EndpointSlice): readonly string[] => {
  const name = metadata.labels?.[LABEL.serviceName];
  return name === undefined || metadata.labels?.[LABEL.managedBy] !== MIRRORED_BY ? [] : [`${metadata.namespace}/${name}`];
};

export const endpointSliceMirroringController: Controller = {
  name: 'endpointslice-mirroring-controller',
  serviceAccount: 'endpointslicemirroring-controller',
  reads: [endpoints, services, endpointslices],
  writes: ['endpointslices', 'events'],
  workers: 5, // Source: --mirroring-concurrent-service-endpoint-syncs
  setUp({ client, informers, queue, events, metrics, clock, ids }) {
    const figures = new MirrorMetrics(metrics);
    const lister = informers.informer(endpoints);
    const serviceLister = informers.informer(services);
    const slices = informers.informer(endpointslices);
    slices.addIndex(MIRRORED, mirroredKey);
    const wake = (object: { readonly metadata: { readonly name: string; readonly namespace: string } }): void => queue.add(keyOf(object));
    lister.addHandlers({ added: wake, updated: wake, deleted: wake });
    serviceLister.addHandlers({ added: wake, updated: wake, deleted: wake });
    const wakeSource = (slice: EndpointSlice): void => {
      for (const key of mirroredKey(slice)) queue.add(key);
    };
    slices.addHandlers({ updated: wakeSource, deleted: wakeSource });
    const creations = new SliceCreations({
      client,
      slices,
      ids,
      clock,
      keyOf: (slice) => mirroredKey(slice)[0],
      wake: (key) => queue.add(key),
    });
    const sync = async (key: string): Promise<Requeue | undefined> => {
      const pass = creations.begin(key);
      if (pass === undefined) return { afterMs: UNSEEN_MS };
      const source = lister.byKey(key);
      const existing = slices.byIndex(MIRRORED, key).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      const mirrored =
        source !== undefined && source.metadata.deletionTimestamp === undefined && isMirrored(source, serviceLister.byKey(key));
      const remove = (slice: EndpointSlice): Promise<void> =>
        gone(() => client.delete(endpointslices, slice.metadata, { preconditions: { uid: slice.metadata.uid } }));
      if (!mirrored) {
        await Promise.all(existing.map(remove));
        figures.gone(key, existing.length);
        creations.forget(key);
        return undefined;
      }
      const { targets, skipped } = mirrorTargets(source);
      if (skipped > 0) {
        const message = `A max of ${MAX_PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`;
        events.event(source, 'Warning', 'TooManyAddressesToMirror', message);
      }
      const plan = planSlices(mirrorSource(source), targets, existing, MAX_PER_SUBSET);
      try {
        await Promise.all([
          creations.create(key, pass, plan.create, existing),
          ...plan.update.map((slice) => client.update(endpointslices, slice)),
          ...plan.delete.map(remove),
        ]);
        figures.passed(key, { targets, skipped, existing, plan });
      } catch (error) {
        if (!isNamespaceTerminating(error)) throw error;
      }
      return undefined;
    };
    return async (key) => {
      const since = clock.monotonic();
      try {
        return await sync(key);
      } finally {
        figures.took((clock.monotonic() - since) / 1000);
      }
    };
  },
};

async function gone(remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
