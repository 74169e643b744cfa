// Upstream's tables: ReplicaSets of such sizes come to such others. Source: deployment sync_test.go, rolling_test.go,
// progress_test.go, deployment_util_test.go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import type { Deployment, DeploymentCondition, ReplicaSet } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import { boundsOf } from './bounds.ts';
import { planDeployment } from './plan.ts';
import { desiredReplicasOf } from './replica-sets.ts';
import { proportionalScale } from './scale-plan.ts';
import { deploymentStatus, isComplete } from './status.ts';

const NOW = Date.UTC(2016, 4, 20, 3);
const HOUR = 3_600_000;
const template = (image: string) => ({ metadata: { labels: { foo: 'bar' } }, spec: { containers: [{ name: 'c', image }] } });

const rolling = (maxSurge: number | string, maxUnavailable: number | string) => ({
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
});

function deployment(replicas: number, spec: object = rolling(0, 0), status: object = {}): Deployment {
  return {
    metadata: { name: 'foo', namespace: 'ns', uid: 'd', generation: 1 },
    spec: { replicas, selector: {}, template: template('new'), revisionHistoryLimit: 10, progressDeadlineSeconds: 600, ...spec },
    status: { observedGeneration: 1, ...status },
  } as unknown as Deployment;
}

interface SetFacts {
  readonly available?: number;
  /** Of the status. */
  readonly replicas?: number;
  readonly desired?: number;
  readonly max?: number;
  readonly going?: boolean;
}

/** The lower `version`, the older. */
function set(version: number, replicas: number, facts: SetFacts = {}): ReplicaSet {
  const { available = replicas, desired, max, going = false } = facts;
  return {
    metadata: {
      name: `foo-v${version}`,
      namespace: 'ns',
      uid: `rs${version}`,
      creationTimestamp: formatTime(NOW - HOUR * (10 - version)),
      generation: 1,
      annotations: {
        ...(desired === undefined ? {} : { 'deployment.kubernetes.io/desired-replicas': String(desired) }),
        ...(max === undefined ? {} : { 'deployment.kubernetes.io/max-replicas': String(max) }),
      },
      ...(going ? { deletionTimestamp: formatTime(NOW) } : {}),
    },
    spec: { replicas, template: template(`v${version}`) },
    status: { replicas: facts.replicas ?? replicas, availableReplicas: available, readyReplicas: available, observedGeneration: 1 },
  } as unknown as ReplicaSet;
}

interface ScaleCase {
  readonly name: string;
  /** Replicas wanted before and now, and the surge before and now. */
  readonly from: number;
  readonly to: number;
  readonly surge?: readonly [number, number];
  readonly unavailable?: number;
  /** Sizes from the oldest set to the newest; the last one is the new set, null where there is none yet. */
  readonly sizes: readonly (number | null)[];
  readonly wants: readonly (number | null)[];
  /** That some sets were last scaled for, in place of `from`. */
  readonly noted?: Readonly<Record<number, number>>;
  /** Of the new set. */
  readonly available?: number;
}

