// Keeps the EndpointSlices of Services with a selector. Source: pkg/controller/endpointslice.
import { isStatusError } from '#apimachinery/errors.ts';
import { selectorFromSet } from '#apimachinery/labels.ts';
import { endpointslices, nodes, pods, services } from '#api/resources.ts';
import type { EndpointSlice, Node, Pod, Service } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { indexByLabels, selectedBy } from '../runtime/selected.ts';
import { targetsOfPod } from './endpoints.ts';
import { KnownPods } from './known-pods.ts';
import { OwnWrites } from './own-writes.ts';
import { Pace } from './pace.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, planSlices, SERVICE_NAME_LABEL, sourceOf } from './plan.ts';
import { followPods } from './pod-changes.ts';
import { SliceCreations } from './slice-creations.ts';
import { SliceMetrics } from './slice-metrics.ts';
import { TopologyHints } from './topology-hints.ts';

const BY_SERVICE = 'managed-slices-of-service';

const serviceKey = ({ metadata }: EndpointSlice): string | undefined => {
  const name = metadata.labels?.[SERVICE_NAME_LABEL];
  return name === undefined || metadata.labels?.[MANAGED_BY_LABEL] !== MANAGED_BY ? undefined : `${metadata.namespace}/${name}`;
};
const sliceIndex = (slice: EndpointSlice): readonly string[] => {
  const key = serviceKey(slice);
  return key === undefined ? [] : [key];
};

/** Another look at slices that are not shown, in case they never are. Milliseconds. */
const UNSEEN_MS = 1000;

/** An empty label names no zone. */
const zoneOf = (node: Node | undefined): string | undefined => node?.metadata.labels?.[LABEL.zone] || undefined;

export const endpointSliceController: Controller = {
  name: 'endpointslice-controller',
  serviceAccount: 'endpointslice-controller',
  reads: [services, pods, nodes, endpointslices],
  writes: ['endpointslices', 'events'],
  workers: 5, // Source: --concurrent-service-endpoint-syncs
  setUp({ client, informers, queue, events, clock, ids, logger, metrics, tuning }) {
    const serviceLister = informers.informer(services);
    const podInformer = informers.informer(pods);
    const nodeLister = informers.informer(nodes);
    const slices = informers.informer(endpointslices);
    slices.addIndex(BY_SERVICE, sliceIndex);
    indexByLabels(podInformer);
    const knownPods = new KnownPods((service, pod) => {
      const node = nodeLister.get(pod.spec.nodeName ?? '');
      const targets = targetsOfPod(service, pod, zoneOf(node));
      const isPublished = node !== undefined || service.spec.publishNotReadyAddresses === true;
      return isPublished || targets.length === 0 ? { targets } : { targets: [], lost: pod };
    });
    const outdate = (): void => knownPods.outdate();
    nodeLister.addHandlers({
      added: outdate,
      updated: (node, before) => void (zoneOf(node) !== zoneOf(before) && outdate()),
      deleted: outdate,
    });
    const own = new OwnWrites();
    const figures = new SliceMetrics(metrics);
    const pace = new Pace(queue, clock);
    const creations = new SliceCreations({ client, slices, ids, clock, keyOf: serviceKey, wake: (key) => pace.wake(key) });
    const hints = new TopologyHints({ nodes: nodeLister, events, wake: (key) => pace.wake(key) });

    const wake = (service: Service): void => queue.add(keyOf(service));
    serviceLister.addHandlers({ added: wake, updated: wake, deleted: wake });
    followPods({ pods: podInformer, services: serviceLister, pace });
    const wakeOwner = (slice: EndpointSlice): void => {
      const key = serviceKey(slice);
      if (key !== undefined) pace.wake(key);
    };
    slices.addHandlers({
      updated(slice, before) {
        if (own.made(slice, before)) return;
        wakeOwner(slice);
        if (serviceKey(before) !== serviceKey(slice)) wakeOwner(before);
      },
      deleted(slice) {
        own.forget(slice);
        wakeOwner(slice);
      },
    });

    return async (key) => {
      const service = serviceLister.byKey(key);
      pace.looked(key);
      if (service === undefined) {
        figures.forget(key);
        pace.forget(key);
        hints.forget(key);
        creations.forget(key);
        return knownPods.forget(key);
      }
      if (service.spec.selector === undefined || service.spec.type === 'ExternalName') return;
      const pass = creations.begin(key);
      if (pass === undefined) return { afterMs: UNSEEN_MS };
      const selected = selectedBy(podInformer, service.metadata.namespace, selectorFromSet(service.spec.selector));
      const existing = slices.byIndex(BY_SERVICE, key).filter((slice) => slice.metadata.deletionTimestamp === undefined);
      const { values, triggerTime } = knownPods.look(key, service, selected);
      const found = values.flatMap((value) => value.targets);
      const targets = hints.apply(key, service, found, existing);
      const plan = planSlices(sourceOf(service, triggerTime), targets, existing, tuning.endpointsPerSlice);
      const requests = plan.create.length + plan.update.length + plan.delete.length;
      if (requests > 0) pace.writes(key, requests);
      for (const slice of plan.update) own.writes(slice);
      try {
        await Promise.all([
          creations.create(key, pass, plan.create, existing),
          ...plan.update.map((slice) => client.update(endpointslices, slice)),
          ...plan.delete.map((slice) =>
            deleted(() => client.delete(endpointslices, slice.metadata, { preconditions: { uid: slice.metadata.uid } })),
          ),
        ]);
        figures.passed(key, { service, targets, existing, plan });
        const lost = values.flatMap((value) => value.lost ?? []);
        if (lost.length > 0) throw new Error(lostMessage(service, lost));
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

/** Pods whose node is not there wait for it, or for the pod collector: then the Service is looked at again. Source: reconciler.go. */
function lostMessage({ metadata: { name, namespace } }: Service, lost: readonly Pod[]): string {
  const each = lost.map(
    (pod) => `skipping Pod ${pod.metadata.name} for Service ${namespace}/${name}: Node ${pod.spec.nodeName ?? ''} Not Found`,
  );
  return each.length === 1 ? (each[0] as string) : `[${each.join(', ')}]`;
}

async function deleted(remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
