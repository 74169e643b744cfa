// Keeps the Endpoints of Services with a selector. Source: pkg/controller/endpoint.
import { isStatusError } from '#apimachinery/errors.ts';
import { selectorFromSet } from '#apimachinery/labels.ts';
import { endpoints, pods, services } from '#api/resources.ts';
import type { Endpoints, New, Service } from '#api/types.ts';
import { KnownPods } from '../endpointslice/known-pods.ts';
import { Pace } from '../endpointslice/pace.ts';
import { followPods } from '../endpointslice/pod-changes.ts';
import { type Controller, type ControllerContext, keyOf, splitKey } from '../runtime/controller.ts';
import { indexByLabels, selectedBy } from '../runtime/selected.ts';
import { isNamespaceTerminating } from '../serviceaccount/controller.ts';
import { keepsElection, memberOf, planEndpoints, wantedEndpoints } from './plan.ts';

export const endpointsController: Controller = {
  name: 'endpoints-controller',
  serviceAccount: 'endpoint-controller',
  reads: [services, pods, endpoints],
  writes: ['endpoints', 'events'],
  workers: 5, // Source: --concurrent-endpoint-syncs
  setUp(context) {
    const { informers, queue, client, clock } = context;
    const serviceLister = informers.informer(services);
    const podInformer = informers.informer(pods);
    const lister = informers.informer(endpoints);
    indexByLabels(podInformer);
    const knownPods = new KnownPods(memberOf);
    const pace = new Pace(queue, clock);
    const wake = (service: Service): void => queue.add(keyOf(service));
    serviceLister.addHandlers({ added: wake, updated: wake, deleted: wake });
    followPods({ pods: podInformer, services: serviceLister, pace });
    lister.addHandlers({
      added(present, initial) {
        // Its Service may have gone while nobody looked. Source: checkLeftoverEndpoints.
        if (initial && !keepsElection(present)) queue.add(keyOf(present));
      },
      deleted: (gone) => queue.add(keyOf(gone)),
    });

    return async (key) => {
      const service = serviceLister.byKey(key);
      pace.looked(key);
      if (service === undefined) {
        pace.forget(key);
        knownPods.forget(key);
        // Those of a Service without a selector are somebody else's, but their Service is gone too.
        return lister.byKey(key) === undefined ? undefined : remove(key, context);
      }
      if (service.spec.selector === undefined || service.spec.type === 'ExternalName') return undefined;
      const selected = selectedBy(podInformer, service.metadata.namespace, selectorFromSet(service.spec.selector));
      const present = lister.byKey(key);
      const { values, triggerTime } = knownPods.look(key, service, selected);
      const wanted = planEndpoints(service, wantedEndpoints(values), present, triggerTime);
      if (wanted === undefined) return undefined;
      pace.writes(key);
      try {
        await (present === undefined ? client.create(endpoints, wanted) : client.update(endpoints, wanted));
      } catch (error) {
        if (isNamespaceTerminating(error)) return undefined;
        knownPods.forget(key); // the next try tells the time again
        report(service, present, wanted, error, context);
        throw error;
      }
      return undefined;
    };
  },
};

function report(
  service: Service,
  present: Endpoints | undefined,
  { metadata }: New<Endpoints>,
  error: unknown,
  { events }: ControllerContext,
): void {
  if (!isStatusError(error) || error.reason === 'Conflict' || error.reason === 'AlreadyExists') return;
  const name = `${metadata?.namespace}/${metadata?.name}`;
  if (present === undefined)
    events.event(service, 'Warning', 'FailedToCreateEndpoint', `Failed to create endpoint for service ${name}: ${error.message}`);
  else events.event(service, 'Warning', 'FailedToUpdateEndpoint', `Failed to update endpoint ${name}: ${error.message}`);
}

async function remove(key: string, { client }: ControllerContext): Promise<undefined> {
  try {
    await client.delete(endpoints, splitKey(key));
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
  return undefined;
}
