// Makes the claims that pods ask for by template, and reserves claims for pods that are on a node already.
import { pods, resourceclaims, resourceclaimtemplates } from '#api/resources.ts';
import type { ResourceClaim, ResourceClaimTemplate } from '#api/gen/resource-v1.ts';
import type { New, Pod, PodResourceClaim } from '#api/types.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { Client } from '#client/contract.ts';
import { controlledBy, indexByController } from '../runtime/claim.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { createOnce } from '../runtime/create-once.ts';
import { claimNameOf, isMadeFor, isPodDone, madeFor, newClaim, reservation } from './plan.ts';

const BY_TEMPLATE = 'resource-claim-template';

export const resourceClaimPodController: Controller = {
  name: 'resourceclaim-controller',
  queue: 'resource_claim_pods',
  serviceAccount: 'resource-claim-controller',
  reads: [pods, resourceclaims, resourceclaimtemplates],
  writes: ['resourceclaims', 'resourceclaims/status', 'pods/status', 'events'],
  workers: 50, // Source: --concurrent-resource-claim-syncs
  setUp(context) {
    const { informers, queue, events } = context;
    const podInformer = informers.informer(pods);
    const claims = informers.informer(resourceclaims);
    const templates = informers.informer(resourceclaimtemplates);
    indexByController(claims);
    podInformer.addIndex(BY_TEMPLATE, templatesOf);
    const look = (pod: Pod): void => {
      if ((pod.spec.resourceClaims ?? []).length > 0 && !isPodDone(pod)) queue.add(keyOf(pod));
    };
    podInformer.addHandlers({ added: look, updated: look });
    templates.addHandlers({ added: (template) => podInformer.byIndex(BY_TEMPLATE, keyOf(template)).forEach(look) });
    claims.addHandlers({
      // One that was deleted under its pod is made anew.
      deleted(claim) {
        const owner = claim.metadata.ownerReferences?.find(({ kind, controller }) => kind === 'Pod' && controller === true);
        const pod = owner === undefined ? undefined : podInformer.get(owner.name, claim.metadata.namespace);
        if (pod !== undefined) look(pod);
      },
    });
    return async (key) => {
      const pod = podInformer.byKey(key);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
      const made = new Map<string, string>();
      for (const entry of pod.spec.resourceClaims ?? []) {
        try {
          const name = await ensureClaim(pod, entry, context);
          if (name !== undefined) made.set(entry.name, name);
        } catch (error) {
          if (isStatusError(error))
            events.event(pod, 'Warning', 'FailedResourceClaimCreation', `PodResourceClaim ${entry.name}: ${error.message}`);
          throw error;
        }
      }
      if (made.size > 0) return writeDown(pod, made, context);
      for (const entry of pod.spec.resourceClaims ?? []) await reserve(pod, entry, context);
    };
  },
};

const templatesOf = ({ metadata, spec }: Pod): readonly string[] =>
  (spec.resourceClaims ?? []).flatMap(({ resourceClaimTemplateName: name }) =>
    name === undefined ? [] : [`${metadata.namespace}/${name}`],
  );

/** The name to write down; undefined when there is nothing new. @throws StatusError. Source: handleClaim */
async function ensureClaim(
  pod: Pod,
  entry: PodResourceClaim,
  { client, informers, metrics }: ControllerContext,
): Promise<string | undefined> {
  const { resourceClaimTemplateName: templateName } = entry;
  if (templateName === undefined) return undefined;
  const claims = informers.informer(resourceclaims);
  const { namespace } = pod.metadata;
  const known = claimNameOf(pod, entry);
  const current = known === undefined ? undefined : claims.get(known, namespace);
  if (current !== undefined) {
    if (isMadeFor(current, pod)) return undefined;
    const text = `ResourceClaim ${namespace}/${known ?? ''} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`;
    throw new StatusError('Conflict', text);
  }
  const forgotten = madeFor(entry, controlledBy(claims, pod.metadata.uid));
  if (forgotten !== undefined) return forgotten.metadata.name;
  const template: ResourceClaimTemplate | undefined = informers.informer(resourceclaimtemplates).get(templateName, namespace);
  if (template === undefined)
    throw new StatusError(
      'NotFound',
      `resource claim template ${goQuote(templateName)}: resourceclaimtemplate.resource.k8s.io ${goQuote(templateName)} not found`,
    );
  const draft = newClaim(pod, entry, template);
  try {
    const { metadata } = await create(draft, client);
    metrics.claims.created(template.spec.spec, 'success');
    return metadata.name;
  } catch (error) {
    metrics.claims.created(template.spec.spec, 'failure');
    throw error;
  }
}

/** The server names what would have the name of somebody else's claim. */
async function create(draft: New<ResourceClaim>, client: Client): Promise<ResourceClaim> {
  try {
    return await createOnce(client, resourceclaims, draft);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    const { name: _, ...metadata } = draft.metadata as ResourceClaim['metadata'];
    return client.create(resourceclaims, { ...draft, metadata });
  }
}

/** All of the pod's at once: the list has one owner. */
async function writeDown(pod: Pod, made: ReadonlyMap<string, string>, { client }: ControllerContext): Promise<void> {
  const resourceClaimStatuses = (pod.spec.resourceClaims ?? []).flatMap((entry) => {
    const name = made.get(entry.name) ?? (entry.resourceClaimTemplateName === undefined ? undefined : claimNameOf(pod, entry));
    return name === undefined ? [] : [{ name: entry.name, resourceClaimName: name }];
  });
  const { name, namespace, uid } = pod.metadata;
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, uid }, status: { resourceClaimStatuses } } satisfies New<Pod>;
  const patch = { type: 'apply', body, fieldManager: 'ResourceClaimController', force: true } as const;
  await client.patch(pods, pod.metadata, patch, { subresource: 'status' });
}

async function reserve(pod: Pod, entry: PodResourceClaim, { client, informers }: ControllerContext): Promise<void> {
  const claim: ResourceClaim | undefined = informers.informer(resourceclaims).get(claimNameOf(pod, entry) ?? '', pod.metadata.namespace);
  const status = claim === undefined ? undefined : reservation(claim, pod);
  if (claim !== undefined && status !== undefined) await client.update(resourceclaims, { ...claim, status }, { subresource: 'status' });
}
