import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { DeviceTaintRule } from '#api/gen/resource-v1beta2.ts';
import type { Pod } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import { claimEviction, podEviction } from './plan.ts';
import { nextCondition, type RuleCounts, statusDelay } from './rule-status.ts';

const NOW = Date.UTC(2026, 0, 1, 1);
const HOUR_AGO = NOW - 3_600_000;
const at = (ms: number) => formatTime(ms);

const taint = (more = {}) => ({ key: 'sick', effect: 'NoExecute', timeAdded: at(HOUR_AGO), ...more });
const tolerates = (more = {}) => ({ key: 'sick', operator: 'Exists', effect: 'NoExecute', ...more });
const slice = (taints: readonly object[], generation = 1, devices = ['a']) =>
  ({
    metadata: { name: `slice-${generation}` },
    spec: { driver: 'd', pool: { name: 'p', generation }, devices: devices.map((name) => ({ name, taints })) },
  }) as unknown as ResourceSlice;
const claim = (tolerations: readonly object[], more: { readonly name?: string; readonly device?: string; readonly owner?: string } = {}) =>
  ({
    metadata: {
      name: more.name ?? 'c',
      namespace: 'ns',
      ...(more.owner === undefined ? {} : { ownerReferences: [{ kind: 'Pod', uid: more.owner, controller: true }] }),
    },
    status: {
      allocation: { devices: { results: [{ driver: 'd', pool: 'p', device: more.device ?? 'a', tolerations }] } },
      reservedFor: [{ resource: 'pods', name: 'u', uid: 'u1' }],
    },
  }) as unknown as ResourceClaim;
const rule = (spec: object = {}, more: object = {}) =>
  ({
    metadata: { name: 'r', uid: 'r1', generation: 1 },
    spec: { deviceSelector: { driver: 'd' }, taint: taint(), ...spec },
    status: {},
    ...more,
  }) as unknown as DeviceTaintRule;
const devices = (slices: readonly ResourceSlice[], rules: readonly DeviceTaintRule[] = []) => ({
  slicesOf: (pool: string) => (pool === 'd/p' ? slices : []),
  rules: () => rules,
});

