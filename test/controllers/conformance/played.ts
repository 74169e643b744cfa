// What the conformance tests of workloads start from: an API server, the controllers of workloads, and two nodes whose
// scheduler and kubelets are played: pods are bound, run, become ready, and go when they are told to.
import assert from 'node:assert/strict';
import { nodes, pods } from '#api/resources.ts';
import { isPodTerminal } from '#api/pods.ts';
import type { Container, KubeObject, New, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { formatTime } from '#apimachinery/time.ts';
import { systemClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { ConnectionError, type ListOptions, type ObjectRef } from '#client/contract.ts';
import { retryOnConflict } from '#client/retry-on-conflict.ts';
import { cronJobController } from '#controllers/cronjob/controller.ts';
import { daemonSetController } from '#controllers/daemonset/controller.ts';
import { targetNode } from '#controllers/daemonset/daemon-pod.ts';
import { deploymentController } from '#controllers/deployment/controller.ts';
import { disruptionController, staleDisruptionController } from '#controllers/disruption/controller.ts';
import { garbageCollector } from '#controllers/garbage-collector/controller.ts';
import { jobController } from '#controllers/job/controller.ts';
import { jobOrphanController } from '#controllers/job/orphans.ts';
import { replicaSetController } from '#controllers/replicaset/controller.ts';
import { replicationController } from '#controllers/replicationcontroller/controller.ts';
import { resourceQuotaController } from '#controllers/resourcequota/controller.ts';
import { statefulSetController } from '#controllers/statefulset/controller.ts';
import { type ControllerTest, startControllerTest } from '../../harness/controllers.ts';

export const NODES = ['one', 'two'] as const;
/** Its pods never start. */
export const MISSING_IMAGE = 'missing:404';

/** What a kubelet does next with a pod of its node. */
export type Act =
  | { readonly kind: 'run'; readonly ready: boolean }
  | { readonly kind: 'end'; readonly exitCode: number }
  /** Nothing until something else changes. */
  | { readonly kind: 'leave' };

export type Decide = (pod: Pod) => Act;

export interface Played extends ControllerTest {
  /** `until`, while kubelets do with pods what `decide` says; by default all run and are ready, but those of MISSING_IMAGE. */
  carriedOn<T>(look: () => Promise<T | undefined>, decide?: Decide, stepMs?: number): Promise<T>;
  podsOf(labelSelector: string): Promise<readonly Pod[]>;
  /** Updates what is there now, again when somebody else was faster. */
  changed<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, change: (fresh: T) => T, subresource?: string): Promise<T>;
}

/** Longest wait; far more than anything takes. Milliseconds. */
const PATIENCE_MS = 120_000;

const told = (all: readonly Pod[]): string =>
  JSON.stringify(all.map(({ metadata, status }) => [metadata.name, status.phase, status.conditions]));

const runs: Decide = ({ spec }) =>
  spec.containers.some(({ image }) => image === MISSING_IMAGE) ? { kind: 'leave' } : { kind: 'run', ready: true };

export async function startPlayed(options: { readonly now?: number } = {}): Promise<Played> {
  const ids = seededIds(3);
  const t = await startControllerTest({
    ...options,
    controllers: [
      deploymentController,
      replicaSetController,
      replicationController,
      statefulSetController,
      daemonSetController,
      jobController,
      jobOrphanController,
      cronJobController,
      garbageCollector,
      disruptionController,
      staleDisruptionController,
      resourceQuotaController,
    ],
    async prepare(client) {
      for (const name of NODES) {
        await client.create(nodes, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
        // As the node lifecycle controller does once the node is ready.
        await client.patch(nodes, { name }, { type: 'merge', body: { spec: { taints: null } } });
      }
    },
  });
  return {
    ...t,
    carriedOn(look, decide = runs, stepMs) {
      const began = systemClock.monotonic();
      return t.until(async () => {
        const all = (await t.client.list(pods)).items;
        for (const pod of all) await carryOn(t, pod, decide);
        const found = await look();
        if (found === undefined && systemClock.monotonic() - began > PATIENCE_MS) throw new Error(`it never came; pods: ${told(all)}`);
        return found;
      }, stepMs);
    },
    changed: <T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, change: (fresh: T) => T, subresource?: string) =>
      retryOnConflict(systemClock, ids, async () => {
        const wanted = change(await t.client.get(resource, ref)) as New<T>;
        return t.client.update(resource, wanted, subresource === undefined ? {} : { subresource });
      }),
    podsOf: async (labelSelector) => (await t.client.list(pods, { labelSelector })).items,
  };
}

async function carryOn(t: ControllerTest, pod: Pod, decide: Decide): Promise<void> {
  try {
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (pod.metadata.deletionGracePeriodSeconds !== 0) await t.client.delete(pods, pod.metadata, { gracePeriodSeconds: 0 });
    } else if ((pod.spec.nodeName ?? '') === '') await bind(t, pod);
    else if (!isPodTerminal(pod)) await tell(t, pod, decide(pod));
  } catch (error) {
    // It changed, or went, since it was looked at: the next look shows how.
    if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
  }
}

