// EndpointSlices. Source: pkg/registry/discovery/endpointslice strategy.go.
import type { EndpointSlice } from '#api/types.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { counted, risen } from '../generic-strategy.ts';
import { withMetadata } from '../metadata.ts';
import type { Strategy } from '../strategy.ts';

export const endpointSliceStrategy = {
  prepareForCreate: (slice) => withMetadata(slice, { generation: 1 }),
  // Labels decide which service a slice belongs to, so they count.
  prepareForUpdate: (slice, old) => (deepEqual(slice.metadata.labels, old.metadata.labels) ? counted(slice, old) : risen(slice, old)),
} satisfies Strategy<EndpointSlice>;