// Source: device_taint_eviction_test.go TestHandlers
for (const c of [
  { name: 'is at once without a toleration', slices: [slice([taint()])], due: HOUR_AGO },
  { name: 'is never for what only keeps new pods away', slices: [slice([taint({ effect: 'NoSchedule' })])], due: undefined },
  { name: 'is never with a toleration for good', slices: [slice([taint()])], tolerations: [tolerates()], due: undefined },
  {
    name: 'counts no toleration that leaves out the effect',
    slices: [slice([taint()])],
    tolerations: [{ key: 'sick', operator: 'Exists' }],
    due: HOUR_AGO,
  },
  {
    name: 'waits as long as the toleration says',
    slices: [slice([taint()])],
    tolerations: [tolerates({ tolerationSeconds: 60 })],
    due: HOUR_AGO + 60_000,
  },
  {
    name: 'waits as long as the shortest of several says',
    slices: [slice([taint()])],
    tolerations: [tolerates({ tolerationSeconds: 60 }), tolerates({ tolerationSeconds: 20 })],
    due: HOUR_AGO + 20_000,
  },
  {
    name: 'is never when one of several tolerates for good',
    slices: [slice([taint()])],
    tolerations: [tolerates({ tolerationSeconds: 60 }), tolerates()],
    due: undefined,
  },
  {
    name: 'takes less than no time for none',
    slices: [slice([taint()])],
    tolerations: [tolerates({ tolerationSeconds: -5 })],
    due: HOUR_AGO,
  },
  {
    name: 'asks for every taint to be tolerated',
    slices: [slice([taint({ timeAdded: at(NOW) }), taint({ key: 'old' })])],
    tolerations: [tolerates()],
    due: HOUR_AGO,
  },
  {
    name: 'compares values',
    slices: [slice([taint({ value: 'a' })])],
    tolerations: [tolerates({ operator: 'Equal', value: 'b' })],
    due: HOUR_AGO,
  },
  { name: 'is not for taints of a generation that is over', slices: [slice([taint()], 1), slice([], 2)], due: undefined },
  { name: 'is for those of the newest', slices: [slice([], 1), slice([taint()], 2)], due: HOUR_AGO },
  { name: 'is not for taints of other devices', slices: [slice([taint()], 1, ['b'])], due: undefined },
  { name: 'is for what a rule taints', slices: [], rules: [rule()], due: HOUR_AGO, reasons: ['r1'] },
  { name: 'is not for what a rule without a selector taints', slices: [], rules: [rule({ deviceSelector: undefined })], due: undefined },
  {
    name: 'is for the device that a rule names',
    slices: [],
    rules: [rule({ deviceSelector: { device: 'a' } })],
    due: HOUR_AGO,
    reasons: ['r1'],
  },
  { name: 'is not for another', slices: [], rules: [rule({ deviceSelector: { driver: 'd', device: 'b' } })], due: undefined },
  { name: 'is not for a rule without effect', slices: [], rules: [rule({ taint: taint({ effect: 'None' }) })], due: undefined },
  { name: 'is not for a rule that is tolerated', slices: [], rules: [rule()], tolerations: [tolerates()], due: undefined },
  {
    name: 'is the first of both',
    slices: [slice([taint({ timeAdded: at(NOW - 5_000) })])],
    rules: [rule({ taint: taint({ timeAdded: at(NOW - 9_000) }) })],
    due: NOW - 9_000,
    reasons: ['r1'],
  },
] as const) {
  test(`claimEviction ${c.name}`, () => {
    const { rules = [], tolerations = [], reasons = [] } = c as { rules?: DeviceTaintRule[]; tolerations?: object[]; reasons?: string[] };
    const found = claimEviction(claim(tolerations), devices(c.slices, rules), NOW);
    assert.deepEqual(found, c.due === undefined ? undefined : { due: c.due, rules: reasons });
  });
}

const pod = (entries: readonly object[], more: object = {}) =>
  ({
    metadata: { name: 'u', namespace: 'ns', uid: 'u1' },
    spec: { nodeName: 'n', resourceClaims: entries, ...more },
    status: { resourceClaimStatuses: [{ name: 'made', resourceClaimName: 'made' }] },
  }) as unknown as Pod;

for (const c of [
  { name: 'is that of its claims', pod: pod([{ name: 'x', resourceClaimName: 'c' }]), claims: [claim([])], goes: true },
  { name: 'is none before it has a node', pod: pod([{ name: 'x', resourceClaimName: 'c' }], { nodeName: undefined }), claims: [claim([])] },
  {
    name: 'is none for a claim that is not reserved for it',
    pod: pod([{ name: 'x', resourceClaimName: 'c' }]),
    claims: [{ ...claim([]), status: { ...claim([]).status, reservedFor: [{ resource: 'pods', name: 'u', uid: 'u0' }] } }],
  },
  {
    name: 'is for a claim that was made for it',
    pod: pod([{ name: 'made', resourceClaimTemplateName: 't' }]),
    claims: [claim([], { name: 'made', owner: 'u1' })],
    goes: true,
  },
  {
    name: 'is none for a claim that was made for the one before it',
    pod: pod([{ name: 'made', resourceClaimTemplateName: 't' }]),
    claims: [claim([], { name: 'made', owner: 'u0' })],
  },
  { name: 'is none for a claim that is not there yet', pod: pod([{ name: 'late', resourceClaimTemplateName: 't' }]), claims: [] },
] as const) {
  test(`podEviction ${c.name}`, () => {
    const claims = c.claims as readonly ResourceClaim[];
    const found = podEviction(c.pod, (name) => claims.find(({ metadata }) => metadata.name === name), devices([slice([taint()])]), NOW);
    assert.equal(found !== undefined, 'goes' in c);
  });
}

