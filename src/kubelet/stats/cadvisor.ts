// What `/metrics/cadvisor` tells of: the machine, the groups of pods, pods, sandboxes and containers, with what each uses.
// Source: cadvisor manager, pkg/kubelet/cadvisor.
import { readFile } from 'node:fs/promises';
import { parseTime } from '#apimachinery/time.ts';
import type { Pod } from '#api/types.ts';
import { isSystemError } from '#base/system-error.ts';
import { PAUSE_IMAGE } from '#cri/pause/pause-image.ts';
import type { CgroupManager } from '../cgroups/cgroup-manager.ts';
import type { CgroupFigures } from '../cgroups/figures.ts';
import { isHostNetworkPod } from '../pod/identity.ts';
import type { RuntimePod } from '../runtime/runtime-pod.ts';
import { interfacesOf, type InterfaceFigures } from './net-dev.ts';
import type { ContainerSummary, PodSummary, Summary } from './summary.ts';

/** Something that uses resources; `container` is empty for what is no container. */
export interface Subject {
  readonly labels: {
    readonly container: string;
    readonly id: string;
    readonly image: string;
    readonly name: string;
    readonly namespace: string;
    readonly pod: string;
  };
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** As `at`. */
  readonly startedAt?: number;
  readonly cgroup?: CgroupFigures;
  /** What the runtime, or the machine, says where no cgroup tells. */
  readonly stats?: Pick<ContainerSummary, 'cpu' | 'memory' | 'rootfs'>;
  readonly processes?: number;
  readonly network?: readonly InterfaceFigures[];
}

export interface CadvisorSources {
  readonly cgroups: Pick<CgroupManager, 'groups' | 'parentOf' | 'containerOf' | 'figures' | 'pids'>;
  readonly pods: readonly Pod[];
  readonly runtimePod: (uid: string) => RuntimePod | undefined;
  readonly summary: Summary;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const NOBODY = { container: '', image: '', name: '', namespace: '', pod: '' };

export async function cadvisorSubjects(sources: CadvisorSources): Promise<readonly Subject[]> {
  const { cgroups, pods, summary, now } = sources;
  const { cpu, memory, startTime } = summary.node;
  const machine: Subject = {
    labels: { ...NOBODY, id: '/' },
    at: now,
    startedAt: parseTime(startTime),
    stats: { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) },
    network: interfacesOf(await textOf('/proc/self/net/dev')),
  };
  const groups = cgroups
    .groups()
    .map(async (id): Promise<Subject> => ({ labels: { ...NOBODY, id }, at: now, ...(await used(id, cgroups)) }));
  const byUid = new Map(summary.pods.map((pod) => [pod.podRef.uid, pod]));
  const ofPods = pods.map((pod) => podSubjects(pod, byUid.get(pod.metadata.uid), sources));
  return [machine, ...(await Promise.all(groups)), ...(await Promise.all(ofPods)).flat()];
}

/** The pod, its sandbox with the pod's network, and its running containers. */
async function podSubjects(
  pod: Pod,
  stats: PodSummary | undefined,
  { cgroups, runtimePod, now }: CadvisorSources,
): Promise<readonly Subject[]> {
  const runtime = runtimePod(pod.metadata.uid);
  const sandbox = runtime?.sandboxes.find(({ ready }) => ready);
  if (runtime === undefined || sandbox === undefined) return [];
  const { name, namespace } = pod.metadata;
  const parent = cgroups.parentOf(pod);
  const below = (id: string): string => cgroups.containerOf(pod, id);
  const common = { namespace, pod: name };
  const [whole, ofSandbox, [pid]] = await Promise.all([
    used(parent, cgroups),
    used(below(sandbox.id), cgroups),
    cgroups.pids(below(sandbox.id)),
  ]);
  const network = pid === undefined || isHostNetworkPod(pod) ? undefined : interfacesOf(await textOf(`/proc/${pid}/net/dev`));
  const containers = runtime.containers.filter(({ state }) => state === 'running');
  return [
    ...(whole.cgroup === undefined ? [] : [{ labels: { ...NOBODY, ...common, id: parent }, at: now, ...whole }]),
    {
      labels: { ...common, container: '', id: below(sandbox.id), image: PAUSE_IMAGE, name: sandbox.id },
      at: now,
      startedAt: sandbox.createdAt,
      ...ofSandbox,
      ...(network === undefined ? {} : { network }),
    },
    ...(await Promise.all(
      containers.map(async ({ id, name: container, image, startedAt }): Promise<Subject> => {
        const found = stats?.containers.find((each) => each.name === container);
        const [figures, pids] = await Promise.all([used(below(id), cgroups), cgroups.pids(below(id))]);
        return {
          labels: { ...common, container, id: below(id), image, name: id },
          at: now,
          startedAt,
          ...figures,
          ...(found === undefined ? {} : { stats: found }),
          ...(pids.length === 0 ? {} : { processes: pids.length }),
        };
      }),
    )),
  ];
}

async function used(id: string, cgroups: CadvisorSources['cgroups']): Promise<{ readonly cgroup?: CgroupFigures }> {
  const cgroup = await cgroups.figures(id);
  return cgroup === undefined ? {} : { cgroup };
}

/** Empty when the process is gone. */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isSystemError(error)) return '';
    throw error;
  }
}
