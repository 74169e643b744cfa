// Keeps the EndpointSlices of Services with a selector. Source: pkg/controller/endpointslice.
import { isStatusError } from '#apimachinery/errors.ts';
import { selectorFromSet } from '#apimachinery/labels.ts';
import { endpointslices, nodes, pods, services } from '#api/resources.ts';
import type { EndpointSlice, Service } from '#api/types.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { indexByLabels, selectedBy } from '../runtime/selected.ts';
import { targetsOf } from './endpoints.ts';
import { Pace } from './pace.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, planSlices, SERVICE_NAME_LABEL, sourceOf } from './plan.ts';
import { followPods } from './pod-changes.ts';
import { SliceMetrics } from './slice-metrics.ts';
import { TopologyHints } from './topology-hints.ts';
import { TriggerTimes } from './trigger-times.ts';

const BY_SERVICE = 'managed-slices-of-service';

const serviceKey = ({ metadata }: EndpointSlice): string | undefined => {
  const name = metadata.labels?.[SERVICE_NAME_LABEL];
  return name === undefined || metadata.labels?.[MANAGED_BY_LABEL] !== MANAGED_BY ? undefined : `${metadata.namespace}/${name}`;
};
const sliceIndex = (slice: EndpointSlice): readonly string[] => {
  const key = serviceKey(slice);
  return key === undefined ? [] : [key];
};

export const endpointSliceController: Controller = {
  name: 'endpointslice-controller',
  serviceAccount: 'endpointslice-controller',
  reads: [services, pods, nodes, endpointslices],
  writes: ['endpointslices', 'events'],
  workers: 5, // Source: --concurrent-service-endpoint-syncs
  setUp({ client, informers, queue, events, clock, logger, metrics }) {
    const serviceLister = informers.informer(services);
    const podInformer = informers.informer(pods);
    const nodeLister = informers.informer(nodes);
    const slices = informers.informer(endpointslices);
    slices.addIndex(BY_SERVICE, sliceIndex);
    indexByLabels(podInformer);
    const triggers = new TriggerTimes();
    const figures = new SliceMetrics(metrics);
    const pace = new Pace(queue, clock);
    const hints = new TopologyHints({ nodes: nodeLister, events, wake: (key) => pace.wake(key) });

    const wake = (service: Service): void => queue.add(keyOf(service));
    serviceLister.addHandlers({ added: wake, updated: wake, deleted: wake });
    followPods({ pods: podInformer, services: serviceLister, pace });
    const wakeOwner = (slice: EndpointSlice): void => {
      const key = serviceKey(slice);
      if (key !== undefined) pace.wake(key);
    };
    slices.addHandlers({ updated: wakeOwner, deleted: wakeOwner });

    return async (key) => {
      const service = serviceLister.byKey(key);
      pace.looked(key);
      if (service === undefined) {
        figures.forget(key);
        pace.forget(key);
        hints.forget(key);
        return triggers.forget(key);
      }
      if (service.spec.selector === undefined || service.spec.type === 'ExternalName') return;
      const selected = selectedBy(podInformer, service.metadata.namespace, selectorFromSet(service.spec.selector));
      const existing = slices.byIndex(BY_SERVICE, key).filter((slice) => slice.metadata.deletionTimestamp === undefined);
      const all = targetsOf(service, selected, (name) => nodeLister.get(name));
      const targets = hints.apply(key, service, all, existing);
      const plan = planSlices(sourceOf(service, triggers.next(key, service, selected)), targets, existing);
      const requests = plan.create.length + plan.update.length + plan.delete.length;
      if (requests > 0) pace.writes(key, requests);
      try {
        await Promise.all([
          ...plan.create.map((slice) => client.create(endpointslices, slice)),
          ...plan.update.map((slice) => client.update(endpointslices, slice)),
          ...plan.delete.map((slice) =>
            deleted(() => client.delete(endpointslices, slice.metadata, { preconditions: { uid: slice.metadata.uid } })),
          ),
        ]);
        figures.passed(key, { service, targets, existing, plan });
      } catch (error) {
        figures.failed(isStatusError(error, 'Conflict'));
        if (isStatusError(error, 'Forbidden') && error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true)
          return;
        if (!isStatusError(error, 'Conflict')) {
          events.event(
            service,
            'Warning',
            'FailedToUpdateEndpointSlices',
            `Error updating Endpoint Slices for Service ${key}: ${(error as Error).message}`,
          );
          logger.warn('endpoint slices could not be brought up to date', { service: key, error });
        }
        throw error;
      }
    };
  },
};

async function deleted(remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
