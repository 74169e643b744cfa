import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerState, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus } from '#api/types.ts';
import { container, pod } from '../testing/pods.ts';
import { instance, runtimePod, sandbox } from '../testing/runtime-pods.ts';
import { containersReady, podInitialized, podReady } from './conditions.ts';
import { containerStatuses, type StartFailure } from './container-statuses.ts';
import { dateStatus, mergeForApi, sameStatus, terminatedStatus } from './merge.ts';
import { podStatusPatch } from './patch.ts';
import { podStatusOf, type PodStatusInput } from './pod-status.ts';
import { phaseOf, type PodPhase } from './phase.ts';

const running: ContainerState = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const waiting: ContainerState = { waiting: { reason: 'ContainerCreating' } };
const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode, startedAt: null, finishedAt: null } });

function statusOf(name: string, state: ContainerState, more: Partial<ContainerStatus> = {}): ContainerStatus {
  return { name, state, lastState: {}, ready: false, restartCount: 0, image: '', imageID: '', ...more };
}

const two = (restartPolicy: PodSpec['restartPolicy'], more: Partial<PodSpec> = {}): Pod =>
  pod({ spec: { restartPolicy, containers: [container('a'), container('b')], ...more } });
const states = (a: ContainerState, b?: ContainerState): ContainerStatus[] => [
  statusOf('a', a),
  ...(b === undefined ? [] : [statusOf('b', b)]),
];
const init = { initContainers: [container('i')] };
const sidecar = { initContainers: [container('s', { restartPolicy: 'Always' })] };

const phases: readonly {
  name: string;
  pod: Pod;
  statuses: readonly ContainerStatus[];
  terminal?: boolean;
  initialized?: boolean;
  want: PodPhase;
}[] = [
  { name: 'nothing known', pod: two('Always'), statuses: [], want: 'Pending' },
  { name: 'one of two known', pod: two('Always'), statuses: states(running), want: 'Pending' },
  { name: 'all running', pod: two('Always'), statuses: states(running, running), want: 'Running' },
  { name: 'one waits', pod: two('Always'), statuses: states(running, waiting), want: 'Pending' },
  { name: 'one ended, one runs', pod: two('Never'), statuses: states(running, ended(1)), want: 'Running' },
  { name: 'all ended, to be restarted', pod: two('Always'), statuses: states(ended(0), ended(0)), want: 'Running' },
  { name: 'all succeeded', pod: two('Never'), statuses: states(ended(0), ended(0)), want: 'Succeeded' },
  { name: 'one failed for good', pod: two('Never'), statuses: states(ended(0), ended(1)), want: 'Failed' },
  { name: 'one failed, to be restarted', pod: two('OnFailure'), statuses: states(ended(0), ended(1)), want: 'Running' },
  { name: 'all succeeded of OnFailure', pod: two('OnFailure'), statuses: states(ended(0), ended(0)), want: 'Succeeded' },
  {
    name: 'all ended while the pod is being ended',
    pod: two('Always'),
    statuses: states(ended(0), ended(0)),
    terminal: true,
    want: 'Succeeded',
  },
  {
    name: 'one failed while the pod is being ended',
    pod: two('Always'),
    statuses: states(ended(0), ended(137)),
    terminal: true,
    want: 'Failed',
  },
  {
    name: 'a crash loop',
    pod: two('Always'),
    statuses: [statusOf('a', waiting, { lastState: ended(1) }), statusOf('b', running)],
    want: 'Running',
  },
  {
    name: 'an init container that runs',
    pod: two('Always', init),
    statuses: [statusOf('i', running), ...states(waiting, waiting)],
    want: 'Pending',
  },
  {
    name: 'an init container that failed for good',
    pod: two('Never', init),
    statuses: [statusOf('i', ended(1)), ...states(waiting, waiting)],
    want: 'Failed',
  },
  {
    name: 'an init container that will be tried again',
    pod: two('Always', init),
    statuses: [statusOf('i', ended(1)), ...states(waiting, waiting)],
    want: 'Pending',
  },
  {
    name: 'a sidecar that has not started',
    pod: two('Always', sidecar),
    statuses: [statusOf('s', running, { started: false }), ...states(running, running)],
    want: 'Pending',
  },
  {
    name: 'a sidecar that restarts later',
    pod: two('Always', sidecar),
    statuses: [statusOf('s', running, { started: false }), ...states(running, running)],
    initialized: true,
    want: 'Running',
  },
];
for (const c of phases) {
  test(`phaseOf gives ${c.want} for ${c.name}`, () => {
    assert.equal(phaseOf({ pod: c.pod, statuses: c.statuses, terminal: c.terminal ?? false, initialized: c.initialized ?? false }), c.want);
  });
}

