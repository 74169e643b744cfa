// What the scheduler talks to in the benchmark: informers filled by hand, and a server that does at once what it is asked.
import {
  csidrivers,
  csinodes,
  csistoragecapacities,
  deviceclasses,
  namespaces,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  poddisruptionbudgets,
  pods,
  replicasets,
  replicationcontrollers,
  resourceclaims,
  resourceslices,
  services,
  statefulsets,
  storageclasses,
  volumeattachments,
} from '#api/resources.ts';
import type { KubeObject, New, Node, ObjectMeta, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { silentLogger } from '#base/log.ts';
import { groupResourceString, type Resource } from '#apimachinery/resource.ts';
import type { Client } from '#client/contract.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import { SharedInformer } from '#client/informer/informer.ts';
import { NAMESPACE } from './shape.ts';

/** An object without what a server fills in. */
export interface Draft {
  readonly metadata: Partial<ObjectMeta> & { readonly name: string };
}

export interface InProcess {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly add: (resource: Resource, object: Draft & Readonly<Record<string, unknown>>) => void;
  /** If it is there. */
  readonly remove: (resource: Resource, object: Draft) => void;
  readonly addNode: (node: New<Node>) => void;
  readonly removeNode: (name: string) => void;
  readonly addPod: (pod: New<Pod>) => void;
  /** Of the namespace of the benchmark, if it is there. */
  readonly removePod: (name: string) => void;
  readonly addNamespace: (name: string, labels: Readonly<Record<string, string>>) => void;
  readonly addVolume: (volume: New<PersistentVolume>) => void;
  readonly addClaim: (claim: New<PersistentVolumeClaim>) => void;
  /** A node that takes so many volumes of a driver. */
  readonly addCSINode: (name: string, driver: string, volumes: number) => void;
  readonly onBound: (listener: (name: string) => void) => void;
}

const WATCHED: readonly Resource[] = [
  csidrivers,
  csinodes,
  csistoragecapacities,
  deviceclasses,
  namespaces,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  poddisruptionbudgets,
  pods,
  replicasets,
  replicationcontrollers,
  resourceclaims,
  resourceslices,
  services,
  statefulsets,
  storageclasses,
  volumeattachments,
];

type Named = { readonly name: string; readonly namespace?: string };

export function inProcess(): InProcess {
  let version = 1;
  const informers = new Map(WATCHED.map((resource) => [groupResourceString(resource), synced()] as const));
  const informer = (resource: Resource): SharedInformer<KubeObject> => {
    const found = informers.get(groupResourceString(resource));
    if (found === undefined) throw new Error(`nobody watches ${groupResourceString(resource)}`);
    return found;
  };
  let bound: (name: string) => void = () => {};

  const withVersion = (object: KubeObject): KubeObject => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: String(++version) },
  });

  function add(resource: Resource, object: Draft & object): KubeObject {
    const { name } = object.metadata;
    const metadata = { creationTimestamp: '2026-01-01T00:00:00Z', ...object.metadata, uid: name };
    const made = withVersion({ ...object, metadata } as unknown as KubeObject);
    informer(resource).apply('ADDED', made);
    return made;
  }

  function remove(resource: Resource, { metadata }: { readonly metadata: Named }): void {
    const known = informer(resource).get(metadata.name, metadata.namespace);
    if (known !== undefined) informer(resource).apply('DELETED', known);
  }

  function change(resource: Resource, { name, namespace }: Named, edit: (object: KubeObject) => KubeObject): KubeObject | undefined {
    const known = informer(resource).get(name, namespace);
    if (known === undefined) return undefined;
    const next = withVersion(edit(known));
    informer(resource).apply('MODIFIED', next);
    return next;
  }

  /** As the controller of volumes does it. */
  function bindClaimOf({ metadata, spec }: PersistentVolume): void {
    const { name = '', namespace = '' } = spec.claimRef ?? {};
    change(persistentvolumeclaims, { name, namespace }, (claim) => {
      const annotations = { ...claim.metadata.annotations, 'pv.kubernetes.io/bind-completed': 'yes' };
      const bound = { ...(claim as PersistentVolumeClaim).spec, volumeName: metadata.name };
      return { ...claim, metadata: { ...claim.metadata, annotations }, spec: bound, status: { phase: 'Bound' } } as KubeObject;
    });
  }

  const refused = (): never => {
    throw new Error('the scheduler does not do this');
  };
  const client = {
    list: refused,
    watch: refused,
    deleteCollection: refused,
    getPath: refused,
    async get(resource: Resource, { name, namespace }: Named) {
      await turn();
      return informer(resource).get(name, namespace);
    },
    async create(resource: Resource, object: { readonly metadata: Partial<ObjectMeta> }) {
      await turn();
      const { generateName = '', name = `${generateName}${++version}` } = object.metadata;
      return add(resource, { ...object, metadata: { ...object.metadata, name } } as Draft);
    },
    async update(resource: Resource, object: KubeObject) {
      await turn();
      const changed = change(resource, object.metadata, () => object);
      if (resource === persistentvolumes) bindClaimOf(object as PersistentVolume);
      return changed;
    },
    async createSubresource(_: Resource, named: Named, __: string, body: unknown) {
      await turn();
      const nodeName = (body as { readonly target: { readonly name: string } }).target.name;
      change(pods, named, (pod) => ({ ...pod, spec: { ...(pod as Pod).spec, nodeName } }) as KubeObject);
      bound(named.name);
    },
    async patch(resource: Resource, named: Named, patch: { readonly body?: unknown }) {
      await turn();
      const { status } = patch.body as { readonly status: object };
      return change(resource, named, (object) => ({ ...object, status: { ...(object as Pod).status, ...status } }) as KubeObject);
    },
    async delete(resource: Resource, named: Named) {
      await turn();
      remove(resource, { metadata: named });
    },
  } as unknown as Client;

  return {
    client,
    informers: {
      informer: (resource: Resource) => informer(resource) as never,
      drop() {},
      start() {},
      async synced() {},
    },
    add: (resource, object) => void add(resource, object),
    remove,
    addNode: (node) => void add(nodes, { apiVersion: 'v1', kind: 'Node', spec: {}, ...node } as unknown as Draft),
    removeNode: (name) => remove(nodes, { metadata: { name } }),
    addPod(pod) {
      const spec = { schedulerName: 'default-scheduler', ...pod.spec };
      add(pods, { apiVersion: 'v1', kind: 'Pod', status: { phase: 'Pending' }, ...pod, spec } as unknown as Draft);
    },
    removePod: (name) => remove(pods, { metadata: { name, namespace: NAMESPACE } }),
    addNamespace: (name, labels) => void add(namespaces, { metadata: { name, labels } } as Draft),
    addVolume: (volume) => void add(persistentvolumes, volume as unknown as Draft),
    addClaim: (claim) => void add(persistentvolumeclaims, claim as unknown as Draft),
    addCSINode(name, driver, volumes) {
      const spec = { drivers: [{ name: driver, nodeID: name, allocatable: { count: volumes } }] };
      add(csinodes, { metadata: { name }, spec } as unknown as Draft);
    },
    onBound: (listener) => (bound = listener),
  };
}

/** An informer that has nothing yet and knows it. */
function synced(): SharedInformer<KubeObject> {
  const informer = new SharedInformer<KubeObject>(silentLogger);
  informer.replace([], '1');
  return informer;
}

/** A request is answered in a later turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
