// How many pods the owner of a pod wants. Source: disruption.go finders.
import { isStatusError } from '#apimachinery/errors.ts';
import { groupResourceString, parseApiVersion, type Resource } from '#apimachinery/resource.ts';
import { controllerOf, refersToKind } from '#api/owner-references.ts';
import { deployments, replicasets, replicationcontrollers, statefulsets } from '#api/resources.ts';
import { Schema } from '#api/schema.ts';
import type { KubeObject, OwnerReference, Scale } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { Informer, InformerFactory } from '#client/informer-contract.ts';

export interface OwnerScale {
  readonly uid: string;
  readonly replicas: number;
}

interface Scaled extends KubeObject {
  readonly spec: { readonly replicas: number };
}

/** Kinds whose objects are in an informer anyway. */
const KNOWN = [replicasets, deployments, statefulsets, replicationcontrollers] as const;

interface DiscoveredResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const schema = new Schema();

/**
 * The scale of the owner a reference names; undefined when that is gone.
 * @throws StatusError of a request; Error for a kind that has no scale
 */
export async function ownerScale(
  reference: OwnerReference,
  namespace: string,
  informers: InformerFactory,
  client: Client,
): Promise<OwnerScale | undefined> {
  const known = KNOWN.find((resource) => refersToKind(reference, resource));
  if (known === undefined) return scaleOfOther(reference, namespace, client);
  const owner = (informers.informer(known as Resource<Scaled>) as Informer<Scaled>).get(reference.name, namespace);
  if (owner === undefined || owner.metadata.uid !== reference.uid) return undefined;
  const above = controllerOf(owner);
  if (known === replicasets && above !== undefined && refersToKind(above, deployments))
    return ownerScale(above, namespace, informers, client);
  return { uid: owner.metadata.uid, replicas: owner.spec.replicas };
}

async function scaleOfOther(reference: OwnerReference, namespace: string, client: Client): Promise<OwnerScale | undefined> {
  const resource = await resourceOf(reference, client);
  if (resource === undefined) return undefined;
  try {
    const scale = (await client.get(resource, { name: reference.name, namespace }, { subresource: 'scale' })) as Scale;
    return scale.metadata.uid === reference.uid ? { uid: reference.uid, replicas: scale.spec.replicas ?? 0 } : undefined;
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
  if (await hasScale(resource, client)) return undefined;
  throw new Error(`${groupResourceString(resource)} does not implement the scale subresource`);
}

async function resourceOf({ apiVersion, kind }: OwnerReference, client: Client): Promise<Resource | undefined> {
  const { group, version } = parseApiVersion(apiVersion);
  const builtIn = schema.resourceOfKind({ group, version, kind });
  if (builtIn !== undefined) return builtIn;
  const found = (await discovered({ group, version }, client)).find((one) => one.kind === kind && !one.name.includes('/'));
  return found === undefined ? undefined : { group, version, resource: found.name, kind, namespaced: found.namespaced };
}

async function hasScale({ group, version, resource }: Resource, client: Client): Promise<boolean> {
  return (await discovered({ group, version }, client)).some(({ name }) => name === `${resource}/scale`);
}

async function discovered(
  { group, version }: { readonly group: string; readonly version: string },
  client: Client,
): Promise<readonly DiscoveredResource[]> {
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  try {
    return (await client.getPath<{ readonly resources?: readonly DiscoveredResource[] }>(path)).resources ?? [];
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return [];
    throw error;
  }
}
