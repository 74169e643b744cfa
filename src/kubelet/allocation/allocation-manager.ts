// What each pod was given of the node, and what its containers really have; both survive a restart of the kubelet.
import { join } from 'node:path';
import type { Logger } from '#base/log.ts';
import { ownValue } from '#api/json-object.ts';
import type { Int64, Node, Pod } from '#api/types.ts';
import type { KubeletEvents } from '../events/events.ts';
import { containersOf } from '../pod/containers.ts';
import type { KnownPods } from '../pod/known-pods.ts';
import { containerAmounts, equalAmounts, podLevelAmounts, type ComputeAmounts } from '../pod/resources.ts';
import { StateFile } from '../state-file.ts';
import type { Undated } from '../status/conditions.ts';
import { resizeMessage } from './resize-event.ts';
import { allocationOf, judgeResize, withAllocation, type Allocation, type StaticPolicies } from './allocation-plan.ts';

interface Pending {
  readonly reason: 'Deferred' | 'Infeasible';
  readonly message: string;
  /** Of the pod that asked. */
  readonly generation: Int64 | undefined;
}

interface Progress {
  readonly generation: Int64 | undefined;
  /** Why it is not yet in force; empty while it simply goes on. */
  readonly error: string;
}

interface Kept extends Allocation {
  /** Container name to what its cgroup was set to. */
  readonly actuated: Readonly<Record<string, ComputeAmounts>>;
  /** What the pod's own cgroup was set to for the pod as a whole. */
  readonly actuatedPod?: ComputeAmounts;
}

/** Source: pkg/kubelet/allocation; its file is allocated_pods_state. */
export class AllocationManager {
  readonly #file: StateFile;
  readonly #logger: Logger;
  readonly #events: KubeletEvents;
  readonly #policies: StaticPolicies | undefined;
  #pods = new Map<string, Kept>();
  readonly #pending = new Map<string, Pending>();
  readonly #inProgress = new Map<string, Progress>();

  constructor(rootDir: string, logger: Logger, events: KubeletEvents, policies?: StaticPolicies) {
    this.#policies = policies;
    this.#file = new StateFile(join(rootDir, 'allocated_pods_state'));
    this.#logger = logger;
    this.#events = events;
  }

  async load(): Promise<void> {
    try {
      const text = await this.#file.read();
      if (text !== undefined) this.#pods = new Map(Object.entries(JSON.parse(text) as Readonly<Record<string, Kept>>));
    } catch (error) {
      this.#logger.warn('Allocated resources could not be read; pods have what their specs ask for', { path: this.#file.path, error });
    }
  }

