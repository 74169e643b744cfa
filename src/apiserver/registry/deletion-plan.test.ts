import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#api/types.ts';
import type { DeleteOptions } from './delete-options.ts';
import { planDeletion } from './deletion-plan.ts';
import type { Strategy } from './strategy.ts';

const NOW = Date.UTC(2026, 0, 1);
const at = (seconds: number): string => new Date(NOW + seconds * 1_000).toISOString().replace('.000Z', 'Z');

const object = (metadata: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  kind: 'Thing',
  apiVersion: 'v1',
  metadata: { name: 'a', uid: 'u', resourceVersion: '1', creationTimestamp: at(-100), ...metadata },
});

const PLAIN: Strategy = {};
const GRACEFUL: Strategy = { deletionGrace: (_object, requested) => requested ?? 30 };
const deleting = (left: number, total = left) => ({ deletionTimestamp: at(left), deletionGracePeriodSeconds: total });

const cases: readonly {
  readonly name: string;
  readonly object: KubeObject;
  readonly options?: DeleteOptions;
  readonly strategy?: Strategy;
  readonly plan: 'remove' | 'pending' | Partial<KubeObject['metadata']>;
}[] = [
  { name: 'removes what nothing holds', object: object(), plan: 'remove' },
  {
    name: 'marks what a finalizer holds, and counts it as a change',
    object: object({ finalizers: ['x/y'], generation: 3 }),
    plan: { finalizers: ['x/y'], deletionTimestamp: at(0), deletionGracePeriodSeconds: 0, generation: 4 },
  },
  {
    name: 'keeps the time of the first mark',
    object: object({ finalizers: ['x/y'], generation: 4, ...deleting(-10, 0) }),
    plan: { finalizers: ['x/y'], deletionTimestamp: at(-10), deletionGracePeriodSeconds: 0, generation: 4 },
  },
  {
    name: 'orphans when asked',
    object: object(),
    options: { propagationPolicy: 'Orphan' },
    plan: { finalizers: ['orphan'], deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 },
  },
  {
    name: 'waits for dependents when asked',
    object: object({ finalizers: ['x/y', 'orphan'] }),
    options: { propagationPolicy: 'Foreground' },
    plan: { finalizers: ['x/y', 'foregroundDeletion'], deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 },
  },
  {
    name: 'lets background take an older wish back',
    object: object({ finalizers: ['orphan'] }),
    options: { propagationPolicy: 'Background' },
    plan: 'remove',
  },
  {
    name: 'honours a finalizer set before',
    object: object({ finalizers: ['orphan'] }),
    plan: { finalizers: ['orphan'], deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 },
  },
  {
    name: 'reads the older orphanDependents',
    object: object(),
    options: { orphanDependents: true },
    plan: { finalizers: ['orphan'], deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 },
  },
  {
    name: 'orphans by default where the kind does',
    object: object(),
    strategy: { garbageCollection: 'orphan' },
    plan: { finalizers: ['orphan'], deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 },
  },
  {
    name: 'never orphans a kind that cannot',
    object: object(),
    strategy: { garbageCollection: 'unsupported' },
    options: { propagationPolicy: 'Orphan' },
    plan: 'remove',
  },
  {
    name: 'gives the time the kind gives',
    object: object({ generation: 1 }),
    strategy: GRACEFUL,
    plan: { deletionTimestamp: at(30), deletionGracePeriodSeconds: 30, generation: 2 },
  },
  {
    name: 'removes at once when no time is given',
    object: object(),
    strategy: GRACEFUL,
    options: { gracePeriodSeconds: 0 },
    plan: 'remove',
  },
  {
    name: 'marks even without time while a finalizer holds',
    object: object({ finalizers: ['x/y'] }),
    strategy: GRACEFUL,
    options: { gracePeriodSeconds: 0 },
    plan: { finalizers: ['x/y'], deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 },
  },
  {
    name: 'takes a negative time for one second',
    object: object(),
    strategy: GRACEFUL,
    options: { gracePeriodSeconds: -5 },
    plan: { deletionTimestamp: at(1), deletionGracePeriodSeconds: 1 },
  },
  { name: 'changes nothing on a second delete', object: object(deleting(20, 30)), strategy: GRACEFUL, plan: 'pending' },
  {
    name: 'never gives more time',
    object: object(deleting(20, 30)),
    strategy: GRACEFUL,
    options: { gracePeriodSeconds: 60 },
    plan: 'pending',
  },
  {
    name: 'shortens the time from when it began',
    object: object(deleting(20, 30)),
    strategy: GRACEFUL,
    options: { gracePeriodSeconds: 15 },
    plan: { deletionTimestamp: at(5), deletionGracePeriodSeconds: 15 },
  },
  {
    name: 'leaves one second when the shorter time is over',
    object: object(deleting(20, 30)),
    strategy: GRACEFUL,
    options: { gracePeriodSeconds: 5 },
    plan: { deletionTimestamp: at(0), deletionGracePeriodSeconds: 1 },
  },
  {
    name: 'removes when the time is cut to nothing',
    object: object(deleting(20, 30)),
    strategy: GRACEFUL,
    options: { gracePeriodSeconds: 0 },
    plan: 'remove',
  },
  { name: 'finishes a removal that was lost half way', object: object(deleting(-1, 0)), strategy: GRACEFUL, plan: 'remove' },
  { name: 'marks what the kind itself holds', object: object(), strategy: { isHeld: () => true }, plan: { deletionTimestamp: at(0) } },
  {
    name: 'waits while the kind holds it',
    object: object({ deletionTimestamp: at(-1) }),
    strategy: { isHeld: () => true },
    plan: 'pending',
  },
];

for (const c of cases) {
  test(`planDeletion ${c.name}`, () => {
    const plan = planDeletion(c.object, c.options ?? {}, c.strategy ?? PLAIN, NOW);
    if (typeof c.plan === 'string') {
      assert.equal(plan.kind, c.plan);
      return;
    }
    assert.equal(plan.kind, 'mark');
    assert.deepEqual(plan.kind === 'mark' && plan.object.metadata, { ...object().metadata, ...c.plan });
  });
}
