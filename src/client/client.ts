// The Client over any Transport. What a call means is decided in ./api-request.ts; how it travels, by the transport.
import type { Resource } from '#apimachinery/resource.ts';
import {
  createRequest,
  createSubresourceRequest,
  deleteCollectionRequest,
  deleteRequest,
  getRequest,
  listRequest,
  patchRequest,
  updateRequest,
  watchRequest,
} from './api-request.ts';
import type { ApiRequest, Client, Transport, WatchOptions, WatchStream } from './contract.ts';

/** A Client whose answers are what `transport` gives, trusted to be of the resource's type. */
export function createClient(transport: Transport): Client {
  const answer = async <A>(request: ApiRequest): Promise<A> => (await transport.request(request)) as A;
  return {
    get: async (resource, ref, options = {}) => answer(getRequest(resource, ref, options)),
    list: async (resource, options = {}) => answer(listRequest(resource, options)),
    watch: <T>(resource: Resource<T>, options: WatchOptions = {}) => transport.watch(watchRequest(resource, options)) as WatchStream<T>,
    create: async (resource, object, options = {}) => answer(createRequest(resource, object, options)),
    update: async (resource, object, options = {}) => answer(updateRequest(resource, object, options)),
    patch: async (resource, ref, patch, options = {}) => answer(patchRequest(resource, ref, patch, options)),
    delete: async (resource, ref, options = {}) => answer(deleteRequest(resource, ref, options)),
    deleteCollection: async (resource, list, options = {}) => answer(deleteCollectionRequest(resource, list, options)),
    createSubresource: async (resource, ref, subresource, body, options = {}) =>
      answer(createSubresourceRequest(resource, ref, subresource, body, options)),
    getPath: async <R>(path: string, options: { readonly query?: Readonly<Record<string, string>>; readonly signal?: AbortSignal } = {}) =>
      (await transport.getPath(path, options.query ?? {}, options.signal)) as R,
  };
}
