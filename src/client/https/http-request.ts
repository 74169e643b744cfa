// An ApiRequest as HTTP: method, path, headers and body. Pure.
import type { Resource } from '#apimachinery/resource.ts';
import type { ApiRequest } from '../contract.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For error texts about an answer that is no Status. */
  readonly subject?: { readonly group: string; readonly resource: string; readonly name: string };
}

const METHOD: Readonly<Record<ApiRequest['verb'], HttpRequest['method']>> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
};

/** `/api/v1` for the core group, else `/apis/GROUP/VERSION`. */
const root = ({ group, version }: Resource): string => (group === '' ? `/api/${version}` : `/apis/${group}/${version}`);

export function pathWithQuery(path: string, query: Readonly<Record<string, string>>): string {
  for (const _ in query) return `${path}?${new URLSearchParams(query).toString()}`;
  return path; // most requests: to find out by URLSearchParams costs more than the rest of this
}

/** The namespace of a cluster-scoped resource's request is left out. */
function resourcePath({ resource, namespace, name, subresource }: ApiRequest): string {
  const parts = [
    ...(resource.namespaced && namespace !== undefined && namespace !== '' ? ['namespaces', namespace] : []),
    resource.resource,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : subresource.split('/')),
  ];
  return [root(resource), ...parts.map(encodeURIComponent)].join('/');
}

/** @throws TypeError for a name that would become another path */
export function httpRequest(request: ApiRequest): HttpRequest {
  const { verb, resource, name, namespace, query = {}, body, contentType } = request;
  for (const part of [name, namespace]) {
    if (part === '.' || part === '..') throw new TypeError(`${JSON.stringify(part)} cannot be part of a request path`);
  }
  return {
    method: METHOD[verb],
    path: pathWithQuery(resourcePath(request), verb === 'watch' ? { ...query, watch: 'true' } : query),
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    subject: { group: resource.group, resource: resource.resource, name: name ?? '' },
  };
}

export const pathRequest = (path: string, query: Readonly<Record<string, string>>): HttpRequest => ({
  method: 'GET',
  path: pathWithQuery(path, query),
  headers: { accept: 'application/json' },
});
