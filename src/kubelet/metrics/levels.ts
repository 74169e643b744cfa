// What can be counted at the moment it is asked for: pods, containers, volumes.
// Source: HandlePodCleanups, pleg updateRunningPodAndContainerMetrics, volumemanager metrics.
import type { Pod } from '#api/types.ts';
import { gauge } from '#base/metrics.ts';
import type { PodStore } from '../config-sources/pod-store.ts';
import type { Pleg } from '../pleg/pleg.ts';
import { isStaticPod } from '../pod/identity.ts';
import type { PodStage } from '../pod-workers/worker.ts';
import type { PodWorkers } from '../pod-workers/pod-workers.ts';
import type { ContainerRunState } from '../runtime/runtime-pod.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';

export interface LevelSources {
  readonly store: PodStore;
  readonly workers: PodWorkers;
  readonly pleg: Pick<Pleg, 'all'>;
  readonly volumes: Pick<VolumeManager, 'counts'>;
}

/** As upstream labels pods that did not come from the API. */
const staticLabel = (pod: Pod): string => (isStaticPod(pod) ? 'true' : '');
const STATIC = ['', 'true'];
const STATES: readonly ContainerRunState[] = ['created', 'exited', 'running', 'unknown'];
const LIFECYCLES: readonly (readonly [label: string, stage: PodStage])[] = [
  ['sync', 'syncing'],
  ['terminating', 'terminating'],
  ['terminated', 'terminated'],
];

const count = <T>(all: readonly T[], holds: (each: T) => boolean): number => all.filter(holds).length;

/** Prometheus' text format. */
export function levels({ store, workers, pleg, volumes }: LevelSources): string {
  const desired = [...store.all()];
  const active = desired.filter(({ metadata: { uid } }) => workers.mayRun(uid));
  const working = [...workers.uids()].flatMap((uid) => workers.pod(uid) ?? []);
  const runtime = pleg.all();
  const containers = runtime.flatMap((pod) => pod.containers);
  const byOrigin = (pods: readonly Pod[]): readonly (readonly [readonly string[], number])[] =>
    STATIC.map((label) => [[label], count(pods, (pod) => staticLabel(pod) === label)]);
  return [
    gauge(
      'kubelet_desired_pods',
      'The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.',
      ['static'],
      byOrigin(desired),
    ),
    gauge(
      'kubelet_active_pods',
      'The number of pods the kubelet considers active and which are being considered when admitting new pods. static is true if the pod is not from the apiserver.',
      ['static'],
      byOrigin(active),
    ),
    gauge(
      'kubelet_mirror_pods',
      'The number of mirror pods the kubelet will try to create (one per admitted static pod)',
      [],
      [[[], count(active, isStaticPod)]],
    ),
    gauge(
      'kubelet_working_pods',
      'Number of pods the kubelet is actually running, broken down by lifecycle phase, whether the pod is desired, orphaned, or runtime only (also orphaned), and whether the pod is static. An orphaned pod has been removed from local configuration or force deleted in the API and consumes resources that are not otherwise visible.',
      ['lifecycle', 'config', 'static'],
      workingPods(working, { store, workers }),
    ),
    gauge(
      'kubelet_running_pods',
      'Number of pods that have a running pod sandbox',
      [],
      [[[], count(runtime, ({ sandboxes }) => sandboxes.some(({ ready }) => ready))]],
    ),
    gauge(
      'kubelet_running_containers',
      'Number of containers currently running',
      ['container_state'],
      STATES.flatMap((state) => {
        const found = count(containers, (container) => container.state === state);
        return found === 0 && state !== 'running' ? [] : [[[state], found] as const];
      }),
    ),
    gauge(
      'kubelet_managed_ephemeral_containers',
      'Current number of ephemeral containers in pods managed by this kubelet.',
      [],
      [[[], desired.reduce((sum, { spec }) => sum + (spec.ephemeralContainers ?? []).length, 0)]],
    ),
    gauge('volume_manager_total_volumes', 'Number of volumes in Volume Manager', ['plugin_name', 'state'], volumes.counts()),
  ].join('');
}

type Sample = readonly [values: readonly string[], value: number];

function workingPods(pods: readonly Pod[], { store, workers }: Pick<LevelSources, 'store' | 'workers'>): readonly Sample[] {
  const isDesired = ({ metadata: { uid } }: Pod): boolean => store.get(uid) !== undefined;
  return LIFECYCLES.flatMap(([lifecycle, stage]) => {
    const inStage = pods.filter(({ metadata: { uid } }) => workers.stage(uid) === stage);
    return (['desired', 'orphan'] as const).flatMap((config) =>
      STATIC.map((origin): Sample => {
        const fits = (pod: Pod): boolean => isDesired(pod) === (config === 'desired') && staticLabel(pod) === origin;
        return [[lifecycle, config, origin], count(inStage, fits)];
      }),
    );
  });
}
