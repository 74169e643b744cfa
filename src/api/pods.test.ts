import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod } from './gen/core-v1.ts';
import { computePodQos } from './pod-qos.ts';
import { podLimits, podRequests } from './pod-requests.ts';
import { podTemplateHash, safeEncode } from './pod-template-hash.ts';
import { isCriticalPod, isPodActive, isPodAvailable, isPodTerminating, isRestartable, shouldRestart } from './pods.ts';

const NOW = Date.parse('2026-01-01T00:01:00Z');
const pod = (parts: { readonly metadata?: object; readonly spec?: object; readonly status?: object }): Pod =>
  ({
    kind: 'Pod',
    apiVersion: 'v1',
    ...parts,
    metadata: { name: 'p', ...parts.metadata },
    spec: { containers: [], ...parts.spec },
  }) as unknown as Pod;
const ready = (lastTransitionTime: string | null) =>
  pod({ status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }] } });

for (const c of [
  { name: 'a running pod', pod: pod({ status: { phase: 'Running' } }), active: true, terminating: false },
  { name: 'a pod without status', pod: pod({}), active: true, terminating: false },
  { name: 'a failed pod', pod: pod({ status: { phase: 'Failed' } }), active: false, terminating: false },
  { name: 'a pod being deleted', pod: pod({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }), active: false, terminating: true },
  {
    name: 'a finished pod being deleted',
    pod: pod({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { phase: 'Succeeded' } }),
    active: false,
    terminating: false,
  },
]) {
  test(`${c.name} is ${c.active ? '' : 'not '}active`, () => {
    assert.equal(isPodActive(c.pod), c.active);
    assert.equal(isPodTerminating(c.pod), c.terminating);
  });
}

for (const c of [
  { since: '2026-01-01T00:00:30Z', seconds: 30, available: true },
  { since: '2026-01-01T00:00:31Z', seconds: 30, available: false },
  { since: null, seconds: 30, available: false },
  { since: null, seconds: 0, available: true },
]) {
  test(`isPodAvailable: ready since ${c.since}, ${c.seconds} seconds wanted`, () =>
    assert.equal(isPodAvailable(ready(c.since), c.seconds, NOW), c.available));
}

test('isPodAvailable refuses a pod that is not ready', () => assert.equal(isPodAvailable(pod({}), 0, NOW), false));

const container = (requests?: object, limits?: object, more: object = {}): Container =>
  ({ name: 'c', resources: { requests, limits }, ...more }) as unknown as Container;
const sidecar = (requests: object): Container => container(requests, undefined, { restartPolicy: 'Always' });

for (const c of [
  {
    name: 'adds up containers',
    spec: { containers: [container({ cpu: '100m' }), container({ cpu: '200m', memory: '1Gi' })] },
    sum: { cpu: '300m', memory: '1Gi' },
  },
  {
    name: 'takes the greatest init container',
    spec: { containers: [container({ cpu: '100m' })], initContainers: [container({ cpu: '1' }), container({ cpu: '500m' })] },
    sum: { cpu: '1' },
  },
  {
    name: 'adds sidecars to containers',
    spec: { containers: [container({ cpu: '1' })], initContainers: [sidecar({ cpu: '1' })] },
    sum: { cpu: '2' },
  },
  {
    name: 'adds earlier sidecars to an init container',
    spec: {
      containers: [container({ cpu: '1' })],
      initContainers: [sidecar({ cpu: '1' }), container({ cpu: '3' }), sidecar({ cpu: '1' })],
    },
    sum: { cpu: '4' },
  },
  {
    name: 'adds overhead',
    spec: { containers: [container({ cpu: '1' })], overhead: { cpu: '250m', memory: '120Mi' } },
    sum: { cpu: '1250m', memory: '120Mi' },
  },
  {
    name: 'lets pod-level requests win',
    spec: { containers: [container({ cpu: '1', x: '2' })], resources: { requests: { cpu: '3', x: '9' } } },
    sum: { cpu: '3', x: '2' },
  },
]) {
  test(`podRequests ${c.name}`, () => assert.deepEqual(podRequests(pod({ spec: c.spec })), c.sum));
}

test('podRequests by status counts what a shrinking container still has', () => {
  const shrinking = pod({
    spec: { containers: [container({ cpu: '1' })] },
    status: { containerStatuses: [{ name: 'c', resources: { requests: { cpu: '3' } }, allocatedResources: { cpu: '2' } }] },
  });
  assert.deepEqual(podRequests(shrinking), { cpu: '1' });
  assert.deepEqual(podRequests(shrinking, { basis: 'status' }), { cpu: '3' });
});

