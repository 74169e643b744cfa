// Objects and dependencies as ReplicaSet tests need them.
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import type { Pod, ReplicaSet } from '#api/types.ts';
import { Expectations } from '../runtime/expectations.ts';
import { Creations } from '../runtime/creations.ts';
import type { Observed } from './plan.ts';
import type { Deps } from './reconcile.ts';

const NOW = Date.UTC(2026, 0, 1);
const CREATED = '2025-12-31T00:00:00Z';

export interface PodFacts {
  readonly phase?: Pod['status']['phase'];
  readonly ready?: boolean;
  readonly node?: string;
  readonly cost?: string;
  readonly restarts?: number;
  readonly readySince?: string;
  readonly created?: string;
}

export function pod(name: string, facts: PodFacts = {}): Pod {
  const { phase = 'Running', ready = false, node = 'n1', cost, restarts = 0, readySince = CREATED, created = CREATED } = facts;
  const metadata = {
    name,
    namespace: 'ns',
    uid: name,
    resourceVersion: '1',
    creationTimestamp: created,
    labels: { app: 'web' },
    ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
  };
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: readySince, lastProbeTime: null }];
  const status = { phase, qosClass: 'BestEffort', conditions, containerStatuses: [{ name: 'c', restartCount: restarts }] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { nodeName: node === '' ? undefined : node, containers: [] },
    status,
  } as unknown as Pod;
}

export function replicaSet(replicas: number, more: Partial<ReplicaSet['spec']> = {}): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace: 'ns', uid: 'rs', resourceVersion: '1', creationTimestamp: CREATED, generation: 1 },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: {} } as unknown as ReplicaSet['spec']['template'],
      ...more,
    },
    status: { replicas: 0 },
  };
}

export function observed(replicas: number, owned: readonly Pod[]): Observed {
  return { rs: replicaSet(replicas), owned, siblings: owned, asked: new Set(), now: NOW };
}

/** Deps over fixed observations, which log what they are asked to do. `createPod`: the failure of each call, in order. */
export function fakeDeps(
  seen: Observed,
  failures: { readonly createPod?: readonly (Error | undefined)[]; readonly deletePod?: Error } = {},
): Deps & { readonly log: string[] } {
  const log: string[] = [];
  const creations = [...(failures.createPod ?? [])];
  const expectations = new Expectations(new ManualClock());
  const noted = Object.assign(Object.create(expectations) as Expectations, {
    satisfied: (key: string) => expectations.satisfied(key),
    forget: (key: string) => expectations.forget(key),
    expect: (_: string, names: readonly string[], uids: readonly string[]) =>
      void log.push(names.length > 0 ? `expect ${names.length}` : `expect deletion of ${uids.join(' ')}`),
    creationObserved: () => void log.push('observe'),
    asked: (key: string) => expectations.asked(key),
    deletionFailed: (_: string, uid: string) => void log.push(`give up deletion of ${uid}`),
  });
  return {
    log,
    expectations: noted,
    creations: new Creations<Pod>({ shown: { get: () => undefined }, ids: seededIds(1), expectations: noted }),
    newPod: () => ({ metadata: { generateName: 'web-', namespace: 'ns' }, spec: { containers: [] } }),
    find: () => seen.rs,
    observe: () => Promise.resolve(seen),
    createPod() {
      log.push('create');
      const failure = creations.shift();
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    },
    chosen() {},
    deletePod(_, victim) {
      log.push(`delete ${victim.metadata.name}`);
      return failures.deletePod === undefined ? Promise.resolve() : Promise.reject(failures.deletePod);
    },
    writeStatus(_, status) {
      log.push(`status ${status.conditions?.[0]?.message ?? status.replicas}`);
      return Promise.resolve();
    },
  };
}
