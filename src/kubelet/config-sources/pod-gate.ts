// Between the sources of pods and their workers: admits pods to the node, refuses those it cannot run.
import { isCriticalPod, isPodPhaseTerminal } from '#api/pods.ts';
import type { Node, Pod } from '#api/types.ts';
import type { Logger } from '#base/log.ts';
import { admit, chooseVictims, type Refusal } from '../admission/admission-plan.ts';
import type { AllocationManager } from '../allocation/allocation-manager.ts';
import { inResizeOrder } from '../allocation/resize-order.ts';
import type { DeviceManager } from '../devices/device-manager.ts';
import { DeviceError } from '../devices/preferred-devices.ts';
import type { KubeletEvents } from '../events/events.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { podKey } from '../pod/identity.ts';
import type { PodWorkers } from '../pod-workers/pod-workers.ts';
import type { StatusManager } from '../status/manager.ts';
import type { ResourceManagers } from '../topology/resource-managers.ts';
import type { PodStore } from './pod-store.ts';

export interface PodGateDeps {
  readonly store: PodStore;
  readonly workers: PodWorkers;
  readonly status: StatusManager;
  readonly allocations: AllocationManager;
  readonly devices: Pick<DeviceManager, 'lackedBy' | 'allocate'>;
  readonly resources: Pick<ResourceManagers, 'admit' | 'release'>;
  readonly events: KubeletEvents;
  readonly metrics: KubeletMetrics;
  readonly logger: Logger;
  /** This node as it is, or as it will be registered. */
  readonly node: () => Node;
  /** Pressure conditions in force. */
  readonly pressures: () => readonly string[];
  readonly allowedUnsafeSysctls: readonly string[];
  readonly appArmor: boolean;
  /** The machine is going down. */
  readonly shuttingDown: () => boolean;
  /** Whether all pods of this node are known. */
  readonly sourcesReady: () => boolean;
  /** Whether the runtime has anything of the pod. */
  readonly hasTraces: (uid: string) => boolean;
}

/** Source: Kubelet HandlePodAdditions, HandlePodUpdates, canAdmitPod. */
export class PodGate {
  readonly #deps: PodGateDeps;
  /** Refused pods: they have no worker, and stay refused. */
  readonly #refused = new Set<string>();
  /** Admitted but for their devices, which are being allocated. */
  readonly #equipped = new Set<string>();

  constructor(deps: PodGateDeps) {
    this.#deps = deps;
  }

