// The kinds that a namespace may hold: built-in ones, those of definitions, and those that other API servers serve.
// Source: namespaced_resources_deleter.go, discovery ServerPreferredNamespacedResources.
import { isStatusError } from '#apimachinery/errors.ts';
import { groupResourceString, type Resource } from '#apimachinery/resource.ts';
import { isConditionTrue } from '#api/conditions.ts';
import { customResource } from '#api/custom-kinds.ts';
import { isStableVersion, Schema } from '#api/schema.ts';
import type { APIService, CustomResourceDefinition, KubeObject } from '#api/types.ts';
import { type Client, ConnectionError } from '#client/contract.ts';
import { collections } from '../runtime/collections.ts';

const NEEDED_VERBS = ['list', 'deletecollection'];

const BUILT_IN = collections(NEEDED_VERBS, ({ namespaced }) => namespaced);

const isBuiltIn = ({ group, resource }: Resource): boolean => BUILT_IN.some((one) => one.group === group && one.resource === resource);

/** Group versions with kinds that have no stable version; which of them are served, only the server knows. */
const OPTIONAL: ReadonlySet<string> = new Set(
  [...new Schema({ serves: (group, version) => !isStableVersion(group, version) }).resources()]
    .filter((resource) => !isBuiltIn(resource))
    .map(({ group, version }) => `${group}/${version}`),
);

const isOptional = ({ spec }: APIService): boolean => OPTIONAL.has(`${spec.group}/${spec.version}`);
const isElsewhere = ({ spec }: APIService): boolean => spec.service !== undefined && spec.service !== null;

export interface Content {
  readonly resources: readonly Resource<KubeObject>[];
  /** Group versions whose kinds nobody can tell now, each with the reason. */
  readonly unknown: readonly string[];
}

interface Discovered {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
  }[];
}

export async function contentKinds(
  client: Client,
  definitions: Iterable<CustomResourceDefinition>,
  apiServices: Iterable<APIService>,
): Promise<Content> {
  const defined = [...definitions].flatMap((crd) => {
    const resource = customResource(crd);
    return resource?.namespaced === true ? [resource] : [];
  });
  const asked = [...apiServices].filter((service) => isElsewhere(service) || isOptional(service));
  const served = await Promise.all(asked.map((service) => servedBy(client, service)));
  const found = served.flatMap((one) => (typeof one === 'string' ? [] : one)).filter((resource) => !isBuiltIn(resource));
  return {
    resources: [...BUILT_IN, ...defined, ...new Map(found.map((resource) => [groupResourceString(resource), resource])).values()],
    unknown: served.filter((one) => typeof one === 'string'),
  };
}

/** Its namespaced kinds, or why they cannot be told. */
async function servedBy(client: Client, { spec, status }: APIService): Promise<readonly Resource<KubeObject>[] | string> {
  const { group = '', version = '' } = spec;
  const name = `${group}/${version}`;
  if (!isConditionTrue(status?.conditions, 'Available')) return `${name}: stale GroupVersion discovery: ${name}`;
  try {
    const { resources = [] } = await client.getPath<Discovered>(`/apis/${name}`);
    return resources.flatMap(({ name: resource, kind, namespaced, verbs }) =>
      namespaced && !resource.includes('/') && NEEDED_VERBS.every((verb) => verbs.includes(verb))
        ? [{ group, version, resource, kind, namespaced }]
        : [],
    );
  } catch (error) {
    if (!isStatusError(error) && !(error instanceof ConnectionError)) throw error;
    return `${name}: ${error.message}`;
  }
}