let bound = 0;

async function bind({ client }: ControllerTest, pod: Pod): Promise<void> {
  const name = targetNode(pod) ?? NODES[bound++ % NODES.length];
  await client.createSubresource(pods, pod.metadata, 'binding', {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name: pod.metadata.name, namespace: pod.metadata.namespace },
    target: { kind: 'Node', name },
  });
}

async function tell({ client, clock }: ControllerTest, pod: Pod, act: Act): Promise<void> {
  if (act.kind === 'leave') return;
  const now = formatTime(clock.now());
  const ready = act.kind === 'run' && act.ready;
  const present = pod.status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  if (act.kind === 'run' && pod.status.phase === 'Running' && present === ready) return;
  const status = { status: ready ? 'True' : 'False', lastTransitionTime: now };
  const others = (pod.status.conditions ?? []).filter(({ type }) => type !== 'Ready' && type !== 'ContainersReady');
  const conditions = [...others, { type: 'Ready', ...status }, { type: 'ContainersReady', ...status }];
  const ended = act.kind === 'end' ? pod.spec.containers.map((container) => terminated(container, act.exitCode, now)) : [];
  const phase = act.kind === 'run' ? 'Running' : act.exitCode === 0 ? 'Succeeded' : 'Failed';
  const body = {
    metadata: { uid: pod.metadata.uid },
    status: { phase, conditions, startTime: now, ...(act.kind === 'end' ? { containerStatuses: ended } : {}) },
  };
  await client.patch(pods, pod.metadata, { type: 'merge', body }, { subresource: 'status' });
}

function terminated({ name, image }: Container, exitCode: number, now: string): object {
  const state = { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt: now, finishedAt: now } };
  return { name, image, imageID: '', ready: false, restartCount: 0, state };
}

export interface Seen<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
}

export interface Watched<T> {
  /** Everything so far, in the order it came. */
  readonly seen: readonly Seen<T>[];
  /** Ends the watch. @throws what broke it */
  end(): Promise<void>;
}

/** Watches from what a list shows now, as the tests of upstream do. */
export async function watchFromNow<T extends KubeObject>(
  { client }: ControllerTest,
  resource: Resource<T>,
  options: ListOptions,
): Promise<Watched<T>> {
  const { resourceVersion } = (await client.list(resource, options)).metadata;
  assert.ok(resourceVersion);
  const stop = new AbortController();
  const stream = client.watch(resource, { ...options, resourceVersion, signal: stop.signal });
  const seen: Seen<T>[] = [];
  const reading = (async () => {
    for await (const event of stream) if (event.type !== 'BOOKMARK') seen.push(event);
  })();
  return {
    seen,
    async end() {
      stop.abort(new Error('the test has seen enough'));
      try {
        await reading;
      } catch (error) {
        if (!(error instanceof ConnectionError) && error !== stop.signal.reason) throw error;
      }
    },
  };
}
