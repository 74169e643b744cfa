// The API's copies of static pods.
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import type { Logger } from '#base/log.ts';
import { pods } from '#api/resources.ts';
import type { New, Node, Pod } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { ConnectionError, type Client } from '#client/contract.ts';
import { podKey } from '../pod/identity.ts';
import { mirrors, type PodStore } from './pod-store.ts';

export interface MirrorDeps {
  readonly client: Client;
  readonly logger: Logger;
  readonly node: () => Node | undefined;
}

/** Makes the mirror of a static pod, or replaces one of an earlier manifest. Source: SyncPod, basicMirrorClient. */
export async function ensureMirror(pod: Pod, store: PodStore, deps: MirrorDeps): Promise<void> {
  const { client, logger, node } = deps;
  const known = store.apiPod(pod.metadata.uid);
  try {
    if (known !== undefined && (known.metadata.deletionTimestamp !== undefined || !mirrors(known, pod))) await removeMirror(known, deps);
    else if (known !== undefined) return;
    await client.create(pods, mirrorOf(pod, node()));
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return; // its event is on the way
    if (!(error instanceof StatusError) && !(error instanceof ConnectionError)) throw error;
    logger.error('Failed creating a mirror pod for', { pod: podKey(pod), error }); // the pod runs without it
  }
}

export async function removeMirror(mirror: Pod, { client }: Pick<MirrorDeps, 'client'>): Promise<void> {
  const { name, namespace, uid } = mirror.metadata;
  try {
    await client.delete(pods, { name, namespace }, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
  }
}

/** Source: CreateMirrorPod. */
function mirrorOf(pod: Pod, node: Node | undefined): New<Pod> {
  const { uid: _uid, resourceVersion: _version, creationTimestamp: _created, ...metadata } = pod.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [ANNOTATION.mirrorPod]: metadata.annotations?.[ANNOTATION.podHash] ?? '' },
      ...(node === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.metadata.name, uid: node.metadata.uid, controller: true }] }),
    },
    spec: pod.spec,
  };
}