  /** The pod with what it was given. */
  allocated(pod: Pod): Pod {
    return withAllocation(pod, this.#pods.get(pod.metadata.uid));
  }

  /** Gives an admitted pod what it asks for, and its cgroup with it; one that was given something before keeps it. */
  admit(pod: Pod): void {
    const { uid } = pod.metadata;
    if (this.#pods.has(uid)) return;
    this.#pods.set(uid, { ...allocationOf(pod), actuated: {}, actuatedPod: podLevelAmounts(pod.spec.resources) });
    this.#save();
  }

  /** Looks whether the spec asks for something else now. Says whether more or less was granted. */
  reconsider(pod: Pod, node: Node, others: readonly Pod[]): boolean {
    const { uid, generation } = pod.metadata;
    const kept = this.#pods.get(uid);
    if (kept === undefined) return false;
    const verdict = judgeResize(pod, kept, node, others, this.#policies);
    if (verdict.kind === 'pending') {
      this.#hold(pod, verdict);
      return false;
    }
    this.#pending.delete(uid);
    if (verdict.kind === 'none') return false;
    this.#pods.set(uid, { ...kept, ...allocationOf(pod) });
    this.#inProgress.set(uid, { generation, error: '' });
    this.#events.pod(pod, 'Normal', 'ResizeStarted', resizeMessage('started', pod, generation));
    this.#save();
    return true;
  }

  /** Told once, though it is looked at again whenever room is given back. */
  #hold(pod: Pod, { reason, message }: Omit<Pending, 'generation'>): void {
    const { uid, generation } = pod.metadata;
    const before = this.#pending.get(uid);
    if (before?.reason === reason && before.message === message && before.generation === generation) return;
    this.#pending.set(uid, { reason, message, generation });
    this.#events.pod(pod, 'Warning', `Resize${reason}`, resizeMessage(reason, pod, generation, message));
  }

  /** Pods that wait for room, with what they have; who waits longest is first. */
  waiting(): readonly { readonly uid: string; readonly allocation: Allocation | undefined }[] {
    const deferred = [...this.#pending].filter(([, { reason }]) => reason === 'Deferred');
    return deferred.map(([uid]) => ({ uid, allocation: this.#pods.get(uid) }));
  }

  /** What the container's cgroup was last set to; undefined for one that this kubelet knows nothing of. */
  actuated(uid: string, container: string): ComputeAmounts | undefined {
    return ownValue(this.#pods.get(uid)?.actuated, container);
  }

  /** The container was started with, or changed to, these resources. */
  setActuated(uid: string, container: string, amounts: ComputeAmounts): void {
    const kept = this.#pods.get(uid);
    if (kept === undefined) return;
    this.#pods.set(uid, { ...kept, actuated: { ...kept.actuated, [container]: amounts } });
    this.#save();
  }

  /** As `actuated`, of the pod as a whole. */
  actuatedPod(uid: string): ComputeAmounts | undefined {
    return this.#pods.get(uid)?.actuatedPod;
  }

  setActuatedPod(uid: string, actuatedPod: ComputeAmounts): void {
    const kept = this.#pods.get(uid);
    if (kept === undefined) return;
    this.#pods.set(uid, { ...kept, actuatedPod });
    this.#save();
  }

  /** A step of a resize failed, or no longer does. */
  resized(pod: Pod, error = ''): void {
    const { uid } = pod.metadata;
    const progress = this.#inProgress.get(uid);
    if (progress === undefined || progress.error === error) return;
    this.#inProgress.set(uid, { ...progress, error });
    if (error !== '') this.#events.pod(pod, 'Warning', 'ResizeError', resizeMessage('error', pod, progress.generation, error));
  }

  /**
   * A resize is under way until the pod and every container of it that runs (`running`, by name) have what they were given; one
   * that was when the kubelet stopped goes on. Source: CheckPodResizeInProgress.
   */
  settle(pod: Pod, running: ReadonlySet<string>): void {
    const { uid, generation } = pod.metadata;
    const kept = this.#pods.get(uid);
    if (kept === undefined) return;
    const progress = this.#inProgress.get(uid);
    const given = withAllocation(pod, kept); // `pod` may be from before the grant
    if (!isActuated(given, kept, running)) {
      if (progress === undefined) this.#inProgress.set(uid, { generation, error: '' });
    } else if (progress !== undefined) {
      this.#inProgress.delete(uid);
      this.#events.pod(pod, 'Normal', 'ResizeCompleted', resizeMessage('completed', given, progress.generation));
    }
  }

  /** Source: PodResizePending, PodResizeInProgress conditions. */
  conditions(pod: Pod): readonly Undated[] {
    const { uid } = pod.metadata;
    const pending = this.#pending.get(uid);
    const progress = this.#inProgress.get(uid);
    const condition = (type: string, generation: Int64 | undefined, more: object): Undated => ({
      type,
      status: 'True',
      ...more,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    });
    return [
      ...(pending === undefined
        ? []
        : [condition('PodResizePending', pending.generation, { reason: pending.reason, message: pending.message })]),
      ...(progress === undefined
        ? []
        : [
            condition(
              'PodResizeInProgress',
              progress.generation,
              progress.error === '' ? {} : { reason: 'Error', message: progress.error },
            ),
          ]),
    ];
  }

  forget(uid: string): void {
    this.#pending.delete(uid);
    this.#inProgress.delete(uid);
    if (this.#pods.delete(uid)) this.#save();
  }

  /** Forgets pods that are not among `known`. */
  keepOnly(known: KnownPods): void {
    for (const uid of this.#pods.keys()) if (!known.has(uid)) this.forget(uid);
  }

  /** Resolves when everything so far is on disk. */
  flush(): Promise<void> {
    return this.#file.settled;
  }

  #save(): void {
    this.#file.replace(JSON.stringify(Object.fromEntries(this.#pods))).catch((error: unknown) => {
      this.#logger.error('Allocated resources could not be written', { path: this.#file.path, error: error as Error });
    });
  }
}

/** Source: isPodResizeInProgress. */
function isActuated({ spec }: Pod, { actuated, actuatedPod }: Kept, running: ReadonlySet<string>): boolean {
  if (!isInForce(podLevelAmounts(spec.resources), actuatedPod)) return false;
  return containersOf(spec).every(
    ({ container }) => !running.has(container.name) || isInForce(containerAmounts(container, spec), ownValue(actuated, container.name)),
  );
}

function isInForce(wanted: ComputeAmounts, have: ComputeAmounts | undefined): boolean {
  return have === undefined || equalAmounts(wanted, have);
}