for (const c of [
  { name: 'one set grows', from: 10, to: 12, sizes: [10], wants: [12] },
  { name: 'one set shrinks', from: 10, to: 5, sizes: [10], wants: [5] },
  { name: 'shares grow', from: 5, to: 10, sizes: [3, 2], wants: [6, 4] },
  { name: 'shares shrink', from: 5, to: 3, sizes: [3, 2], wants: [2, 1] },
  { name: 'a small share goes', from: 9, to: 4, sizes: [1, 8], wants: [0, 4] },
  { name: 'three grow', from: 7, to: 10, sizes: [2, 3, 2], wants: [3, 4, 3] },
  { name: 'three shrink', from: 13, to: 8, sizes: [3, 8, 2], wants: [2, 5, 1] },
  { name: 'the rest goes to the newest', from: 3, to: 4, sizes: [1, 1, 1], wants: [1, 1, 2] },
  { name: 'the rest comes from the oldest', from: 3, to: 2, sizes: [1, 1, 1], wants: [0, 1, 1] },
  { name: 'without a new set the latest grows first', from: 4, to: 5, sizes: [2, 2, null], wants: [2, 3, null] },
  { name: 'to nothing', from: 6, to: 0, sizes: [1, 2, 3], wants: [0, 0, 0] },
  { name: 'from nothing', from: 6, to: 6, sizes: [0, 0, 0], wants: [0, 0, 6] },
  { name: 'after one could not be scaled', from: 5, to: 5, sizes: [1, 1, 2], noted: { 2: 3 }, wants: [1, 2, 2] },
  { name: 'with a surge', from: 10, to: 20, surge: [2, 2], sizes: [6, 6], wants: [11, 11] },
  { name: 'with another surge', from: 10, to: 50, surge: [3, 6], sizes: [8, 5], wants: [34, 22] },
  { name: 'with another template', from: 10, to: 14, sizes: [3, 7, null], wants: [4, 10, null] },
  { name: 'a new set that is whole and broken', from: 2, to: 2, surge: [1, 1], unavailable: 1, sizes: [1, 2], available: 0, wants: [1, 2] },
] as readonly ScaleCase[]) {
  test(`proportionalScale: ${c.name}`, () => {
    const { from, to, surge = [0, 0], unavailable = 0, noted = {} } = c;
    const of = deployment(to, rolling(surge[1], unavailable));
    const sets = c.sizes.map((size, i) => {
      if (size === null) return undefined;
      const desired = noted[i + 1] ?? from;
      const newest = i === c.sizes.length - 1;
      return set(i + 1, size, {
        desired,
        max: desired + surge[0],
        ...(newest && c.available !== undefined ? { available: c.available } : {}),
      });
    });
    const moves = new Map(
      proportionalScale(
        of,
        sets.at(-1),
        sets.slice(0, -1).filter((one) => one !== undefined),
      ).map(({ rs, to: size }) => [rs, size]),
    );
    assert.deepEqual(
      sets.map((one) => (one === undefined ? null : (moves.get(one) ?? one.spec.replicas))),
      c.wants,
    );
  });
}

/** What a pass makes of an old and a new set: their sizes then. */
function step(of: Deployment, old: ReplicaSet, current: ReplicaSet): readonly [number, number] {
  const isNew = { ...current, spec: { ...current.spec, template: template('new') } } as unknown as ReplicaSet;
  const plan = planDeployment({ deployment: of, owned: [old, isNew], podsOf: () => [], now: NOW });
  const moves = new Map(plan.kind === 'scale' ? plan.scalings.map(({ rs, to }) => [rs, to]) : []);
  return [moves.get(old) ?? old.spec.replicas, moves.get(isNew) ?? isNew.spec.replicas];
}

for (const [surge, old, present, wants] of [
  [0, 10, 0, 0],
  [2, 10, 0, 2],
  [2, 5, 0, 7],
  [2, 10, 2, 2],
  [2, 2, 11, 10],
] as const)
  test(`the new set of ${present} beside ${old} with a surge of ${surge} comes to ${wants}`, () => {
    // None of the old ones may go: they are all that is available.
    const next = step(deployment(10, rolling(surge, 0)), set(1, old, { desired: 10 }), set(2, present, { desired: 10, available: 0 }));
    assert.equal(next[1], wants);
  });

for (const [unavailable, old, oldReady, present, presentReady, wants] of [
  [0, 10, 10, 0, 0, 9], // both bounds at nothing: one may go
  [2, 10, 10, 0, 0, 8],
  [2, 10, 8, 0, 0, 8],
  [2, 10, 9, 0, 0, 8],
  [2, 8, 8, 2, 0, 8],
  [2, 10, 1, 0, 0, 8],
  [2, 0, 0, 10, 10, 0],
] as const)
  test(`the old set of ${old}, ${oldReady} of them ready, beside ${present} with ${unavailable} unavailable comes to ${wants}`, () => {
    const of = deployment(10, rolling(0, unavailable));
    const next = step(of, set(1, old, { desired: 10, available: oldReady }), set(2, present, { desired: 10, available: presentReady }));
    assert.equal(next[0], wants);
  });

