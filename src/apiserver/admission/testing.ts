// Writes as plugins see them, for tests of plugins.
import type { KubeObject, New } from '#api/types.ts';
import { apiVersionOf, type Resource } from '#apimachinery/resource.ts';
import { silentLogger } from '#base/log.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { RequestContext } from '../request.ts';
import type { AdmissionAttributes, MutatingPlugin, Operation, ValidatingPlugin } from './contract.ts';

const JANE: UserInfo = { name: 'jane', groups: ['system:authenticated'] };
export const kubelet = (node: string): UserInfo => ({ name: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] });

export interface Write<T> {
  readonly operation?: Operation;
  readonly object?: New<T>;
  readonly oldObject?: New<T>;
  readonly subresource?: string;
  readonly user?: UserInfo;
  readonly name?: string;
  readonly namespace?: string;
  /** Collects warnings. */
  readonly warned?: string[];
  /** Collects audit annotations. */
  readonly annotated?: Record<string, string>;
}

/** Attributes of a write of `resource`; name and namespace are the object's unless given. */
export function write<T>(resource: Resource<T>, over: Write<T>): AdmissionAttributes {
  const whole = (object: New<T> | undefined): KubeObject | undefined =>
    object === undefined ? undefined : ({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object } as unknown as KubeObject);
  const object = whole(over.object);
  const oldObject = whole(over.oldObject);
  const metadata: Partial<KubeObject['metadata']> = (object ?? oldObject)?.metadata ?? {};
  const user = over.user ?? JANE;
  return {
    operation: over.operation ?? (oldObject === undefined ? 'CREATE' : 'UPDATE'),
    name: over.name ?? metadata.name ?? '',
    namespace: over.namespace ?? (metadata as { readonly namespace?: string }).namespace ?? '',
    resource,
    subresource: over.subresource ?? '',
    kind: { group: resource.group, version: resource.version, kind: resource.kind },
    object,
    oldObject,
    options: {},
    dryRun: false,
    user,
    request: context(user, over.warned ?? [], over.annotated ?? {}),
  };
}

function context(user: UserInfo, warned: string[], annotated: Record<string, string>): RequestContext {
  const info = {
    isResourceRequest: true,
    path: '',
    verb: '',
    apiPrefix: '',
    group: '',
    version: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    rest: [],
  };
  return {
    id: 'audit',
    method: 'POST',
    transport: 'loopback',
    limitMs: undefined,
    elapsedMs: 0,
    info,
    query: { get: () => undefined, getAll: () => [], has: () => false },
    user,
    userAgent: '',
    remoteAddress: '',
    isApply: false,
    warnings: { add: (text) => void warned.push(text), texts: warned },
    audit: { add: (key, value) => void (annotated[key] = value), entries: annotated, requestEntries: {} },
    addHeaders: () => {},
    uri: '',
    auditTrail: undefined,
    signal: new AbortController().signal,
    receivedAt: 0,
    waited: () => {},
    span: undefined,
    logger: silentLogger,
  };
}

/** The object after `plugin`; the given one when it changes nothing. Idempotence is checked on the way. */
export async function admitted<T>(
  plugin: MutatingPlugin,
  attributes: AdmissionAttributes,
  same: (a: unknown, b: unknown) => void,
): Promise<T> {
  const once = (await plugin.admit(attributes)) ?? attributes.object;
  const twice = (await plugin.admit({ ...attributes, object: once })) ?? once;
  same(twice, once);
  return once as T;
}

/** Message of the plugin's refusal; undefined when it admits. */
export async function refused(plugin: MutatingPlugin | ValidatingPlugin, attributes: AdmissionAttributes): Promise<string | undefined> {
  try {
    const changed = 'admit' in plugin ? await plugin.admit(attributes) : undefined;
    if ('validate' in plugin) await plugin.validate(changed === undefined ? attributes : { ...attributes, object: changed });
    return undefined;
  } catch (error) {
    if (error instanceof Error && error.name === 'StatusError') return error.message;
    throw error;
  }
}
