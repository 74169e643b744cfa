// Writes what was decided of a pod's volumes, and waits until the claims are bound. Source: plugins/volumebinding
// BindPodVolumes, bindAPIUpdate, checkBindings.
import type { Clock } from '#base/clock.ts';
import { persistentvolumeclaims, persistentvolumes } from '#api/resources.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { isClaimBound, reserve, withAnnotation } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { Client } from '#client/contract.ts';
import type { VolumePlan } from './find-volumes.ts';
import { isReachable } from './reach.ts';
import type { Storage } from './storage.ts';

/** Objects as they are to be. */
export interface DecidedVolumes {
  /** Reserved for a claim. */
  readonly volumes: readonly PersistentVolume[];
  /** Told for which node a volume is wanted. */
  readonly claims: readonly PersistentVolumeClaim[];
}

export function decided({ bindings, provisions }: VolumePlan, node: string): DecidedVolumes {
  return {
    volumes: bindings.map(({ claim, volume }) => reserve(volume, claim)),
    claims: provisions.map((claim) => withAnnotation(claim, ANNOTATION.selectedNode, node)),
  };
}

/** What a binding may depend on. */
export type Concerned = Node | PersistentVolume | PersistentVolumeClaim;

export interface BindVolumesDeps {
  readonly client: Client;
  readonly clock: Clock;
  /** As the API server has it, without anything assumed. */
  readonly storage: Storage;
  readonly node: (name: string) => Node | undefined;
  /** Calls back after every change of a claim or volume, and when a node is gone; gives what ends that. */
  readonly onChange: (changed: (object: Concerned) => void) => () => void;
}

export interface BindVolumesRequest {
  readonly pod: Pod;
  readonly node: string;
  readonly decision: DecidedVolumes;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What went wrong, if anything. @throws StatusError, ConnectionError from the writes */
export async function bindVolumes(request: BindVolumesRequest, deps: BindVolumesDeps): Promise<string | undefined> {
  const { timeoutMs, signal } = request;
  const written = await write(request, deps.client);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const look = (): void => {
    const state = bindingState(request.node, written, deps);
    if (state.kind === 'bound') resolve(undefined);
    else if (state.kind === 'failed') resolve(`binding volumes: ${state.message}`);
  };
  const concerns = concernOf(request, deps);
  const unwatch = deps.onChange((object) => {
    if (concerns(object)) look();
  });
  const cancel = deps.clock.after(timeoutMs, () => resolve('binding volumes: context deadline exceeded'));
  const stop = (): void => resolve('binding volumes: context canceled');
  signal.addEventListener('abort', stop, { once: true });
  // It may have been told while the writes were under way.
  if (signal.aborted) stop();
  look();
  try {
    return await promise;
  } finally {
    unwatch();
    cancel();
    signal.removeEventListener('abort', stop);
  }
}

/** The objects as the API server has them then. */
async function write({ decision, signal }: BindVolumesRequest, client: Client): Promise<DecidedVolumes> {
  const volumes: PersistentVolume[] = [];
  const claims: PersistentVolumeClaim[] = [];
  for (const volume of decision.volumes) volumes.push(await client.update(persistentvolumes, volume, { signal }));
  for (const claim of decision.claims) claims.push(await client.update(persistentvolumeclaims, claim, { signal }));
  return { volumes, claims };
}

/** Whether an object is one that the binding waits for: others change hundreds of times meanwhile. */
function concernOf({ node, decision }: BindVolumesRequest, deps: BindVolumesDeps): (object: Concerned) => boolean {
  const uids = new Set<string | undefined>([deps.node(node)?.metadata.uid]);
  for (const { metadata, spec } of decision.volumes) uids.add(metadata.uid).add(spec.claimRef?.uid);
  for (const { metadata } of decision.claims) uids.add(metadata.uid);
  uids.delete(undefined);
  // A volume that is made for a claim says so.
  return (object) => uids.has(object.metadata.uid) || uids.has((object as Partial<PersistentVolume>).spec?.claimRef?.uid);
}

type BindingState = { readonly kind: 'bound' | 'waiting' } | { readonly kind: 'failed'; readonly message: string };

const WAITING: BindingState = { kind: 'waiting' };
const failed = (message: string): BindingState => ({ kind: 'failed', message });
const missing = (kind: string, key: string): string => `could not find v1.${kind} "${key}"`;

/** What is older than what was written is not judged; others may have changed it again since. Source: CompareResourceVersion. */
const isOlder = (known: PersistentVolume | PersistentVolumeClaim, written: PersistentVolume | PersistentVolumeClaim): boolean =>
  BigInt(known.metadata.resourceVersion) < BigInt(written.metadata.resourceVersion);

/** Source: checkBindings. */
function bindingState(name: string, written: DecidedVolumes, deps: BindVolumesDeps): BindingState {
  const node = deps.node(name);
  if (node === undefined) return failed(`failed to get node "${name}": node "${name}" not found`);
  for (const volume of written.volumes) {
    const state = reservedState(volume, node, deps.storage);
    if (state.kind !== 'bound') return state;
  }
  for (const claim of written.claims) {
    const state = provisionedState(claim, node, deps.storage);
    if (state.kind !== 'bound') return state;
  }
  return { kind: 'bound' };
}

/** Of a volume that was reserved for a claim. */
function reservedState(written: PersistentVolume, node: Node, storage: Storage): BindingState {
  const { name } = written.metadata;
  const volume = storage.volume(name);
  if (volume === undefined) return failed(`failed to check binding: ${missing('PersistentVolume', name)}`);
  const { namespace = '', name: claimName = '' } = written.spec.claimRef ?? {};
  const claim = storage.claim(namespace, claimName);
  if (claim === undefined) return failed(`failed to check binding: ${missing('PersistentVolumeClaim', `${namespace}/${claimName}`)}`);
  if (isOlder(volume, written)) return WAITING;
  if (!isReachable(volume, node)) return failed(elsewhere(volume, node));
  if ((volume.spec.claimRef?.uid ?? '') === '') return failed(`ClaimRef got reset for pv "${name}"`);
  return isClaimBound(claim) ? { kind: 'bound' } : WAITING;
}

/** Of a claim that a volume is made for. */
function provisionedState(written: PersistentVolumeClaim, node: Node, storage: Storage): BindingState {
  const { namespace, name } = written.metadata;
  const claim = storage.claim(namespace, name);
  if (claim === undefined) return failed(`failed to check provisioning pvc: ${missing('PersistentVolumeClaim', `${namespace}/${name}`)}`);
  if (isOlder(claim, written)) return WAITING;
  const { annotations } = claim.metadata;
  if (annotations === undefined) return failed(`selectedNode annotation reset for PVC "${name}"`);
  // The provisioner takes the annotation away when it cannot provide on that node.
  if (annotations[ANNOTATION.selectedNode] !== node.metadata.name) return failed(`provisioning failed for PVC "${name}"`);
  const { volumeName = '' } = claim.spec;
  const volume = volumeName === '' ? undefined : storage.volume(volumeName);
  if (volumeName !== '' && volume === undefined) return WAITING; // it may be told later than its claim
  if (volume !== undefined && !isReachable(volume, node)) return failed(elsewhere(volume, node));
  return isClaimBound(claim) ? { kind: 'bound' } : WAITING;
}

const elsewhere = (volume: PersistentVolume, node: Node): string =>
  `pv "${volume.metadata.name}" node affinity doesn't match node "${node.metadata.name}": no matching NodeSelectorTerms`;
