// Frees claims whose pods are gone, and deletes those that were made for them.
import { isStatusError } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { controllerOf } from '#api/owner-references.ts';
import { pods, resourceclaims } from '#api/resources.ts';
import type { ResourceClaim, ResourceClaimConsumerReference } from '#api/gen/resource-v1.ts';
import type { Pod } from '#api/types.ts';
import { assertNever } from '#base/assert-never.ts';
import { controlledBy, indexByController } from '../runtime/claim.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { isPodDone, planClaim, released } from './plan.ts';

const BY_CONSUMER = 'consumer-uid';

export const resourceClaimController: Controller = {
  name: 'resourceclaim-controller',
  serviceAccount: 'resource-claim-controller',
  reads: [resourceclaims, pods],
  writes: ['resourceclaims', 'resourceclaims/status'],
  workers: 50, // Source: --concurrent-resource-claim-syncs
  setUp(context) {
    const { informers, queue, metrics } = context;
    const claims = informers.informer(resourceclaims);
    metrics.claims.follow(claims);
    const podInformer = informers.informer(pods);
    indexByController(claims);
    claims.addIndex(BY_CONSUMER, consumersOf);
    const wake = (claim: ResourceClaim): void => queue.add(keyOf(claim));
    claims.addHandlers({ added: wake, updated: wake });
    const wakeClaims = ({ metadata: { uid } }: Pod): void =>
      [...claims.byIndex(BY_CONSUMER, uid), ...controlledBy(claims, uid)].forEach(wake);
    podInformer.addHandlers({ updated: (pod) => void (isPodDone(pod) && wakeClaims(pod)), deleted: wakeClaims });
    return async (key) => {
      const claim = claims.byKey(key);
      if (claim !== undefined) await settle(claim, context);
    };
  },
};

const consumersOf = ({ status }: ResourceClaim): readonly string[] => (status.reservedFor ?? []).map(({ uid }) => uid);

async function settle(claim: ResourceClaim, context: ControllerContext): Promise<void> {
  const { client } = context;
  const { namespace } = claim.metadata;
  const gone = new Set<string>();
  for (const consumer of claim.status.reservedFor ?? []) if (await isGone(consumer, namespace, context)) gone.add(consumer.uid);
  const owner = controllerOf(claim);
  const pod = owner?.kind === 'Pod' ? await podOf(owner, namespace, context) : undefined;
  const plan = planClaim(claim, gone, pod);
  switch (plan.kind) {
    case 'steady':
      return;
    case 'free': {
      const same = deepEqual(plan.status, claim.status);
      const written = same ? claim : await client.update(resourceclaims, { ...claim, status: plan.status }, { subresource: 'status' });
      if (plan.release) await client.update(resourceclaims, released(written));
      return;
    }
    case 'delete':
      try {
        await client.delete(resourceclaims, claim.metadata, { preconditions: { uid: claim.metadata.uid } });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
      return;
    default:
      return assertNever(plan);
  }
}

/** What is no pod is for somebody else to say. */
async function isGone(
  { apiGroup = '', resource, name, uid }: ResourceClaimConsumerReference,
  namespace: string,
  context: ControllerContext,
): Promise<boolean> {
  if (apiGroup !== '' || resource !== 'pods') return false;
  const pod = await podOf({ name, uid }, namespace, context);
  return pod === undefined || isPodDone(pod);
}

/** From the server where the informer does not show it: devices are not taken from a pod it has not seen. */
async function podOf(
  { name, uid }: { readonly name: string; readonly uid: string },
  namespace: string,
  { client, informers }: ControllerContext,
): Promise<Pod | undefined> {
  const known = informers.informer(pods).get(name, namespace);
  if (known?.metadata.uid === uid) return known;
  try {
    const pod = await client.get(pods, { name, namespace });
    return pod.metadata.uid === uid ? pod : undefined;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}