for (const [limit, sets, wants] of [
  [1, [set(1, 0), set(2, 0), set(3, 0)], 2],
  [0, [set(1, 0), set(2, 0, { replicas: 1 })], 1],
  [0, [set(1, 0), set(2, 0)], 2],
  [0, [set(1, 0, { replicas: 1 }), set(2, 0, { replicas: 1 })], 0],
  [0, [set(1, 0, { going: true })], 0],
  [2 ** 31 - 1, [set(1, 0), set(2, 0), set(3, 0)], 0],
] as const)
  test(`of ${sets.length} old sets ${wants} go at a limit of ${limit}`, () => {
    const current = { ...set(9, 1, { desired: 1 }), spec: { replicas: 1, template: template('new') } } as unknown as ReplicaSet;
    const of = deployment(1, { ...rolling(0, 1), revisionHistoryLimit: limit }, { replicas: 1, updatedReplicas: 1, availableReplicas: 1 });
    const plan = planDeployment({ deployment: of, owned: [...sets, current], podsOf: () => [], now: NOW });
    assert.equal(plan.kind === 'prune' ? plan.sets.length : 0, wants);
  });

for (const [replicas, maxUnavailable, wants] of [
  [10, 5, 5],
  [10, 10, 10],
  [5, 10, 5],
  [0, 10, 0],
  [10, '50%', 5],
  [10, '100%', 10],
  [5, '100%', 5],
] as const)
  test(`of ${replicas} replicas at most ${wants} are missing by ${maxUnavailable}`, () =>
    assert.equal(boundsOf(deployment(replicas, rolling(1, maxUnavailable))).maxUnavailable, wants));

test('none is missing by a Recreate', () => assert.equal(boundsOf(deployment(1, { strategy: { type: 'Recreate' } })).maxUnavailable, 0));

for (const [desired, current, updated, available, wants] of [
  [5, 5, 5, 4, false],
  [5, 5, 5, 3, false],
  [5, 5, 5, 5, true],
  [5, 5, 4, 5, false],
  [1, 2, 1, 1, false],
  [1, 1, 1, 0, false],
] as const)
  test(`${desired} wanted, ${current} there, ${updated} updated, ${available} available: ${wants ? '' : 'in'}complete`, () =>
    assert.equal(
      isComplete(deployment(desired), {
        observedGeneration: 1,
        replicas: current,
        updatedReplicas: updated,
        availableReplicas: available,
      } as Deployment['status']),
      wants,
    ));

for (const [text, wants] of [
  [undefined, undefined],
  ['invalid', undefined],
  ['-1', undefined],
  ['0', 0],
  ['13', 13],
  ['2147483647', 2 ** 31 - 1],
  ['2147483648', undefined],
  ['4294967296', undefined],
] as const)
  test(`a note of wanted replicas: ${text}`, () => {
    const one = set(1, 1);
    const annotations = text === undefined ? {} : { 'deployment.kubernetes.io/desired-replicas': text };
    assert.equal(desiredReplicasOf({ ...one, metadata: { ...one.metadata, annotations } }), wants);
  });

const AT = '2016-05-20T02:00:00Z';
const said = (status: string, reason: string, lastUpdateTime = AT): DeploymentCondition =>
  ({ type: 'Progressing', status, reason, message: '', lastUpdateTime, lastTransitionTime: AT }) as DeploymentCondition;
const UPDATED = said('True', 'ReplicaSetUpdated');
const AVAILABLE = said('True', 'NewReplicaSetAvailable');
const TIMED_OUT = said('False', 'ProgressDeadlineExceeded');

interface ProgressCase {
  readonly name: string;
  readonly deadline?: number;
  /** Wanted, and by the status: there, updated, available. */
  readonly now: readonly [number, number, number, number];
  readonly before: readonly DeploymentCondition[];
  /** An old set and the new one: size, there, available. */
  readonly old?: readonly [number, number, number];
  readonly current?: readonly [number, number, number];
  readonly wants: readonly [string, string] | undefined;
  readonly keepsUpdate?: boolean;
  readonly keepsTransition?: boolean;
}

