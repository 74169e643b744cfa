// Grows volumes on this node after their drivers' controllers have made them larger, and tells claims and pods of it.
// Source: node_expander.go expandOnPlugin, pkg/volume/csi expander.go.
import { parseQuantity } from '#apimachinery/quantity.ts';
import { formatTime } from '#apimachinery/time.ts';
import { uniqueVolumeName } from '#api/csi.ts';
import { persistentvolumeclaims, persistentvolumes } from '#api/resources.ts';
import type { CSIPersistentVolumeSource, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import type { Clock } from '#base/clock.ts';
import type { Client } from '#client/contract.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import { CriError } from '#cri/errors.ts';
import { VolumeError } from '../volumes/plugin.ts';
import { CSI, type VolumeCapability } from './csi-api.ts';
import type { DriverCalls } from './driver-calls.ts';
import { type GrowthPlan, grown, inProgress, isFinal, isInfeasible, notGrown, planGrowth } from './growth-plan.ts';

export interface GrowthDeps {
  readonly client: Client;
  readonly calls: DriverCalls;
  readonly events: EventRecorder;
  readonly clock: Clock;
}

/** One use of a volume on this node. */
export interface VolumeUse {
  readonly pod: Pod;
  readonly volume: PersistentVolume;
  readonly claim: PersistentVolumeClaim;
  readonly readOnly: boolean;
  /** Where the pod has it. */
  readonly volumePath: string;
  readonly stagingTargetPath: string;
  readonly volumeCapability: VolumeCapability;
}

type Grow = GrowthPlan & { readonly kind: 'grow' };

export class CsiGrowth {
  readonly #deps: GrowthDeps;
  /** What volumes were grown to here, by unique name. */
  readonly #sizes = new Map<string, string>();
  /** Those that the driver will not grow while they are used, and those it refused for good. */
  readonly #inUse = new Set<string>();
  readonly #refused = new Set<string>();

  constructor(deps: GrowthDeps) {
    this.#deps = deps;
  }

  /** Looks at claim and volume anew; what fails then is told to the pod alone. @throws StatusError, ConnectionError */
  async look(use: VolumeUse): Promise<void> {
    const { client } = this.#deps;
    const volume = await client.get(persistentvolumes, use.volume.metadata);
    const claim = await client.get(persistentvolumeclaims, use.claim.metadata);
    try {
      await this.grow({ ...use, volume, claim });
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      const message = `NodeExpandVolume.NodeExpandVolume failed for volume "${volume.metadata.name}" : ${error.message}`;
      this.#deps.events.event(use.pod, 'Warning', 'VolumeResizeFailed', message);
    }
  }

  /** @throws VolumeError, StatusError, ConnectionError */
  async grow(use: VolumeUse): Promise<void> {
    const { volume, claim, readOnly } = use;
    const unique = uniqueVolumeName(sourceOf(volume));
    const plan = planGrowth({ volume, claim, readOnly, known: this.#sizes.get(unique) });
    if (plan.kind === 'none' || this.#inUse.has(unique)) return;
    const to = volume.spec.capacity?.['storage'] ?? '';
    if (plan.kind === 'read-only') {
      this.#sizes.set(unique, to); // told once
      this.#tell(use, 'Warning', 'FileSystemResizeFailed', 'MountVolume.NodeExpandVolume failed', 'requested read-only file system');
      return;
    }
    if (await this.#expand(use, plan, unique)) this.#sizes.set(unique, to);
  }

  /** The volume is no longer on this node. */
  forget(unique: string): void {
    this.#sizes.delete(unique);
    this.#inUse.delete(unique);
    this.#refused.delete(unique);
  }

  async #expand(use: VolumeUse, plan: Grow, unique: string): Promise<boolean> {
    let { claim } = use;
    if (plan.claim === 'progress') claim = await this.#patch(claim, inProgress());
    try {
      await this.#call(use, plan.to);
    } catch (error) {
      if (!(error instanceof VolumeError) || !(error.cause instanceof CriError)) throw error;
      return this.#failed({ ...use, claim }, plan, unique, error.cause);
    }
    this.#tell(use, 'Normal', 'FileSystemResizeSuccessful', 'MountVolume.NodeExpandVolume succeeded', use.pod.spec.nodeName ?? '');
    if (plan.claim !== 'nothing') await this.#patch(claim, grown(claim, plan.to));
    return true;
  }

  async #call({ volume, volumePath, stagingTargetPath, volumeCapability }: VolumeUse, to: string): Promise<void> {
    const { calls } = this.#deps;
    const { driver, volumeHandle, nodeExpandSecretRef } = sourceOf(volume);
    if (!(await calls.capabilities(driver)).has('EXPAND_VOLUME'))
      throw new VolumeError(`Expander.NodeExpand found CSI plugin kubernetes.io/csi/${driver} to not support node expansion`);
    await calls.ask(driver, CSI.expand, {
      volumeId: volumeHandle,
      volumePath,
      stagingTargetPath,
      volumeCapability,
      capacityRange: { requiredBytes: Number(parseQuantity(to).value()) },
      secrets: await calls.secret(nodeExpandSecretRef),
    });
  }

  /** @returns false where the pod can do with the volume as it is. @throws VolumeError */
  async #failed({ claim }: VolumeUse, plan: Grow, unique: string, error: CriError): Promise<false> {
    const why = `Expander.NodeExpand failed to expand the volume : ${error.message}`;
    if (plan.claim === 'progress' && isFinal(error.code)) {
      const changed = claim.spec.resources?.requests?.['storage'] !== plan.to && this.#refused.has(unique);
      this.#refused.add(unique);
      await this.#patch(claim, notGrown(claim, why, changed || isInfeasible(error.code), formatTime(this.#deps.clock.now())));
    }
    if (error.code !== 'FailedPrecondition') throw new VolumeError(why, { cause: error });
    this.#inUse.add(unique);
    return false;
  }

  #patch({ metadata }: PersistentVolumeClaim, status: object): Promise<PersistentVolumeClaim> {
    const { name, namespace, uid } = metadata;
    return this.#deps.client.patch(
      persistentvolumeclaims,
      { name, namespace },
      { type: 'merge', body: { metadata: { uid }, status } },
      { subresource: 'status' },
    );
  }

  #tell({ pod, claim, volume }: VolumeUse, type: 'Normal' | 'Warning', reason: string, what: string, more: string): void {
    const message = `${what} for volume "${volume.metadata.name}" ${more}`;
    for (const subject of [pod, claim]) this.#deps.events.event(subject, type, reason, message);
  }
}

const sourceOf = ({ spec }: PersistentVolume): CSIPersistentVolumeSource => spec.csi as CSIPersistentVolumeSource;
