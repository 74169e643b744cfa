// Reading verbs of the fake API server: get, and list with limit, continue and the resourceVersion rules.
import { badRequest, StatusError } from '#apimachinery/errors.ts';
import { apiVersionOf } from '#apimachinery/resource.ts';
import type { ApiRequest } from '../contract.ts';
import type { FakeObject } from './fake-store.ts';
import { nameOf, scaleOf, type World } from './fake-writes.ts';
import { selecting } from './selectors.ts';

export function get({ store }: World, request: ApiRequest): FakeObject {
  const object = store.get(request.resource, nameOf(request), request.namespace);
  return request.subresource === 'scale' ? scaleOf(object) : object;
}

/** Where the next page begins, and of which state. */
interface ContinueToken {
  readonly revision: number;
  readonly start: number;
}

const writeToken = (token: ContinueToken): string => Buffer.from(JSON.stringify(token)).toString('base64url');

function readToken(text: string): ContinueToken {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString()) as ContinueToken;
  } catch (error) {
    throw badRequest(`continue key is not valid: ${(error as Error).message}`);
  }
}

/** Source: storage.NewTooLargeResourceVersionError. */
const tooLarge = (wanted: number, current: number): StatusError =>
  new StatusError('Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });

/** @throws StatusError Expired for a compacted state, Timeout for a future one */
export function list({ store }: World, { resource, namespace, query = {} }: ApiRequest): unknown {
  const matches = selecting(query['labelSelector'], query['fieldSelector']);
  const limit = Number(query['limit'] ?? 0);
  const token = query['continue'] === undefined || query['continue'] === '' ? undefined : readToken(query['continue']);
  const wanted = Number(query['resourceVersion'] ?? 0);
  if (wanted > store.revision) throw tooLarge(wanted, store.revision);
  if (token !== undefined && token.revision < store.compacted) {
    throw new StatusError('Expired', 'The provided continue parameter is too old to display a consistent list result.');
  }
  const exact = token?.revision ?? (query['resourceVersionMatch'] === 'Exact' ? wanted : undefined);
  const revision = exact ?? store.revision;
  const all = (exact === undefined ? store.list(resource, namespace) : store.listAt(resource, namespace, exact)).filter(matches);
  const start = token?.start ?? 0;
  const items = limit > 0 ? all.slice(start, start + limit) : all.slice(start);
  const left = all.length - start - items.length;
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata: {
      resourceVersion: String(revision),
      ...(left > 0 ? { continue: writeToken({ revision, start: start + items.length }), remainingItemCount: left } : {}),
    },
    items,
  };
}
