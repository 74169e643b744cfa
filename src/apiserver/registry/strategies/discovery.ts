// EndpointSlices. Source: pkg/registry/discovery/endpointslice strategy.go.
import type { Endpoint, EndpointSlice } from '#api/types.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { counted, risen } from '../generic-strategy.ts';
import { withMetadata } from '../metadata.ts';
import type { Strategy } from '../strategy.ts';

function withoutTopology(endpoint: Endpoint): Endpoint {
  if (endpoint.deprecatedTopology === undefined) return endpoint;
  const { deprecatedTopology: _topology, ...rest } = endpoint;
  return rest;
}

/** v1 takes topology as `zone` and `nodeName` alone; what is there already stays while endpoints do. Source: dropTopologyOnV1. */
function withoutNewTopology(slice: EndpointSlice, old?: EndpointSlice): EndpointSlice {
  const { endpoints } = slice;
  if (endpoints?.some((endpoint) => endpoint.deprecatedTopology !== undefined) !== true) return slice;
  if (old !== undefined && deepEqual(old.endpoints, endpoints)) return slice;
  return { ...slice, endpoints: endpoints.map(withoutTopology) };
}

export const endpointSliceStrategy = {
  prepareForCreate: (slice) => withoutNewTopology(withMetadata(slice, { generation: 1 })),
  // Labels decide which service a slice belongs to, so they count. What is dropped counts as well.
  prepareForUpdate: (slice, old) =>
    withoutNewTopology(deepEqual(slice.metadata.labels, old.metadata.labels) ? counted(slice, old) : risen(slice, old), old),
} satisfies Strategy<EndpointSlice>;
