// The objects a binding's paramRef names. Source: policy/generic CollectParams.
import type { ParamKind, ParamRef } from '#api/gen/admissionregistration-v1.ts';
import type { KubeObject } from '#api/types.ts';
import { selectorFromObject } from '#apimachinery/labels.ts';
import { parseApiVersion } from '#apimachinery/resource.ts';
import type { CacheReader } from '../../cache/reader.ts';
import type { Catalog, ServedResource } from '../../registry/catalog.ts';

/** A policy or binding cannot be used as it stands; its failure policy says what that means. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

export interface ParamDeps {
  readonly reader: CacheReader;
  readonly catalog: Catalog;
}

/** @throws ConfigurationError when no such kind is served */
export function paramResource({ apiVersion = '', kind = '' }: ParamKind, { catalog }: ParamDeps): ServedResource {
  const { group, version } = parseApiVersion(apiVersion);
  for (const served of catalog.resources()) {
    const { info } = served;
    if (info.kind === kind && info.group === group && info.version === version && served.stored !== undefined && served.hidden !== true)
      return served;
  }
  throw new ConfigurationError(`failed to find resource referenced by paramKind: '${group}/${version}, Kind=${kind}'`.replace("'/", "'/"));
}

/**
 * What a policy is evaluated with: once without params where it or the binding has none, else once for each object; not
 * at all when there is no object and the binding allows that.
 * @throws ConfigurationError
 */
export async function collectParams(
  kind: ParamKind | undefined,
  ref: ParamRef | undefined,
  namespace: string,
  deps: ParamDeps,
): Promise<readonly (KubeObject | undefined)[]> {
  if (kind === undefined || ref === undefined) return [undefined];
  const served = paramResource(kind, deps);
  const within = paramNamespace(served, ref, namespace);
  const params = await find(served, ref, within, deps);
  if (params.length === 0 && ref.parameterNotFoundAction === 'Deny')
    throw new ConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction');
  return params;
}

function paramNamespace({ info }: ServedResource, ref: ParamRef, namespace: string): string | undefined {
  const own = ref.namespace ?? '';
  if (!info.namespaced) {
    if (own !== '') throw new ConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
    return undefined;
  }
  const within = own === '' ? namespace : own;
  if (within === '') throw new ConfigurationError('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  return within;
}

async function find({ info }: ServedResource, ref: ParamRef, namespace: string | undefined, { reader }: ParamDeps): Promise<KubeObject[]> {
  const { name = '', selector } = ref;
  if (name !== '') {
    const known = reader.get<KubeObject>(info as never, name, namespace);
    if (known !== undefined) return [known];
    // It may have been created a moment ago.
    await reader.caughtUp();
    const found = reader.get<KubeObject>(info as never, name, namespace);
    return found === undefined ? [] : [found];
  }
  if (selector === undefined) throw new ConfigurationError('one of name or selector must be provided');
  const wanted = selectorFromObject(selector);
  await reader.caughtUp();
  return [...reader.list<KubeObject>(info as never, namespace)].filter(({ metadata }) => wanted.matches(metadata.labels));
}
