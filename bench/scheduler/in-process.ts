// What the scheduler talks to in the benchmark: informers filled by hand, and a server that binds at once.
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
import type { CSINode, KubeObject, Namespace, New, Node, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { silentLogger } from '#base/log.ts';
import { groupResourceString, type Resource } from '#apimachinery/resource.ts';
import type { Client } from '#client/contract.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import { SharedInformer } from '#client/informer/informer.ts';

export interface InProcess {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly addNode: (node: New<Node>) => void;
  readonly addPod: (pod: New<Pod>) => Pod;
  /** Of the namespace `bench`, once it is on a node. */
  readonly removePod: (name: string) => void;
  readonly addNamespace: (name: string, labels: Readonly<Record<string, string>>) => void;
  readonly addVolume: (volume: New<PersistentVolume>) => void;
  readonly addClaim: (claim: New<PersistentVolumeClaim>) => void;
  /** A node that takes so many volumes of a driver. */
  readonly addCSINode: (name: string, driver: string, volumes: number) => void;
  readonly onBound: (listener: (name: string) => void) => void;
}

export function inProcess(): InProcess {
  let version = 1;
  const podInformer = synced<Pod>();
  const nodeInformer = synced<Node>();
  const namespaceInformer = synced<Namespace>();
  const volumeInformer = synced<PersistentVolume>();
  const claimInformer = synced<PersistentVolumeClaim>();
  const csiNodeInformer = synced<CSINode>();
  const empty: readonly Resource[] = [
    csidrivers,
    csistoragecapacities,
    deviceclasses,
    resourceclaims,
    resourceslices,
    storageclasses,
    poddisruptionbudgets,
    replicasets,
    replicationcontrollers,
    services,
    statefulsets,
    volumeattachments,
  ];
  const informers = new Map<string, unknown>([
    [groupResourceString(pods), podInformer],
    [groupResourceString(nodes), nodeInformer],
    [groupResourceString(namespaces), namespaceInformer],
    [groupResourceString(persistentvolumes), volumeInformer],
    [groupResourceString(persistentvolumeclaims), claimInformer],
    [groupResourceString(csinodes), csiNodeInformer],
    ...empty.map((resource) => [groupResourceString(resource), synced<KubeObject>()] as const),
  ]);
  let bound: (name: string) => void = () => {};

  function change(name: string, namespace: string, edit: (pod: Pod) => Pod): Pod {
    const pod = podInformer.get(name, namespace);
    if (pod === undefined) throw new Error(`no pod ${name}`);
    const edited = edit(pod);
    const next = { ...edited, metadata: { ...edited.metadata, resourceVersion: String(++version) } };
    podInformer.apply('MODIFIED', next);
    return next;
  }

  const refused = (): never => {
    throw new Error('the scheduler does not do this');
  };
  const client = {
    get: refused,
    list: refused,
    watch: refused,
    create: refused,
    update: refused,
    deleteCollection: refused,
    getPath: refused,
    async createSubresource(_: Resource, { name, namespace = '' }: { name: string; namespace?: string }, __: string, body: unknown) {
      await turn();
      const nodeName = (body as { readonly target: { readonly name: string } }).target.name;
      change(name, namespace, (pod) => ({ ...pod, spec: { ...pod.spec, nodeName } }));
      bound(name);
    },
    async patch(_: Resource, { name, namespace = '' }: { name: string; namespace?: string }, patch: { readonly body?: unknown }) {
      await turn();
      const { status } = patch.body as { readonly status: Partial<Pod['status']> };
      return podInformer.get(name, namespace) === undefined
        ? undefined
        : change(name, namespace, (pod) => ({ ...pod, status: { ...pod.status, ...status } }));
    },
    async delete(_: Resource, { name, namespace }: { name: string; namespace?: string }) {
      await turn();
      const pod = podInformer.get(name, namespace);
      if (pod !== undefined) podInformer.apply('DELETED', pod);
    },
  } as unknown as Client;

  const complete = (metadata: object | undefined, name: string) => ({
    ...metadata,
    uid: name,
    resourceVersion: String(++version),
    creationTimestamp: '2026-01-01T00:00:00Z',
  });
  return {
    client,
    informers: {
      informer: (resource: Resource) => informers.get(groupResourceString(resource)) as never,
      drop() {},
      start() {},
      async synced() {},
    },
    addNode(node) {
      nodeInformer.apply('ADDED', {
        apiVersion: 'v1',
        kind: 'Node',
        spec: {},
        ...node,
        metadata: complete(node.metadata, node.metadata?.name ?? ''),
      } as Node);
    },
    addPod(pod) {
      const made = {
        apiVersion: 'v1',
        kind: 'Pod',
        status: { phase: 'Pending' },
        ...pod,
        metadata: complete(pod.metadata, pod.metadata?.name ?? ''),
        spec: { schedulerName: 'default-scheduler', ...pod.spec },
      } as unknown as Pod;
      podInformer.apply('ADDED', made);
      return made;
    },
    removePod(name) {
      const pod = podInformer.get(name, 'bench');
      if (pod?.spec.nodeName !== undefined) podInformer.apply('DELETED', pod);
    },
    addNamespace: (name, labels) =>
      namespaceInformer.apply('ADDED', { metadata: complete({ name, labels }, name) } as unknown as Namespace),
    addVolume: (volume) =>
      volumeInformer.apply('ADDED', { ...volume, metadata: complete(volume.metadata, volume.metadata?.name ?? '') } as PersistentVolume),
    addClaim: (claim) =>
      claimInformer.apply('ADDED', { ...claim, metadata: complete(claim.metadata, claim.metadata?.name ?? '') } as PersistentVolumeClaim),
    addCSINode: (name, driver, volumes) =>
      csiNodeInformer.apply('ADDED', {
        metadata: complete({ name }, name),
        spec: { drivers: [{ name: driver, nodeID: name, allocatable: { count: volumes } }] },
      } as unknown as CSINode),
    onBound: (listener) => (bound = listener),
  };
}

/** An informer that has nothing yet and knows it. */
function synced<T extends KubeObject>(): SharedInformer<T> {
  const informer = new SharedInformer<T>(silentLogger);
  informer.replace([], '1');
  return informer;
}

/** A request is answered in a later turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
