// Reads method, path and query as a request for a resource, or for something else. Pure.
// Source: apiserver pkg/endpoints/request requestinfo.go.
import { ownText } from '#base/own-text.ts';
import { pathSegmentName } from '#apimachinery/names.ts';
import { parseFieldSelector } from '#apimachinery/fields.ts';
import { SelectorError } from '#apimachinery/label-requirement.ts';
import { badRequest } from '#apimachinery/errors.ts';
import type { Query, RequestInfo } from '../request.ts';

const METHOD_VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Verbs that may come as the first path segment: `/api/v1/watch/pods`. */
const PATH_VERBS: ReadonlySet<string> = new Set(['proxy', 'watch']);

/** Subresources of namespaces; anything else below `/namespaces/NAME/` is a resource in that namespace. */
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);

const nonResource = (path: string, method: string): RequestInfo => ({
  isResourceRequest: false,
  path,
  verb: method.toLowerCase(),
  apiPrefix: '',
  group: '',
  version: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  rest: [],
});

/** Without slashes at either end. */
function trimmed(path: string): string {
  let start = 0;
  let end = path.length;
  while (start < end && path.charCodeAt(start) === SLASH) start++;
  while (end > start && path.charCodeAt(end - 1) === SLASH) end--;
  return path.slice(start, end);
}

const SLASH = 0x2f;

/** No path of a resource is as long, characters. */
const LONG_PATH = 1_024;

/** Of a long path each by itself: a namespace or a resource is kept with what is known of it, and the rest is not to be. */
function segments(path: string): string[] {
  const parts = trimmed(path).split('/');
  return path.length > LONG_PATH ? parts.map(ownText) : parts;
}

/**
 * @param path decoded
 * @throws StatusError BadRequest for `/api/v1/watch` without a resource
 */
export function requestInfo(method: string, path: string, query: Query): RequestInfo {
  const parts = segments(path);
  const other = nonResource(path, method);
  const [prefix] = parts;
  if (parts.length < 3 || (prefix !== 'api' && prefix !== 'apis')) return other;
  if (prefix === 'apis' && parts.length < 4) return other;

  let at = 1;
  const group = prefix === 'apis' ? (parts[at++] as string) : '';
  const version = parts[at++] as string;
  let rest = parts.slice(at);
  let verb = METHOD_VERBS[method] ?? '';
  if (PATH_VERBS.has(rest[0] as string)) {
    if (rest.length < 2) throw badRequest(`unable to determine kind and namespace from url, ${path}`);
    verb = rest[0] as string;
    rest = rest.slice(1);
  }

  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1] as string;
    if (rest.length > 2 && !NAMESPACE_SUBRESOURCES.has(rest[2] as string)) rest = rest.slice(2);
  }

  const [resource = '', name = '', subresource = ''] = rest;
  const proxied = verb === 'proxy';
  const info = {
    isResourceRequest: true,
    path,
    apiPrefix: prefix,
    group,
    version,
    resource,
    subresource: proxied ? '' : subresource,
    namespace,
    rest: rest.slice(proxied ? 2 : 3),
  };
  if (name === '' && verb === 'get') return { ...info, verb: isTrue(query.get('watch')) ? 'watch' : 'list', name: selectedName(query) };
  if (name === '' && verb === 'delete') return { ...info, verb: 'deletecollection', name: '' };
  if (verb === 'watch' && name === '') return { ...info, verb, name: selectedName(query) };
  return { ...info, verb, name };
}

/** A boolean query parameter. Source: conversion Convert_Slice_string_To_bool. */
export function isTrue(value: string | undefined): boolean {
  if (value === undefined) return false;
  const lower = value.toLowerCase();
  return lower !== 'false' && lower !== '0' && lower !== '';
}

/** The one name a field selector allows, so that authorisation by name applies to lists and watches too. */
function selectedName(query: Query): string {
  const selector = query.get('fieldSelector');
  if (selector === undefined || !selector.includes('metadata.name')) return '';
  try {
    const name = parseFieldSelector(selector).requiresExactMatch('metadata.name');
    return name !== undefined && pathSegmentName(name).length === 0 ? name : '';
  } catch (error) {
    if (error instanceof SelectorError) return ''; // the handler says what is wrong with it
    throw error;
  }
}

/** What is streamed for as long as both sides like: no deadline, no seat. Source: DefaultBuildLongRunningFunc's defaults. */
const LONG_RUNNING_SUBRESOURCES: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

export function isLongRunning(info: RequestInfo): boolean {
  return info.verb === 'watch' || info.verb === 'proxy' || (info.subresource !== '' && LONG_RUNNING_SUBRESOURCES.has(info.subresource));
}