const said = ({ status, reason = '', message = '' }: { status: string; reason?: string; message?: string }): string =>
  [status, reason, message].filter((part) => part !== '').join(' | ');
const from = (of: Pod, statuses: readonly ContainerStatus[], phase: PodPhase = 'Running'): Parameters<typeof containersReady>[0] => ({
  pod: of,
  statuses,
  phase,
});

for (const c of [
  {
    name: 'all ready',
    input: from(two('Always'), [statusOf('a', running, { ready: true }), statusOf('b', running, { ready: true })]),
    want: 'True',
  },
  {
    name: 'one not ready',
    input: from(two('Always'), [statusOf('a', running, { ready: true }), statusOf('b', running)]),
    want: 'False | ContainersNotReady | containers with unready status: [b]',
  },
  {
    name: 'one unknown, one not ready',
    input: from(two('Always'), [statusOf('b', running)]),
    want: 'False | ContainersNotReady | containers with unknown status: [a], containers with unready status: [b]',
  },
  { name: 'a pod that succeeded', input: from(two('Never'), states(ended(0), ended(0)), 'Succeeded'), want: 'False | PodCompleted' },
  { name: 'a pod that failed', input: from(two('Never'), states(ended(0), ended(1)), 'Failed'), want: 'False | PodFailed' },
  {
    name: 'a sidecar that is not ready',
    input: from(two('Always', sidecar), [statusOf('s', running), ...['a', 'b'].map((name) => statusOf(name, running, { ready: true }))]),
    want: 'False | ContainersNotReady | containers with unready status: [s]',
  },
]) {
  test(`containersReady judges ${c.name}`, () => assert.equal(said(containersReady(c.input)), c.want));
}

test('podReady names the gates that are closed', () => {
  const gated = two('Always', { readinessGates: [{ conditionType: 'x' }, { conditionType: 'y' }] });
  const statuses = ['a', 'b'].map((name) => statusOf(name, running, { ready: true }));
  const want =
    'False | ReadinessGatesNotReady | corresponding condition of pod readiness gate "x" does not exist., the status of pod readiness gate "y" is not "True", but False';
  assert.equal(said(podReady(from(gated, statuses), [{ type: 'y', status: 'False' }])), want);
});

for (const c of [
  { name: 'no init containers', input: from(two('Always'), []), want: 'True' },
  {
    name: 'one that is not done',
    input: from(two('Always', init), [statusOf('i', running)], 'Pending'),
    want: 'False | ContainersNotInitialized | containers with incomplete status: [i]',
  },
  {
    name: 'one without a status',
    input: from(two('Always', init), [], 'Pending'),
    want: 'False | ContainersNotInitialized | containers with unknown status: [i]',
  },
  { name: 'one that is done', input: from(two('Always', init), [statusOf('i', ended(0), { ready: true })]), want: 'True' },
  {
    name: 'a container that runs already',
    input: from(two('Always', init), [statusOf('i', running), statusOf('a', running)]),
    want: 'True',
  },
]) {
  test(`podInitialized judges ${c.name}`, () => assert.equal(said(podInitialized(c.input)), c.want));
}

