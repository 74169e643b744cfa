// Writes what was decided of a pod's volumes, and waits until the claims are bound. Source: plugins/volumebinding
// BindPodVolumes, bindAPIUpdate, checkBindings.
import type { Clock } from '#base/clock.ts';
import { persistentvolumeclaims, persistentvolumes } from '#api/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { isClaimBound, reserve, withAnnotation } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { Client } from '#client/contract.ts';
import type { VolumePlan } from './find-volumes.ts';
import type { Storage } from './storage.ts';

/** Objects as they are to be. */
export interface DecidedVolumes {
  /** Reserved for a claim. */
  readonly volumes: readonly PersistentVolume[];
  /** Told for which node a volume is wanted. */
  readonly claims: readonly PersistentVolumeClaim[];
  /** Every claim that must be bound before the pod is. */
  readonly awaited: readonly PersistentVolumeClaim[];
}

export function decided({ bindings, provisions }: VolumePlan, node: string): DecidedVolumes {
  return {
    volumes: bindings.map(({ claim, volume }) => reserve(volume, claim)),
    claims: provisions.map((claim) => withAnnotation(claim, ANNOTATION.selectedNode, node)),
    awaited: [...bindings.map(({ claim }) => claim), ...provisions],
  };
}

export interface BindVolumesDeps {
  readonly client: Client;
  readonly clock: Clock;
  /** As the API server has it, without anything assumed. */
  readonly storage: Storage;
  /** Calls back after every change of a claim; gives what ends that. */
  readonly onClaimChange: (changed: () => void) => () => void;
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
  const { decision, timeoutMs, signal } = request;
  for (const volume of decision.volumes) await deps.client.update(persistentvolumes, volume, { signal });
  const written = new Set<string>();
  for (const claim of decision.claims) {
    const answer = await deps.client.update(persistentvolumeclaims, claim, { signal });
    written.add(answer.metadata.uid);
  }
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const look = (): void => {
    const state = bindingState(request, deps.storage, written);
    if (state.kind === 'bound') resolve(undefined);
    else if (state.kind === 'failed') resolve(`binding volumes: ${state.message}`);
  };
  const unwatch = deps.onClaimChange(look);
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

type BindingState = { readonly kind: 'bound' | 'waiting' } | { readonly kind: 'failed'; readonly message: string };

/** `unseen`: claims that were written and have not been seen so yet; those are not judged. */
function bindingState({ node, decision }: BindVolumesRequest, storage: Storage, unseen: Set<string>): BindingState {
  let isWaiting = false;
  for (const { metadata } of decision.awaited) {
    const claim = storage.claim(metadata.namespace, metadata.name);
    if (claim === undefined)
      return { kind: 'failed', message: `failed to check binding: persistentvolumeclaim "${metadata.name}" not found` };
    const selected = claim.metadata.annotations?.[ANNOTATION.selectedNode];
    if (selected === node) unseen.delete(metadata.uid);
    // The provisioner takes the annotation away when it cannot provide on that node.
    const isProvisioned = decision.claims.some((own) => own.metadata.uid === metadata.uid);
    if (isProvisioned && !unseen.has(metadata.uid) && selected !== node) {
      return { kind: 'failed', message: `provisioning failed for PVC "${metadata.name}"` };
    }
    if (!isClaimBound(claim)) isWaiting = true;
  }
  return { kind: isWaiting ? 'waiting' : 'bound' };
}
