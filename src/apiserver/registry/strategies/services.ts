// Services. Source: pkg/registry/core/service.
import type { Service } from '#api/types.ts';
import { carried, normalizedNew } from '../allocation/carry.ts';
import type { ServiceAllocator } from '../allocation/services.ts';
import type { Strategy } from '../strategy.ts';

export const serviceStrategy = (allocator: ServiceAllocator) =>
  ({
    allowCreateOnUpdate: true,
    prepareForCreate: normalizedNew,
    prepareForUpdate: carried,
    reserve: (change, context) => allocator.reserve(change, context),
    selectableFields: { 'spec.clusterIP': ({ spec }) => spec.clusterIP ?? '', 'spec.type': ({ spec }) => spec.type },
  }) satisfies Strategy<Service>;