const one = pod();
function shown(
  of: Pod,
  containers: Parameters<typeof runtimePod>[1],
  previous: readonly ContainerStatus[] = [],
  failure?: StartFailure,
): ContainerStatus {
  const [status] = containerStatuses({
    pod: of,
    runtime: runtimePod(of, containers),
    runtimeName: 'containerd',
    kind: 'container',
    containers: of.spec.containers,
    previous,
    failureOf: () => failure,
    resetting: false,
  });
  return status as ContainerStatus;
}

test('containerStatuses shows a container that was never made as waiting', () => {
  assert.deepEqual(shown(one, []).state, { waiting: { reason: 'ContainerCreating' } });
  assert.deepEqual(shown(pod({ spec: init }), []).state, { waiting: { reason: 'PodInitializing' } });
});

test('containerStatuses shows the newest instance, and the one before as its last state', () => {
  const status = shown(one, [
    instance(one, 'app', 'running', { id: 'new', restartCount: 3 }),
    instance(one, 'app', 'exited', { id: 'old', exitCode: 9, reason: 'Error', message: 'why' }),
  ]);
  assert.equal(status.containerID, 'containerd://new');
  assert.equal(status.restartCount, 3);
  assert.deepEqual(status.state.running, { startedAt: '1970-01-01T00:00:02Z' });
  assert.deepEqual(status.lastState.terminated, {
    exitCode: 9,
    reason: 'Error',
    message: 'why',
    startedAt: '1970-01-01T00:00:02Z',
    finishedAt: '1970-01-01T00:00:03Z',
    containerID: 'containerd://old',
  });
});

test('containerStatuses shows why a container that is to run does not', () => {
  const failure = { reason: 'CrashLoopBackOff', message: 'back-off' };
  const status = shown(one, [instance(one, 'app', 'exited', { exitCode: 1 })], [], failure);
  assert.deepEqual(status.state, { waiting: failure });
  assert.equal(status.lastState.terminated?.exitCode, 1);
});

test('containerStatuses keeps the end of a container that will not run again', () => {
  const never = pod({ spec: { restartPolicy: 'Never' } });
  const status = shown(never, [instance(never, 'app', 'exited', { exitCode: 1 })], [], { reason: 'ErrImagePull', message: '' });
  assert.equal(status.state.terminated?.exitCode, 1);
});

test('containerStatuses counts a container that vanished while it ran', () => {
  const before = statusOf('app', running, { containerID: 'containerd://gone', restartCount: 2 });
  const status = shown(one, [], [before]);
  assert.deepEqual(
    [status.restartCount, status.lastState.terminated?.reason, status.lastState.terminated?.exitCode],
    [3, 'ContainerStatusUnknown', 137],
  );
});

test('containerStatuses keeps what it knows of an end that the runtime has forgotten', () => {
  const before = statusOf('app', ended(4), { containerID: 'containerd://gone' });
  assert.deepEqual(shown(pod({ spec: { restartPolicy: 'Never' } }), [], [before]), before);
});

test('containerStatuses shows resources that were given, and those in force', () => {
  const sized = pod({
    spec: {
      containers: [container('app', { resources: { requests: { cpu: '500m', memory: '64Mi' }, limits: { cpu: '1', memory: '64Mi' } } })],
    },
  });
  const status = shown(sized, [
    instance(sized, 'app', 'running', { resources: { cpuRequest: 250, cpuLimit: 500, memoryLimit: 32 * 2 ** 20 } }),
  ]);
  assert.deepEqual(status.allocatedResources, { cpu: '500m', memory: '64Mi' });
  assert.deepEqual(status.resources, { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '500m', memory: '32Mi' } });
});

const dated = (type: string, value: string, at: string): NonNullable<PodStatus['conditions']>[number] => ({
  type,
  status: value,
  lastProbeTime: null,
  lastTransitionTime: at,
});
const base: PodStatus = { phase: 'Running', qosClass: 'BestEffort', conditions: [dated('Ready', 'True', '2026-01-01T00:00:00Z')] };
const NOW = Date.UTC(2026, 0, 2);

