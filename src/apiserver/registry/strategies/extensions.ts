// CustomResourceDefinitions and APIServices. Source: apiextensions-apiserver, kube-aggregator registries.
import type { APIService, CustomResourceDefinition } from '#api/types.ts';
import { setCondition } from '#api/conditions.ts';
import { formatTime } from '#apimachinery/time.ts';
import { withMetadata } from '../metadata.ts';
import { METADATA_OF_STATUS } from '../status-metadata.ts';
import type { Strategy } from '../strategy.ts';

/** Held by a definition under deletion until its objects are gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

const storageVersions = ({ spec }: CustomResourceDefinition): readonly string[] =>
  spec.versions.filter(({ storage }) => storage).map(({ name }) => name);

export const customResourceDefinitionStrategy = {
  generation: 'desired',
  allowUnconditionalUpdate: false,
  initialStatus: (crd) => ({ conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: storageVersions(crd) }),
  // A version that becomes the storage version is remembered until whoever migrated the objects takes it out.
  prepareForUpdate: (crd) => {
    const stored = crd.status.storedVersions ?? [];
    const added = storageVersions(crd).filter((name) => !stored.includes(name));
    return added.length === 0 ? crd : { ...crd, status: { ...crd.status, storedVersions: [...stored, ...added] } };
  },
  // The first delete only marks: objects go before their definition. Source: registry/customresourcedefinition REST.Delete.
  isHeld: ({ metadata }) => metadata.deletionTimestamp === undefined,
  prepareForDelete: (crd, { clock }) => {
    const { finalizers = [] } = crd.metadata;
    if (finalizers.includes(CLEANUP_FINALIZER)) return crd;
    const conditions = setCondition(
      crd.status.conditions ?? [],
      {
        type: 'Terminating',
        status: 'True',
        reason: 'InstanceDeletionPending',
        message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
        lastTransitionTime: null,
      },
      clock.now(),
    );
    return { ...crd, metadata: { ...crd.metadata, finalizers: [...finalizers, CLEANUP_FINALIZER] }, status: { ...crd.status, conditions } };
  },
} satisfies Strategy<CustomResourceDefinition>;

export const apiServiceStrategy = {
  allowUnconditionalUpdate: false,
  resetFields: METADATA_OF_STATUS,
  subresources: {
    status: {
      prepareForUpdate: (service, { metadata: { labels, annotations, finalizers, ownerReferences } }) =>
        withMetadata(service, { labels, annotations, finalizers, ownerReferences }),
    },
  },
  // A group version served here is available as soon as it is registered. Source: apiServerStrategy.PrepareForCreate.
  initialStatus: ({ spec }, { clock }) =>
    spec.service === undefined
      ? {
          conditions: [
            {
              type: 'Available',
              status: 'True',
              lastTransitionTime: formatTime(clock.now()),
              reason: 'Local',
              message: 'Local APIServices are always available',
            },
          ],
        }
      : {},
} satisfies Strategy<APIService>;