test('podRequests by status leaves an infeasible wish out of account', () => {
  const growing = pod({
    spec: { containers: [container({ cpu: '9' })] },
    status: {
      containerStatuses: [{ name: 'c', resources: { requests: { cpu: '1' } }, allocatedResources: { cpu: '2' } }],
      conditions: [{ type: 'PodResizePending', reason: 'Infeasible' }],
    },
  });
  assert.deepEqual(podRequests(growing, { basis: 'status' }), { cpu: '2' });
});

test('podRequests fills in what a container does not mention', () => {
  assert.deepEqual(
    podRequests(pod({ spec: { containers: [container({ cpu: '0' }), container()] } }), { missing: { cpu: '100m', memory: '200Mi' } }),
    { cpu: '100m', memory: '400Mi' },
  );
});

test('podLimits adds overhead to what is limited only', () => {
  const overhead = { cpu: '1', memory: '1Gi', constructor: '1' };
  assert.deepEqual(podLimits(pod({ spec: { containers: [container(undefined, { cpu: '1' })], overhead } })), { cpu: '2' });
});

const both = { cpu: '1', memory: '1Gi' };
for (const c of [
  { name: 'BestEffort', spec: { containers: [container({ cpu: '0' })] } },
  { name: 'Guaranteed', spec: { containers: [container({ cpu: '1000m', memory: '1024Mi' }, both)] } },
  { name: 'Burstable', spec: { containers: [container(both, both), container()] } },
  { name: 'Burstable', spec: { containers: [container({ cpu: '1' }, both)] } },
  { name: 'Burstable', spec: { containers: [container(both, both)], initContainers: [container({ cpu: '1' })] } },
  { name: 'Guaranteed', spec: { containers: [container()], resources: { requests: both, limits: both } } },
  { name: 'Burstable', spec: { containers: [container(both, both)], resources: { requests: both } } },
]) {
  test(`computePodQos is ${c.name} for ${JSON.stringify(c.spec)}`, () => assert.equal(computePodQos(pod({ spec: c.spec }).spec), c.name));
}

const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] as const;
for (const c of [
  { container: {}, pod: 'Always', exit: 0, restarts: true },
  { container: {}, pod: 'OnFailure', exit: 0, restarts: false },
  { container: {}, pod: 'OnFailure', exit: 1, restarts: true },
  { container: {}, pod: 'Never', exit: 1, restarts: false },
  { container: { restartPolicy: 'Always' }, pod: 'Never', exit: 0, restarts: true },
  { container: { restartPolicy: 'Never', restartPolicyRules: rules }, pod: 'Always', exit: 42, restarts: true },
  { container: { restartPolicy: 'Never', restartPolicyRules: rules }, pod: 'Always', exit: 1, restarts: false },
] as const) {
  test(`shouldRestart ${JSON.stringify(c.container)} in a pod that restarts ${c.pod} after exit ${c.exit}: ${c.restarts}`, () =>
    assert.equal(shouldRestart(c.container, { restartPolicy: c.pod }, c.exit), c.restarts));
}

test('isRestartable sees a rule that restarts', () => {
  assert.equal(isRestartable({ restartPolicy: 'Never', restartPolicyRules: rules }, { restartPolicy: 'Always' }), true);
  assert.equal(isRestartable({ restartPolicy: 'Never' }, { restartPolicy: 'Always' }), false);
});

test('isCriticalPod knows mirror pods and high priorities', () => {
  assert.equal(isCriticalPod(pod({ metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } })), true);
  assert.equal(isCriticalPod(pod({ spec: { priority: 2_000_000_000 } })), true);
  assert.equal(isCriticalPod(pod({ spec: { priority: 1_999_999_999 } })), false);
});

test('podTemplateHash tells templates and collisions apart, and names equal ones alike', () => {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [] } } as never;
  assert.equal(podTemplateHash(template), podTemplateHash(structuredClone(template)));
  assert.notEqual(podTemplateHash(template), podTemplateHash(template, 0));
  assert.notEqual(podTemplateHash(template, 1), podTemplateHash(template, 2));
  assert.match(podTemplateHash(template), /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
});

test('safeEncode writes digits as upstream does', () => assert.equal(safeEncode('0123456789'), '456789bcdf'));