test('dateStatus moves the time of a condition only when its status changes', () => {
  const next = (value: string): string | null | undefined =>
    dateStatus({ ...base, conditions: [{ type: 'Ready', status: value, reason: 'r' }] }, base, NOW).conditions?.[0]?.lastTransitionTime;
  assert.equal(next('True'), '2026-01-01T00:00:00Z');
  assert.equal(next('False'), '2026-01-02T00:00:00Z');
});

test('dateStatus never changes the time a pod began', () => {
  const began = '2025-12-31T00:00:00Z';
  assert.equal(dateStatus({ ...base, conditions: [] }, { ...base, startTime: began }, NOW).startTime, began);
  assert.equal(dateStatus({ ...base, conditions: [] }, base, NOW).startTime, '2026-01-02T00:00:00Z');
});

test('dateStatus cuts last words to what a status may hold', () => {
  const long = statusOf('app', { terminated: { exitCode: 1, message: 'x'.repeat(20_000), startedAt: null, finishedAt: null } });
  const status = dateStatus({ ...base, conditions: [], containerStatuses: [long, long] }, base, NOW);
  assert.equal(status.containerStatuses?.[0]?.state.terminated?.message?.length, 6 * 1024);
});

test('mergeForApi holds an end back while containers may run', () => {
  const failed: PodStatus = { ...base, phase: 'Failed', reason: 'Evicted' };
  assert.deepEqual([mergeForApi(base, failed, true, one).phase, mergeForApi(base, failed, true, one).reason], ['Running', undefined]);
  const merged = mergeForApi(base, failed, false, one);
  assert.deepEqual([merged.phase, merged.reason], ['Failed', 'Evicted']);
  assert.deepEqual(said(merged.conditions?.[0] ?? { status: '' }), 'False | PodFailed');
});

test('mergeForApi leaves conditions of others as they are in the API', () => {
  const api: PodStatus = { ...base, conditions: [...(base.conditions ?? []), dated('example.com/x', 'True', '2026-01-01T00:00:00Z')] };
  assert.deepEqual(
    mergeForApi(api, base, false, one).conditions?.map(({ type }) => type),
    ['example.com/x', 'Ready'],
  );
});

const NEVER = { lastProbeTime: null, lastTransitionTime: null };
const disrupted = (reason: string): PodCondition => ({ type: 'DisruptionTarget', status: 'True', reason, ...NEVER });
const READY: PodCondition = { type: 'Ready', status: 'True', ...NEVER };
const FAILED: PodCondition = { type: 'Ready', status: 'False', reason: 'PodFailed', ...NEVER };

// Source: TestMergePodStatus.
for (const { name, phase = 'Failed', mayRun = false, before = [], after, want } of [
  { name: 'is told with the end', after: ['TerminationByKubelet'], want: [FAILED, disrupted('TerminationByKubelet')] },
  { name: 'waits for containers that may run', mayRun: true, after: ['TerminationByKubelet'], want: [READY] },
  {
    name: 'replaces what others said with the end',
    before: ['EvictionByEvictionAPI'],
    after: ['TerminationByKubelet'],
    want: [FAILED, disrupted('TerminationByKubelet')],
  },
  {
    name: 'leaves what others said while containers may run',
    mayRun: true,
    before: ['EvictionByEvictionAPI'],
    after: ['TerminationByKubelet'],
    want: [READY, disrupted('EvictionByEvictionAPI')],
  },
  {
    name: 'leaves what others said while the pod runs',
    phase: 'Running',
    before: ['EvictionByEvictionAPI'],
    after: ['TerminationByKubelet'],
    want: [READY, disrupted('EvictionByEvictionAPI')],
  },
  { name: 'stays', phase: 'Running', before: ['TerminationByKubelet'], after: [], want: [READY, disrupted('TerminationByKubelet')] },
] as const satisfies readonly { phase?: PodPhase; [more: string]: unknown }[]) {
  test(`mergeForApi: why a pod is disrupted ${name}`, () => {
    const api: PodStatus = { ...base, phase: 'Running', conditions: [READY, ...before.map(disrupted)] };
    const desired: PodStatus = { ...base, phase, conditions: [READY, ...after.map(disrupted)] };
    const { conditions = [] } = mergeForApi(api, desired, mayRun, pod());
    assert.deepEqual(
      conditions.toSorted((a, b) => (a.type < b.type ? 1 : -1)),
      want,
    );
  });
}