  /** A source has this pod, new or changed. */
  update(pod: Pod): void {
    const { workers } = this.#deps;
    const { uid, deletionTimestamp } = pod.metadata;
    if (workers.stage(uid) !== undefined) {
      if (!this.#refused.has(uid)) this.#resize(pod);
      workers.update(pod);
    } else if (deletionTimestamp !== undefined) workers.update(pod);
    else if (isPodPhaseTerminal(pod.status.phase)) {
      // Nothing is left of it but its object, as a rule.
      if (this.#deps.hasTraces(uid)) workers.update(pod);
    } else if (!this.#refused.has(uid) && !this.#equipped.has(uid)) this.#admit(pod);
  }

  /** In the order they were made, so that after a restart of the kubelet those that ran are admitted first. */
  updateAll(pods: Iterable<Pod>): void {
    const sorted = [...pods].toSorted((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
    for (const pod of sorted) this.update(pod);
  }

  /** Nothing is left of the pod from before: it is taken as if it were new. */
  begin(uid: string): void {
    const pod = this.#deps.store.get(uid);
    if (pod !== undefined) this.update(pod);
  }

  remove(uid: string): void {
    this.#refused.delete(uid);
    this.#deps.workers.remove(uid);
  }

  /** Room was given back: pods that wait for more resources are looked at again. */
  reconsider(): void {
    const { allocations, store } = this.#deps;
    const waiting = allocations.waiting().flatMap(({ uid, allocation }) => {
      const pod = store.get(uid);
      return pod === undefined ? [] : [{ pod, allocation }];
    });
    for (const pod of inResizeOrder(waiting)) this.#resize(pod);
  }

  #admit(pod: Pod): void {
    const refusal = this.#judge(this.#deps.allocations.allocated(pod));
    if (refusal === undefined) {
      this.#accept(pod);
      return;
    }
    const room =
      refusal.insufficient === undefined || !isCriticalPod(pod) ? undefined : chooseVictims(pod, this.#others(pod), refusal.insufficient);
    if (room === undefined || refusal.insufficient === undefined) this.#refuse(pod, refusal);
    else void this.#preempt(pod, room, refusal.insufficient.resource);
  }

  #accept(pod: Pod): void {
    const { workers, allocations, devices } = this.#deps;
    if (devices.lackedBy(pod)) {
      void this.#equip(pod);
      return;
    }
    allocations.admit(pod);
    workers.update(pod);
  }

  /** Source: ManagerImpl.Allocate, as topologymanager's admit handler asks for it. */
  async #equip(pod: Pod): Promise<void> {
    const { devices, store, workers } = this.#deps;
    const { uid } = pod.metadata;
    this.#equipped.add(uid);
    try {
      await devices.allocate(pod, (other) => this.isAlive(other));
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      this.#refuse(pod, { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${error.message}, which is unexpected` });
      return;
    } finally {
      this.#equipped.delete(uid);
    }
    const current = store.get(uid);
    if (current !== undefined && workers.stage(uid) === undefined) this.#accept(current);
  }

  /** May run, or may have run before this kubelet was started. */
  isAlive(uid: string): boolean {
    const { store, workers, sourcesReady } = this.#deps;
    if (!sourcesReady()) return true;
    const pod = store.get(uid);
    if (pod === undefined || workers.stage(uid) !== undefined) return workers.mayRun(uid);
    return !this.#refused.has(uid) && !isPodPhaseTerminal(pod.status.phase);
  }

  #judge(pod: Pod): Refusal | undefined {
    const { node, pressures, allowedUnsafeSysctls, appArmor, resources, shuttingDown } = this.#deps;
    const allocate = (): Refusal | undefined => resources.admit(pod);
    return admit({
      pod,
      node: node(),
      others: this.#others(pod),
      pressures: pressures(),
      allowedUnsafeSysctls,
      appArmor,
      allocate,
      shuttingDown: shuttingDown(),
    });
  }

  /** Pods that have been admitted and have not ended. Source: GetActivePods. */
  #others(pod: Pod): readonly Pod[] {
    const { store, workers, allocations } = this.#deps;
    return [...store.all()]
      .filter(({ metadata: { uid } }) => uid !== pod.metadata.uid && (workers.mayRun(uid) || this.#equipped.has(uid)))
      .map((other) => allocations.allocated(other));
  }

  /** Source: rejectPod. */
  #refuse(pod: Pod, { reason, message }: Refusal): void {
    const { events, status, logger, resources } = this.#deps;
    resources.release(pod.metadata.uid);
    this.#refused.add(pod.metadata.uid);
    logger.warn('Pod was rejected', { pod: podKey(pod), reason, message });
    events.pod(pod, 'Warning', reason, message);
    status.set(pod, {
      ...pod.status,
      phase: 'Failed',
      reason,
      message: `Pod was rejected: ${message}`,
      conditions: pod.status.conditions ?? [],
    });
  }

  /** Ends the victims, then looks at the pod again. Source: CriticalPodAdmissionHandler. */
  async #preempt(pod: Pod, victims: readonly Pod[], resource: string): Promise<void> {
    const { events, workers, store, metrics } = this.#deps;
    const verdict = { reason: 'Preempting', message: 'Preempted in order to admit critical pod', disruption: 'TerminationByKubelet' };
    for (const victim of victims) {
      events.pod(victim, 'Warning', verdict.reason, verdict.message);
      metrics.preemptions.of(resource).add();
      workers.stopPod(victim.metadata.uid, { verdict });
    }
    await Promise.all(victims.map(({ metadata: { uid } }) => workers.whenStopped(uid)));
    const current = store.get(pod.metadata.uid);
    if (current === undefined || workers.stage(pod.metadata.uid) !== undefined) return;
    const refusal = this.#judge(current);
    if (refusal !== undefined) {
      this.#refuse(current, refusal);
      return;
    }
    this.#accept(current);
  }

  #resize(pod: Pod): void {
    const { allocations, node, workers } = this.#deps;
    if (!allocations.reconsider(pod, node(), this.#others(pod))) return;
    workers.wake(pod.metadata.uid);
    this.reconsider(); // what it had and gave back may be what another waits for
  }
}