test('podEviction is the first of several claims, and has the reasons of all', () => {
  const claims = [claim([], { name: 'x' }), claim([tolerates({ tolerationSeconds: 7_200 })], { name: 'y', device: 'b' })];
  const user = pod([
    { name: 'x', resourceClaimName: 'x' },
    { name: 'y', resourceClaimName: 'y' },
  ]);
  const other = { ...rule({ deviceSelector: { device: 'b' } }), metadata: { name: 'q', uid: 'q1' } } as unknown as DeviceTaintRule;
  const found = podEviction(
    user,
    (name) => claims.find(({ metadata }) => metadata.name === name),
    devices([], [rule({ deviceSelector: { device: 'a' } }), other]),
    NOW,
  );
  assert.deepEqual(found, { due: HOUR_AGO, rules: ['r1', 'q1'] });
});

const counts = (more: Partial<RuleCounts> = {}): RuleCounts => ({
  pods: 0,
  namespaces: 0,
  published: 0,
  allocated: 0,
  evicted: 0,
  ...more,
});
const NO_EFFECT = 'This information will not be updated again. Recreate the DeviceTaintRule to trigger an update.';

for (const c of [
  { counts: counts(), status: 'False', reason: 'NotStarted', message: '' },
  {
    counts: counts({ pods: 1, namespaces: 1 }),
    status: 'True',
    reason: 'PodsPendingEviction',
    message: '1 pod needs to be evicted in 1 namespace.',
  },
  {
    counts: counts({ pods: 3, namespaces: 2, evicted: 1 }),
    status: 'True',
    reason: 'PodsPendingEviction',
    message: '3 pods need to be evicted in 2 different namespaces. 1 pod evicted since starting the controller.',
  },
  {
    counts: counts({ evicted: 5 }),
    status: 'False',
    reason: 'Completed',
    message: '5 pods evicted since starting the controller.',
  },
  {
    effect: 'NoSchedule',
    counts: counts(),
    status: 'False',
    reason: 'OtherEffect',
    message: 'Eviction only happens for the NoExecute effect.',
  },
  {
    effect: 'None',
    counts: counts({ published: 1, allocated: 1, pods: 1, namespaces: 1 }),
    status: 'False',
    reason: 'NoEffect',
    message: `1 published device selected. 1 allocated device selected. 1 pod would be evicted in 1 namespace if the effect was NoExecute. ${NO_EFFECT}`,
  },
  {
    effect: 'None',
    counts: counts({ published: 2 }),
    status: 'False',
    reason: 'NoEffect',
    message: `2 published devices selected. 0 allocated devices selected. 0 pods would be evicted in 0 different namespaces if the effect was NoExecute. ${NO_EFFECT}`,
  },
]) {
  const { effect = 'NoExecute', status, reason, message } = c;
  test(`nextCondition of a rule with ${effect}: ${reason} ${message}`, () => {
    const one = rule({ taint: taint({ effect }) });
    const next = nextCondition(one, c.counts);
    assert.deepEqual(next, { type: 'EvictionInProgress', status, reason, message, observedGeneration: 1 });
    const told = { ...one, status: { conditions: [{ ...next, lastTransitionTime: at(NOW) }] } } as DeviceTaintRule;
    assert.equal(nextCondition(told, c.counts), undefined);
  });
}

test('statusDelay leaves ten seconds between updates of one generation', () => {
  const told = (generation: number, since: number) =>
    rule({}, { status: { conditions: [{ type: 'EvictionInProgress', observedGeneration: generation, lastTransitionTime: at(since) }] } });
  assert.equal(statusDelay(rule(), NOW), 0);
  assert.equal(statusDelay(told(1, NOW - 4_000), NOW), 6_000);
  assert.equal(statusDelay(told(1, NOW - 10_000), NOW), 0);
  assert.equal(statusDelay(told(0, NOW), NOW), 0);
});
