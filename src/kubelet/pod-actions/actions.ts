// pure
// What one pass over a pod may decide to do with its sandbox and containers.
import type { AnyContainer } from '../pod/containers.ts';
import type { ComputeAmounts } from '../pod/resources.ts';

/** Why a container is killed; decides its grace period. Source: containerKillReason. */
export type KillReason = 'StartupProbe' | 'LivenessProbe' | 'Unknown' | '';

export interface ContainerKill {
  readonly id: string;
  readonly container: AnyContainer;
  /** Text of the Killing event. */
  readonly message: string;
  readonly reason: KillReason;
}

export interface ContainerResize {
  readonly id: string;
  readonly container: AnyContainer;
  readonly resource: 'cpu' | 'memory';
  readonly desired: ComputeAmounts;
  readonly current: ComputeAmounts;
}

/** A container that goes away so that the whole pod starts over in the same sandbox. */
export interface ContainerReset {
  readonly id: string;
  readonly container: AnyContainer;
  readonly kill: boolean;
}

export type PodFate =
  | { readonly kind: 'keep'; readonly sandboxId: string; readonly attempt: number }
  /** Kill everything and start in a new sandbox; `previousId` names the one it replaces. */
  | { readonly kind: 'recreate'; readonly attempt: number; readonly previousId?: string }
  | { readonly kind: 'kill' };

/** Source: kuberuntime podActions. Numbers are places within their list of the pod spec, in the order they start. */
export interface PodActions {
  readonly fate: PodFate;
  readonly kills: readonly ContainerKill[];
  readonly startEphemeral: readonly number[];
  readonly startInit: readonly number[];
  readonly startContainers: readonly number[];
  /** Decreases before increases. */
  readonly resizes: readonly ContainerResize[];
  /** Whether the pod's own cgroup must be brought to other limits, whatever becomes of its containers'. */
  readonly resizePod: boolean;
  /** The containers whose exit asked for the reset come last, so that a crash in between asks again. */
  readonly resets: readonly ContainerReset[];
}

export const NO_ACTIONS: Omit<PodActions, 'fate'> = {
  kills: [],
  startEphemeral: [],
  startInit: [],
  startContainers: [],
  resizes: [],
  resizePod: false,
  resets: [],
};
