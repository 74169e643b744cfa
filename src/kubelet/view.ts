// What the kubelet's server needs to know: pods, containers, logs, figures.
import { containerStatus } from '#api/pods.ts';
import type { Node, Pod } from '#api/types.ts';
import type { CriClient } from '#cri/contract.ts';
import { isNotFound } from '#cri/errors.ts';
import type { KubeletParts } from './parts.ts';
import { configurationOf } from './configuration/configuration-json.ts';
import { levels } from './metrics/levels.ts';
import type { MachineFacts } from './node/machine.ts';
import { findContainer } from './pod/containers.ts';
import type { ProbeCount } from './probes/probe-manager.ts';
import { bareContainerId, type RuntimePod } from './runtime/runtime-pod.ts';
import { cadvisorSubjects, type Subject } from './stats/cadvisor.ts';
import type { Summary } from './stats/summary.ts';

/** No log can be shown; the message is upstream's. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
}

export interface LogTarget {
  readonly containerId: string;
  /** Of the file being written now; rotations lie beside it. */
  readonly path: string;
  readonly running: boolean;
}

export interface KubeletView {
  readonly nodeName: string;
  /** Every pod of this node, static ones included, with the newest status. */
  pods(): readonly Pod[];
  /** With the newest status. A static pod is found by its own name; its mirror's uid stands for its own. */
  pod(namespace: string, name: string, uid?: string): Pod | undefined;
  /**
   * Id of the running container, for exec, attach and run; asks the runtime when the last look was too long ago.
   * Undefined when it does not run.
   */
  runningContainer(pod: Pod, container: string): Promise<string | undefined>;
  /** Id of the pod's ready sandbox, for port forwarding. */
  readySandbox(pod: Pod): Promise<string | undefined>;
  /** Whether the container has a terminal: attaching must agree with it. */
  hasTty(pod: Pod, container: string): boolean;
  /** @throws LogUnavailable; Source: validateContainerLogStatus */
  logTarget(pod: Pod, container: string, previous: boolean): Promise<LogTarget>;
  /** Figures of node and pods. @throws CriError */
  summary(): Promise<Summary>;
  /** As `summary`, with what cgroups tell beyond it. @throws CriError */
  cadvisor(): Promise<readonly Subject[]>;
  /** What the machine is. */
  readonly machine: MachineFacts;
  readonly cri: CriClient;
  /** Why the node is not ready; empty when it is. */
  problems(): readonly string[];
  /** Milliseconds for which the runtime has kept the kubelet from its work; 0 while it does not. */
  troubledForMs(): number;
  node(): Node | undefined;
  /** The settings in use, as KubeletConfiguration. */
  configuration(): Readonly<Record<string, unknown>>;
  probeCounts(): readonly ProbeCount[];
  /** How long probes took, Prometheus' text format. */
  probeDurations(): string;
  /** What the kubelet counts of its own work, Prometheus' text format. */
  figures(): string;
  /** Where log files of the machine lie, for `/logs/`. */
  readonly logDirectory: string;
  /** Where checkpoints of containers are written. */
  readonly checkpoints: string;
}

export function kubeletView(parts: KubeletParts): KubeletView {
  const { store, status, pleg, cri, config, stats, runtimeState, observer } = parts;
  const withStatus = (pod: Pod): Pod => {
    const newest = status.get(pod.metadata.uid);
    return newest === undefined ? pod : { ...pod, status: newest };
  };
  const view: KubeletView = {
    nodeName: config.nodeName,
    cri,
    logDirectory: '/var/log',
    checkpoints: parts.paths.checkpoints(),
    pods: () => [...store.all()].map(withStatus),
    pod(namespace, name, uid) {
      const pod = store.byName(namespace, name);
      if (pod === undefined) return undefined;
      const fits = uid === undefined || uid === '' || pod.metadata.uid === uid || store.apiPod(pod.metadata.uid)?.metadata.uid === uid;
      return fits ? withStatus(pod) : undefined;
    },
    async runningContainer({ metadata: { uid } }, name) {
      const running = (): string | undefined =>
        pleg.get(uid)?.containers.find((each) => each.name === name && each.state === 'running')?.id;
      const known = running();
      if (known !== undefined) return known;
      await pleg.refresh(uid);
      return running();
    },
    async readySandbox({ metadata: { uid } }) {
      const ready = (): string | undefined => pleg.get(uid)?.sandboxes.find((each) => each.ready)?.id;
      const known = ready();
      if (known !== undefined) return known;
      await pleg.refresh(uid);
      return ready();
    },
    hasTty: (pod, name) => findContainer(pod, name)?.container.tty === true,
    async logTarget(pod, name, previous) {
      const containerId = bareContainerId(logContainerId(pod, name, previous));
      try {
        const { status: found } = await cri.runtime.containerStatus({ containerId });
        if (found !== undefined) return { containerId, path: found.logPath, running: found.state === 'CONTAINER_RUNNING' };
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      throw new LogUnavailable(`unable to retrieve container logs for ${parts.runtimeState.facts?.name ?? 'containerd'}://${containerId}`);
    },
    summary: () => stats.summary(),
    async cadvisor() {
      const runtimePod = (uid: string): RuntimePod | undefined => pleg.get(uid);
      return cadvisorSubjects({
        cgroups: parts.cgroups,
        pods: [...store.all()],
        runtimePod,
        summary: await stats.summary(),
        now: parts.clock.now(),
      });
    },
    machine: parts.machine,
    troubledForMs: () => runtimeState.troubledForMs,
    problems: () => [...runtimeState.runtimeProblems(), ...runtimeState.networkProblems()],
    node: () => observer.nodeOrInitial,
    configuration: () => configurationOf(config),
    probeCounts: () => parts.probes.counts(),
    probeDurations: () => parts.probes.durations(),
    figures: () => parts.metrics.expose() + levels(parts) + parts.plugins.csi.expose(),
  };
  return view;
}

/** Id, with its scheme, of the instance whose log is meant. @throws LogUnavailable; Source: validateContainerLogStatus */
export function logContainerId(pod: Pod, name: string, previous: boolean): string {
  const { status } = pod;
  const found =
    containerStatus(status.containerStatuses, name) ??
    containerStatus(status.initContainerStatuses, name) ??
    containerStatus(status.ephemeralContainerStatuses, name);
  const where = `container "${name}" in pod "${pod.metadata.name}"`;
  if (found === undefined) throw new LogUnavailable(`${where} is not available`);
  const { running, terminated, waiting } = found.state;
  const last = found.lastState?.terminated?.containerID ?? '';
  if (previous) {
    if (last === '') throw new LogUnavailable(`previous terminated ${where} not found`);
    return last;
  }
  if (running !== undefined) return found.containerID ?? '';
  if (terminated !== undefined || found.lastState?.terminated !== undefined) {
    const id = terminated?.containerID === undefined || terminated.containerID === '' ? last : terminated.containerID;
    if (id === '') throw new LogUnavailable(`${where} is terminated`);
    return id;
  }
  if (waiting === undefined) throw new LogUnavailable(`${where} is waiting to start - no logs yet`);
  switch (waiting.reason) {
    case 'ErrImagePull':
      throw new LogUnavailable(`${where} is waiting to start: image can't be pulled`);
    case 'ImagePullBackOff':
      throw new LogUnavailable(`${where} is waiting to start: trying and failing to pull image`);
    default:
      throw new LogUnavailable(`${where} is waiting to start: ${waiting.reason ?? ''}`);
  }
}
