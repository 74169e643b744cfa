// pure
// The ReplicaSet a Deployment makes for a template. Source: sync.go getNewReplicaSet.
import { controllerReference } from '#api/owner-references.ts';
import { podTemplateHash } from '#api/pod-template-hash.ts';
import type { Deployment, New, ReplicaSet } from '#api/types.ts';
import { boundsOf } from './bounds.ts';
import { HASH_LABEL, newSetAnnotations, replicasAnnotations } from './replica-sets.ts';

export const DEPLOYMENT_KIND = { group: 'apps', version: 'v1', kind: 'Deployment' } as const;

export function newReplicaSet(
  deployment: Deployment,
  replicas: number,
  revision: bigint,
): New<ReplicaSet> & { readonly metadata: { readonly name: string } } {
  const { metadata, spec, status } = deployment;
  const hash = podTemplateHash(spec.template, status.collisionCount);
  const labels = { ...spec.template.metadata.labels, [HASH_LABEL]: hash };
  const { minReadySeconds } = spec;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace,
      labels,
      annotations: { ...newSetAnnotations(deployment, {}, revision), ...replicasAnnotations(spec.replicas, maxReplicas(deployment)) },
      ownerReferences: [controllerReference(deployment, DEPLOYMENT_KIND)],
    },
    spec: {
      replicas,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      // Without the hash two versions would count each other's pods as their own.
      selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
}

/** What a roll-out may come to at its height; the shares of a scaling in its middle are worked out from it. */
export function maxReplicas(deployment: Deployment): number {
  return deployment.spec.replicas + boundsOf(deployment).maxSurge;
}
