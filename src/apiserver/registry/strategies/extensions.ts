// CustomResourceDefinitions and APIServices. Source: apiextensions-apiserver, kube-aggregator registries.
import type { APIService, CustomResourceDefinition } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Strategy } from '../strategy.ts';

export const customResourceDefinitionStrategy = {
  generation: 'desired',
  allowUnconditionalUpdate: false,
  initialStatus: ({ spec }) => ({
    conditions: [],
    acceptedNames: { plural: '', kind: '' },
    storedVersions: spec.versions.filter(({ storage }) => storage).map(({ name }) => name),
  }),
} satisfies Strategy<CustomResourceDefinition>;

export const apiServiceStrategy = {
  allowUnconditionalUpdate: false,
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