test('sameStatus does not mind the order of conditions', () => {
  const conditions = [dated('A', 'True', ''), dated('B', 'True', '')];
  assert.ok(sameStatus({ ...base, conditions }, { ...base, conditions: conditions.toReversed() }));
  assert.ok(!sameStatus({ ...base, conditions }, { ...base, conditions: conditions.slice(1) }));
});

test('terminatedStatus ends every container, and fails a pod that had not ended', () => {
  const status = terminatedStatus(one, { ...base, containerStatuses: [statusOf('a', running), statusOf('b', ended(0))] });
  assert.equal(status.phase, 'Failed');
  assert.deepEqual(
    status.containerStatuses?.map(({ state }) => state.terminated?.exitCode),
    [137, 0],
  );
  assert.equal(terminatedStatus(one, { ...base, phase: 'Succeeded' }).phase, 'Succeeded');
});

test('terminatedStatus leaves containers alone that never could start', () => {
  const of = pod({ spec: init });
  const status = terminatedStatus(of, {
    ...base,
    initContainerStatuses: [statusOf('i', ended(1))],
    containerStatuses: [statusOf('app', waiting)],
  });
  assert.deepEqual(status.containerStatuses?.[0]?.state, waiting);
});

test('podStatusPatch names only what differs, lists with a key by element', () => {
  const next: PodStatus = {
    ...base,
    reason: 'r',
    conditions: [dated('Ready', 'False', '2026-01-02T00:00:00Z'), dated('New', 'True', '2026-01-02T00:00:00Z')],
  };
  assert.deepEqual(podStatusPatch({ ...base, message: 'gone' }, next), {
    message: null,
    reason: 'r',
    conditions: [
      { type: 'Ready', status: 'False', lastTransitionTime: '2026-01-02T00:00:00Z' },
      { type: 'New', status: 'True', lastTransitionTime: '2026-01-02T00:00:00Z' },
    ],
  });
  assert.deepEqual(podStatusPatch(next, base), {
    reason: null,
    conditions: [
      { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
      { $patch: 'delete', type: 'New' },
    ],
  });
  assert.equal(podStatusPatch(base, { ...base, conditions: [...(base.conditions ?? [])] }), undefined);
});

test('podStatusPatch takes a null for an absent field', () => {
  assert.equal(podStatusPatch({ conditions: [{ type: 'A', lastProbeTime: null }] }, { conditions: [{ type: 'A' }] }), undefined);
});

test('podStatusOf keeps the address of a pod whose sandbox has ended', () => {
  const runtime = runtimePod(one, [], [sandbox({ ready: false })]);
  const previous: PodStatus = { ...base, podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] };
  const common = { pod: one, runtimeName: 'containerd', terminal: true, failureOf: () => undefined, hostIPs: [], resizeConditions: [] };
  const probes = { started: () => true, ready: () => true };
  assert.equal(podStatusOf({ ...common, probes, runtime, previous }).podIP, '10.0.0.9');
  assert.equal(podStatusOf({ ...common, probes, runtime: runtimePod(one, []), previous }).podIP, '10.0.0.5');
});

/** What podStatusOf is told of a pod that runs and of which nothing is out of the ordinary. */
const ordinary = {
  runtimeName: 'containerd',
  terminal: false,
  failureOf: () => undefined,
  hostIPs: [],
  resizeConditions: [],
  previous: base,
  probes: { started: () => true, ready: () => true },
};