for (const c of [
  {
    name: 'without a deadline nothing is said',
    deadline: 2 ** 31 - 1,
    now: [3, 2, 2, 2],
    before: [UPDATED],
    old: [0, 1, 1],
    current: [3, 2, 2],
    wants: undefined,
  },
  {
    name: 'one set that rests',
    now: [3, 3, 3, 3],
    before: [AVAILABLE],
    current: [3, 3, 3],
    wants: ['True', 'NewReplicaSetAvailable'],
    keepsUpdate: true,
    keepsTransition: true,
  },
  {
    name: 'it goes on',
    now: [3, 2, 2, 1],
    before: [UPDATED],
    old: [0, 1, 1],
    current: [3, 2, 2],
    wants: ['True', 'ReplicaSetUpdated'],
    keepsTransition: true,
  },
  {
    name: 'it goes on after all',
    now: [3, 2, 2, 1],
    before: [TIMED_OUT],
    old: [0, 1, 1],
    current: [3, 2, 2],
    wants: ['True', 'ReplicaSetUpdated'],
  },
  {
    name: 'it is complete',
    now: [3, 3, 3, 2],
    before: [UPDATED],
    current: [3, 3, 3],
    wants: ['True', 'NewReplicaSetAvailable'],
    keepsTransition: true,
  },
  {
    name: 'it is complete after all',
    now: [3, 3, 3, 2],
    before: [TIMED_OUT],
    current: [3, 3, 3],
    wants: ['True', 'NewReplicaSetAvailable'],
  },
  {
    name: 'no replicas and no new set',
    now: [0, 0, 0, 0],
    before: [UPDATED],
    old: [0, 0, 0],
    wants: ['True', 'NewReplicaSetAvailable'],
    keepsTransition: true,
  },
  { name: 'it took too long', now: [3, 2, 2, 2], before: [UPDATED], current: [3, 2, 2], wants: ['False', 'ProgressDeadlineExceeded'] },
  {
    name: 'it took too long already',
    now: [3, 2, 2, 2],
    before: [TIMED_OUT],
    current: [3, 2, 2],
    wants: ['False', 'ProgressDeadlineExceeded'],
    keepsUpdate: true,
    keepsTransition: true,
  },
] as readonly ProgressCase[])
  test(`what is said of progress: ${c.name}`, () => {
    const [wanted, replicas, updatedReplicas, availableReplicas] = c.now;
    const status = { replicas, updatedReplicas, availableReplicas, readyReplicas: availableReplicas, conditions: c.before };
    const of = deployment(wanted, { strategy: { type: 'Recreate' }, progressDeadlineSeconds: c.deadline ?? 60 }, status);
    const made = (version: number, [size, there, available]: readonly [number, number, number]): ReplicaSet =>
      set(version, size, { replicas: there, available });
    const { status: next } = deploymentStatus({
      deployment: of,
      current: c.current === undefined ? undefined : made(2, c.current),
      old: c.old === undefined ? [] : [made(1, c.old)],
      progress: { kind: 'none' },
      collisionCount: undefined,
      now: NOW,
    });
    const found = findCondition(next.conditions, 'Progressing');
    assert.deepEqual(found === undefined ? undefined : [found.status, found.reason], c.wants);
    if (found === undefined) return;
    assert.deepEqual([found.lastUpdateTime === AT, found.lastTransitionTime === AT], [c.keepsUpdate === true, c.keepsTransition === true]);
  });

for (const [name, seconds, before, counts, wants] of [
  ['no deadline', 2 ** 31 - 1, [], [4, 3, 3, 2], undefined],
  ['complete', 60, [AVAILABLE], [3, 3, 3, 3], undefined],
  ['given up', 60, [TIMED_OUT], [3, 3, 3, 0], undefined],
  ['stuck for half of it', 60, [said('True', 'ReplicaSetUpdated', formatTime(NOW - 30_000))], [3, 3, 3, 1], 31_000],
  ['stuck until a second before', 60, [said('True', 'ReplicaSetUpdated', formatTime(NOW - 59_000))], [3, 3, 3, 1], 2000],
  ['stuck until now', 60, [said('True', 'ReplicaSetUpdated', formatTime(NOW - 60_000))], [3, 3, 3, 1], 1000],
] as const)
  test(`when to look again: ${name}`, () => {
    const [wanted, replicas, updated, available] = counts;
    const status = { replicas, updatedReplicas: updated, availableReplicas: available, readyReplicas: available, conditions: before };
    const of = deployment(wanted, { strategy: { type: 'Recreate' }, progressDeadlineSeconds: seconds }, status);
    const current = set(2, wanted, { replicas, available });
    const { lookAgainAfterMs } = deploymentStatus({
      deployment: of,
      current,
      old: [],
      progress: { kind: 'none' },
      collisionCount: undefined,
      now: NOW,
    });
    assert.equal(lookAgainAfterMs, wants);
  });
