// Mirrors Endpoints that somebody made by hand into EndpointSlices, which is all that proxies read.
// Source: pkg/controller/endpointslicemirroring.
import { endpoints, endpointslices, services } from '#api/resources.ts';
import type { EndpointSlice } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { planSlices } from '../endpointslice/plan.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { isNamespaceTerminating } from '../serviceaccount/controller.ts';
import { MirrorMetrics } from './mirror-metrics.ts';
import { isMirrored, MAX_PER_SUBSET, MIRRORED_BY, mirrorSource, mirrorTargets } from './plan.ts';

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
  setUp({ client, informers, queue, events, metrics, clock }) {
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
    const sync = async (key: string): Promise<void> => {
      const source = lister.byKey(key);
      const existing = slices.byIndex(MIRRORED, key).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      const mirrored =
        source !== undefined && source.metadata.deletionTimestamp === undefined && isMirrored(source, serviceLister.byKey(key));
      const remove = (slice: EndpointSlice): Promise<void> =>
        gone(() => client.delete(endpointslices, slice.metadata, { preconditions: { uid: slice.metadata.uid } }));
      if (!mirrored) {
        await Promise.all(existing.map(remove));
        figures.gone(key, existing.length);
        return;
      }
      const { targets, skipped } = mirrorTargets(source);
      if (skipped > 0) {
        const message = `A max of ${MAX_PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`;
        events.event(source, 'Warning', 'TooManyAddressesToMirror', message);
      }
      const plan = planSlices(mirrorSource(source), targets, existing, MAX_PER_SUBSET);
      try {
        await Promise.all([
          ...plan.create.map((slice) => client.create(endpointslices, slice)),
          ...plan.update.map((slice) => client.update(endpointslices, slice)),
          ...plan.delete.map(remove),
        ]);
        figures.passed(key, { targets, skipped, existing, plan });
      } catch (error) {
        if (!isNamespaceTerminating(error)) throw error;
      }
    };
    return async (key) => {
      const since = clock.monotonic();
      try {
        await sync(key);
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