test('podStatusOf shows the memory that a container was last set to ask for, which no runtime knows', () => {
  const resources = { requests: { memory: '65536Ki' }, limits: { memory: '64Mi' } };
  const sized = pod({ spec: { containers: [container('app', { resources })] } });
  const runtime = runtimePod(sized, [instance(sized, 'app', 'running', { resources: { memoryLimit: 64 * 2 ** 20 } })]);
  const requested = (memoryRequest: number): unknown => {
    const actuatedContainer = () => ({ cpuRequest: 0, cpuLimit: 0, memoryRequest, memoryLimit: 0 });
    return podStatusOf({ ...ordinary, pod: sized, runtime, actuatedContainer }).containerStatuses?.[0]?.resources?.requests;
  };
  assert.deepEqual(requested(32 * 2 ** 20), { memory: '32Mi' });
  assert.deepEqual(requested(64 * 2 ** 20), { memory: '65536Ki' });
});

test('podStatusOf shows what the pod as a whole was given, and what of it is in force', () => {
  const shown = (of: Pod, actuated?: PodStatusInput['actuated']) => {
    const { resources, allocatedResources } = podStatusOf({ ...ordinary, pod: of, runtime: runtimePod(of, []), actuated });
    return { resources, allocatedResources };
  };
  const resources = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '0.2', memory: '128Mi' } };
  const sized = pod({ spec: { resources, containers: [container('app')] } });
  const inForce = { cpuRequest: 100, cpuLimit: 200, memoryRequest: 64 * 2 ** 20, memoryLimit: 128 * 2 ** 20 };
  assert.deepEqual(shown(sized, inForce), { resources, allocatedResources: resources.requests });
  assert.deepEqual(shown(sized, { ...inForce, cpuLimit: 500, memoryRequest: 32 * 2 ** 20 }), {
    resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '500m', memory: '128Mi' } },
    allocatedResources: resources.requests,
  });
  const apart = pod({
    spec: { containers: ['a', 'b'].map((name) => container(name, { resources: { requests: { cpu: '100m', memory: '1Gi' } } })) },
  });
  assert.deepEqual(shown(apart, inForce), { resources: undefined, allocatedResources: { cpu: '200m', memory: '2Gi' } });
  assert.deepEqual(shown(pod()), { resources: undefined, allocatedResources: undefined });
});

test('podStatusOf shows a restart of all containers until the last is taken away, and a pod that may not restart goes on', () => {
  const rules = [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }];
  const src = container('src', { restartPolicy: 'Never', restartPolicyRules: rules });
  const of = pod({ spec: { restartPolicy: 'Never', containers: [container('app'), src] } });
  const seen = (containers: Parameters<typeof runtimePod>[1], previous: PodStatus) => {
    const status = podStatusOf({ ...ordinary, pod: of, runtime: runtimePod(of, containers), previous });
    const restarting = status.conditions.find(({ type }) => type === 'AllContainersRestarting')?.status;
    const reasons = status.containerStatuses?.map(({ state, lastState, restartCount }) => [
      state.waiting?.reason ?? state.terminated?.exitCode ?? 'running',
      lastState.terminated?.reason,
      restartCount,
    ]);
    return { status: status as PodStatus, shown: [status.phase, restarting, reasons] };
  };
  const gone = ['RestartingAllContainers', 'RestartingAllContainers', 1];
  const asked = seen([instance(of, 'app', 'running'), instance(of, 'src', 'exited', { exitCode: 42 })], base);
  assert.deepEqual(asked.shown, [
    'Running',
    'True',
    [
      ['running', undefined, 0],
      [42, undefined, 0],
    ],
  ]);
  const cleared = seen([], asked.status);
  assert.deepEqual(cleared.shown, ['Running', 'False', [gone, gone]]);
  const begun = seen([instance(of, 'app', 'running', { id: 'new', restartCount: 1 })], cleared.status);
  assert.deepEqual(begun.shown, [
    'Running',
    'False',
    [
      ['running', 'RestartingAllContainers', 1],
      ['ContainerCreating', ...gone.slice(1)],
    ],
  ]);
});
