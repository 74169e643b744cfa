// The kinds that a namespace may hold: built-in ones, those of definitions, and those that other API servers serve.
// Source: namespaced_resources_deleter.go, discovery ServerPreferredNamespacedResources.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { isConditionTrue } from '#api/conditions.ts';
import { customResource } from '#api/custom-kinds.ts';
import type { APIService, CustomResourceDefinition, KubeObject } from '#api/types.ts';
import { type Client, ConnectionError } from '#client/contract.ts';
import { collections } from '../runtime/collections.ts';

const NEEDED_VERBS = ['list', 'deletecollection'];

const BUILT_IN = collections(NEEDED_VERBS, ({ namespaced }) => namespaced);

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
  const elsewhere = [...apiServices].filter(({ spec }) => spec.service !== undefined && spec.service !== null);
  const served = await Promise.all(elsewhere.map((service) => servedElsewhere(client, service)));
  return {
    resources: [...BUILT_IN, ...defined, ...served.flatMap((one) => (typeof one === 'string' ? [] : one))],
    unknown: served.filter((one) => typeof one === 'string'),
  };
}

/** Its namespaced kinds, or why they cannot be told. */
async function servedElsewhere(client: Client, { spec, status }: APIService): Promise<readonly Resource<KubeObject>[] | string> {
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
