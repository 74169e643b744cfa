import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, EphemeralContainer, Pod, PodSpec } from '#api/types.ts';
import { container, pod } from '../testing/pods.ts';
import { instance, runtimePod, sandbox, SANDBOX } from '../testing/runtime-pods.ts';
import type { RuntimeContainer, RuntimePod } from '../runtime/runtime-pod.ts';
import { NO_ACTIONS, type PodActions } from './actions.ts';
import { computePodActions, type ProbeVerdict } from './plan.ts';

const FOO = ['foo1', 'foo2', 'foo3'];

function threeContainers(spec: Partial<PodSpec> = {}): Pod {
  return pod({ spec: { containers: FOO.map((name) => container(name)), ...spec } });
}

function withInit(spec: Partial<PodSpec> = {}, init: Partial<Container> = {}): Pod {
  return threeContainers({ initContainers: ['init1', 'init2', 'init3'].map((name) => container(name, init)), ...spec });
}

const sidecars = (spec: Partial<PodSpec> = {}, more: Partial<Container> = {}): Pod => withInit(spec, { restartPolicy: 'Always', ...more });

const running = (of: Pod, ...names: string[]): RuntimeContainer[] => names.map((name) => instance(of, name, 'running'));
const exited = (of: Pod, exitCode: number, ...names: string[]): RuntimeContainer[] =>
  names.map((name) => instance(of, name, 'exited', { exitCode }));

interface Case {
  readonly name: string;
  readonly pod: Pod;
  readonly runtime: (of: Pod) => RuntimePod;
  /** By container name. */
  readonly liveness?: Readonly<Record<string, ProbeVerdict>>;
  readonly startup?: Readonly<Record<string, ProbeVerdict>>;
  readonly want: Partial<Omit<PodActions, 'kills'>> & { readonly kills?: readonly string[] };
}

const KEEP = { kind: 'keep', sandboxId: SANDBOX, attempt: 0 } as const;
const recreate = (attempt: number, previousId?: string): PodActions['fate'] => ({
  kind: 'recreate',
  attempt,
  ...(previousId === undefined ? {} : { previousId }),
});

function run(cases: readonly Case[]): void {
  for (const c of cases) {
    test(`computePodActions ${c.name}`, () => {
      const runtime = c.runtime(c.pod);
      const byId = (verdicts: Case['liveness']) => (id: string) =>
        verdicts?.[runtime.containers.find((each) => each.id === id)?.name ?? ''];
      const actions = computePodActions({ pod: c.pod, runtime, probes: { liveness: byId(c.liveness), startup: byId(c.startup) } });
      const { kills, ...rest } = actions;
      const { kills: wantKills = [], ...want } = c.want;
      assert.deepEqual(
        { ...rest, kills: kills.map((kill) => kill.container.name) },
        { ...NO_ACTIONS, fate: KEEP, ...want, kills: wantKills },
      );
    });
  }
}

const all3 = [0, 1, 2];
const three = threeContainers();
const ofPolicy = (restartPolicy: PodSpec['restartPolicy']): Pod => threeContainers({ restartPolicy });

run([
  { name: 'does nothing when everything runs', pod: three, runtime: (p) => runtimePod(p, running(p, ...FOO)), want: {} },
  {
    name: 'starts everything in a new sandbox for a new pod',
    pod: three,
    runtime: (p) => runtimePod(p, [], []),
    want: { fate: recreate(0), startContainers: all3 },
  },
  {
    name: 'restarts exited containers of policy Always',
    pod: ofPolicy('Always'),
    runtime: (p) => runtimePod(p, [...exited(p, 0, 'foo1'), ...exited(p, 111, 'foo2'), ...running(p, 'foo3')]),
    want: { startContainers: [0, 1] },
  },
  {
    name: 'restarts only failed containers of policy OnFailure',
    pod: ofPolicy('OnFailure'),
    runtime: (p) => runtimePod(p, [...exited(p, 0, 'foo1'), ...exited(p, 111, 'foo2'), ...running(p, 'foo3')]),
    want: { startContainers: [1] },
  },
  {
    name: 'restarts nothing of policy Never',
    pod: ofPolicy('Never'),
    runtime: (p) => runtimePod(p, [...exited(p, 0, 'foo1'), ...exited(p, 111, 'foo2'), ...running(p, 'foo3')]),
    want: {},
  },
  {
    name: 'kills the pod when all containers of policy Never have ended',
    pod: ofPolicy('Never'),
    runtime: (p) => runtimePod(p, exited(p, 0, ...FOO)),
    want: { fate: { kind: 'kill' } },
  },
  {
    name: 'kills and recreates everything when the sandbox is not ready',
    pod: ofPolicy('Always'),
    runtime: (p) => runtimePod(p, running(p, ...FOO), [sandbox({ ready: false })]),
    want: { fate: recreate(1, SANDBOX), startContainers: all3 },
  },
  {
    name: 'kills the pod when its sandbox is not ready and it may not restart',
    pod: ofPolicy('Never'),
    runtime: (p) => runtimePod(p, exited(p, 0, ...FOO), [sandbox({ ready: false })]),
    want: { fate: { kind: 'kill' } },
  },
  {
    name: 'recreates the sandbox of a pod that never had a container',
    pod: ofPolicy('Never'),
    runtime: (p) => runtimePod(p, [], [sandbox({ ready: false })]),
    want: { fate: recreate(1, SANDBOX), startContainers: all3 },
  },
  {
    name: 'leaves out containers that succeeded when a pod of policy OnFailure gets a new sandbox',
    pod: ofPolicy('OnFailure'),
    runtime: (p) => runtimePod(p, [...exited(p, 0, 'foo2'), ...exited(p, 1, 'foo1', 'foo3')], [sandbox({ ready: false })]),
    want: { fate: recreate(1, SANDBOX), startContainers: [0, 2] },
  },
  {
    name: 'makes no sandbox when all containers of policy OnFailure succeeded',
    pod: ofPolicy('OnFailure'),
    runtime: (p) => runtimePod(p, exited(p, 0, ...FOO), [sandbox({ ready: false })]),
    want: { fate: { kind: 'kill' } },
  },
  {
    name: 'recreates the sandbox when two are ready',
    pod: three,
    runtime: (p) => runtimePod(p, running(p, ...FOO), [sandbox({ id: 'newer', attempt: 1 }), sandbox()]),
    want: { fate: recreate(2, 'newer'), startContainers: all3 },
  },
  {
    name: 'recreates the sandbox when the pod moved to the network of the host',
    pod: threeContainers({ hostNetwork: true }),
    runtime: (p) => runtimePod(p, running(p, ...FOO)),
    want: { fate: recreate(1), startContainers: all3 },
  },
  {
    name: 'recreates a sandbox without an address',
    pod: three,
    runtime: (p) => runtimePod(p, running(p, ...FOO), [sandbox({ ips: [] })]),
    want: { fate: recreate(1, SANDBOX), startContainers: all3 },
  },
  {
    name: 'restarts a container whose definition changed, whatever the policy',
    pod: ofPolicy('Never'),
    runtime: (p) => runtimePod(p, [instance(p, 'foo1', 'running', { hash: 'other' }), ...running(p, 'foo2', 'foo3')]),
    want: { kills: ['foo1'], startContainers: [0] },
  },
  {
    name: 'restarts a container that failed its liveness probe',
    pod: ofPolicy('Always'),
    runtime: (p) => runtimePod(p, running(p, ...FOO)),
    liveness: { foo2: 'failure' },
    want: { kills: ['foo2'], startContainers: [1] },
  },
  {
    name: 'only kills a container that failed its liveness probe under policy Never',
    pod: ofPolicy('Never'),
    runtime: (p) => runtimePod(p, running(p, ...FOO)),
    liveness: { foo2: 'failure' },
    want: { kills: ['foo2'] },
  },
  {
    name: 'restarts a container that failed its startup probe',
    pod: ofPolicy('OnFailure'),
    runtime: (p) => runtimePod(p, running(p, ...FOO)),
    startup: { foo2: 'failure' },
    want: { kills: ['foo2'], startContainers: [1] },
  },
  {
    name: 'kills a container in unknown state before it starts another',
    pod: ofPolicy('Always'),
    runtime: (p) => runtimePod(p, [instance(p, 'foo2', 'unknown'), ...running(p, 'foo1', 'foo3')]),
    want: { kills: ['foo2'], startContainers: [1] },
  },
  {
    name: 'starts a container again that stayed at created',
    pod: ofPolicy('Never'),
    runtime: (p) => runtimePod(p, [instance(p, 'foo2', 'created'), ...running(p, 'foo1', 'foo3')]),
    want: { startContainers: [1] },
  },
  {
    name: 'starts nothing of a pod that is being deleted',
    pod: pod({ deletionTimestamp: '2026-01-01T00:00:00Z', spec: { containers: FOO.map((name) => container(name)) } }),
    runtime: (p) => runtimePod(p, [...exited(p, 0, 'foo1'), ...running(p, 'foo2', 'foo3')]),
    want: {},
  },
  {
    name: 'decides by the newest instance of a container',
    pod: ofPolicy('Always'),
    runtime: (p) => runtimePod(p, [...running(p, ...FOO), instance(p, 'foo1', 'exited', { id: 'old', exitCode: 1, createdAt: 1000 })]),
    want: {},
  },
]);

const initPod = withInit();
const inits = (of: Pod, states: readonly (string | undefined)[]): RuntimeContainer[] =>
  states.flatMap((state, index) => {
    const name = `init${index + 1}`;
    if (state === undefined) return [];
    if (state === 'ok') return exited(of, 0, name);
    if (state === 'failed') return exited(of, 1, name);
    return [instance(of, name, state as 'running')];
  });

run([
  {
    name: 'begins with the first init container',
    pod: initPod,
    runtime: (p) => runtimePod(p, [], []),
    want: { fate: recreate(0), startInit: [0] },
  },
  {
    name: 'starts the first init container in a sandbox that is there',
    pod: initPod,
    runtime: (p) => runtimePod(p, []),
    want: { startInit: [0] },
  },
  { name: 'waits for a running init container', pod: initPod, runtime: (p) => runtimePod(p, inits(p, ['ok', 'running'])), want: {} },
  {
    name: 'starts the next init container when one is done',
    pod: initPod,
    runtime: (p) => runtimePod(p, inits(p, ['ok', 'ok'])),
    want: { startInit: [2] },
  },
  {
    name: 'goes on from the last trace when earlier ones were removed',
    pod: initPod,
    runtime: (p) => runtimePod(p, inits(p, [undefined, 'ok'])),
    want: { startInit: [2] },
  },
  {
    name: 'starts containers when all init containers are done',
    pod: initPod,
    runtime: (p) => runtimePod(p, inits(p, ['ok', 'ok', 'ok'])),
    want: { startContainers: all3 },
  },
  {
    name: 'restarts a failed init container',
    pod: initPod,
    runtime: (p) => runtimePod(p, inits(p, ['ok', 'ok', 'failed'])),
    want: { startInit: [2] },
  },
  {
    name: 'kills the pod when an init container failed under policy Never',
    pod: withInit({ restartPolicy: 'Never' }),
    runtime: (p) => runtimePod(p, inits(p, ['ok', 'ok', 'failed'])),
    want: { fate: { kind: 'kill' } },
  },
  {
    name: 'restarts an init container that stayed at created',
    pod: initPod,
    runtime: (p) => runtimePod(p, inits(p, ['ok', 'ok', 'created'])),
    want: { startInit: [2] },
  },
  {
    name: 'kills an init container in unknown state first',
    pod: initPod,
    runtime: (p) => runtimePod(p, inits(p, ['ok', 'ok', 'unknown'])),
    want: { kills: ['init3'], startInit: [2] },
  },
  {
    name: 'gives up on an init container in unknown state under policy Never',
    pod: withInit({ restartPolicy: 'Never' }),
    runtime: (p) => runtimePod(p, inits(p, ['ok', 'ok', 'unknown'])),
    want: { fate: { kind: 'kill' } },
  },
  {
    name: 'runs no init container again while a container runs, though all traces are gone',
    pod: initPod,
    runtime: (p) => runtimePod(p, running(p, 'foo1')),
    want: { startContainers: [1, 2] },
  },
  {
    name: 'begins with the first init container again in a new sandbox',
    pod: initPod,
    runtime: (p) => runtimePod(p, [...inits(p, ['ok', 'ok', 'ok']), ...running(p, ...FOO)], [sandbox({ ready: false })]),
    want: { fate: recreate(1, SANDBOX), startInit: [0] },
  },
  {
    name: 'takes containers of an earlier sandbox for no proof of initialisation',
    pod: initPod,
    runtime: (p) =>
      runtimePod(
        p,
        FOO.map((name) => instance(p, name, 'exited', { sandboxId: 'before', exitCode: 1 })),
        [sandbox({ attempt: 1 })],
      ),
    want: { fate: { ...KEEP, attempt: 1 }, startInit: [0] },
  },
]);

run([
  { name: 'starts the first sidecar', pod: sidecars(), runtime: (p) => runtimePod(p, []), want: { startInit: [0] } },
  {
    name: 'starts the next sidecar once one runs',
    pod: sidecars(),
    runtime: (p) => runtimePod(p, running(p, 'init1')),
    want: { startInit: [1] },
  },
  {
    name: 'waits for the startup probe of a sidecar',
    pod: sidecars({}, { startupProbe: { timeoutSeconds: 1, periodSeconds: 1, successThreshold: 1, failureThreshold: 1 } }),
    runtime: (p) => runtimePod(p, running(p, 'init1')),
    want: {},
  },
  {
    name: 'restarts a sidecar that failed its startup probe',
    pod: sidecars({}, { startupProbe: { timeoutSeconds: 1, periodSeconds: 1, successThreshold: 1, failureThreshold: 1 } }),
    runtime: (p) => runtimePod(p, running(p, 'init1')),
    startup: { init1: 'failure' },
    want: { kills: ['init1'], startInit: [0] },
  },
  {
    name: 'starts containers beside running sidecars',
    pod: sidecars(),
    runtime: (p) => runtimePod(p, running(p, 'init1', 'init2', 'init3')),
    want: { startContainers: all3 },
  },
  {
    name: 'restarts sidecars that ended while containers run',
    pod: sidecars(),
    runtime: (p) => runtimePod(p, [...exited(p, 0, 'init1'), ...running(p, 'init2', ...FOO), ...exited(p, 7, 'init3')]),
    want: { startInit: [0, 2] },
  },
  {
    name: 'restarts a sidecar without a trace while containers run',
    pod: sidecars(),
    runtime: (p) => runtimePod(p, running(p, 'init1', 'init3', ...FOO)),
    want: { startInit: [1] },
  },
  {
    name: 'restarts a sidecar that failed its liveness probe',
    pod: sidecars({}, { livenessProbe: { timeoutSeconds: 1, periodSeconds: 1, successThreshold: 1, failureThreshold: 1 } }),
    runtime: (p) => runtimePod(p, running(p, 'init1', 'init2', 'init3', ...FOO)),
    liveness: { init2: 'failure' },
    want: { kills: ['init2'], startInit: [1] },
  },
  {
    name: 'restarts no sidecar once all containers of policy Never have ended',
    pod: sidecars({ restartPolicy: 'Never' }),
    runtime: (p) => runtimePod(p, [...exited(p, 0, ...FOO), ...running(p, 'init1', 'init2'), ...exited(p, 0, 'init3')]),
    want: { fate: { kind: 'kill' } },
  },
]);

const debuggers: readonly EphemeralContainer[] = [container('debug')];
run([
  {
    name: 'starts an ephemeral container beside running ones',
    pod: threeContainers({ ephemeralContainers: debuggers }),
    runtime: (p) => runtimePod(p, running(p, ...FOO)),
    want: { startEphemeral: [0] },
  },
  {
    name: 'never restarts an ephemeral container',
    pod: threeContainers({ ephemeralContainers: debuggers }),
    runtime: (p) => runtimePod(p, [...running(p, ...FOO), ...exited(p, 1, 'debug')]),
    want: {},
  },
  {
    name: 'starts an ephemeral container while the pod initialises',
    pod: withInit({ ephemeralContainers: debuggers }),
    runtime: (p) => runtimePod(p, inits(p, ['running'])),
    want: { startEphemeral: [0] },
  },
]);

const ruled = (more: Partial<Container>): Pod =>
  pod({ spec: { restartPolicy: 'Never', containers: [container('foo1', more), container('foo2')] } });
const onExit42 = (action: string): Partial<Container> => ({
  restartPolicy: 'Never',
  restartPolicyRules: [{ action, exitCodes: { operator: 'In', values: [42] } }],
});
run([
  {
    name: 'restarts by a rule of the container under policy Never',
    pod: ruled(onExit42('Restart')),
    runtime: (p) => runtimePod(p, [...exited(p, 42, 'foo1'), ...running(p, 'foo2')]),
    want: { startContainers: [0] },
  },
  {
    name: 'restarts nothing when no rule speaks of the exit code',
    pod: ruled(onExit42('Restart')),
    runtime: (p) => runtimePod(p, [...exited(p, 43, 'foo1'), ...running(p, 'foo2')]),
    want: {},
  },
  {
    name: "lets a container's own policy win over the pod's",
    pod: ruled({ restartPolicy: 'OnFailure' }),
    runtime: (p) => runtimePod(p, [...exited(p, 1, 'foo1'), ...running(p, 'foo2')]),
    want: { startContainers: [0] },
  },
]);

test('computePodActions resets all containers when a rule asks for it, the one that asked last', () => {
  const p = ruled(onExit42('RestartAllContainers'));
  const actions = computePodActions({
    pod: p,
    runtime: runtimePod(p, [...exited(p, 42, 'foo1'), ...running(p, 'foo2')]),
    probes: { liveness: () => undefined, startup: () => undefined },
  });
  assert.deepEqual(
    actions.resets.map(({ container: { name }, kill }) => [name, kill]),
    [
      ['foo2', true],
      ['foo1', false],
    ],
  );
  assert.deepEqual(actions.fate, KEEP);
});

test('computePodActions says in the kill message whether the container comes back', () => {
  const message = (restartPolicy: PodSpec['restartPolicy']): string | undefined => {
    const p = ofPolicy(restartPolicy);
    const runtime = runtimePod(p, running(p, ...FOO));
    return computePodActions({
      pod: p,
      runtime,
      probes: { liveness: (id) => (id === 'id-foo1' ? 'failure' : 'success'), startup: () => undefined },
    }).kills[0]?.message;
  };
  assert.equal(message('Always'), 'Container foo1 failed liveness probe, will be restarted');
  assert.equal(message('Never'), 'Container foo1 failed liveness probe');
});

const sized = (cpu: string, memory: string, resizePolicy: Container['resizePolicy'] = []): Container =>
  container('foo1', { resources: { requests: { cpu, memory }, limits: { cpu, memory } }, resizePolicy: resizePolicy ?? [] });

const HAVE = { cpuRequest: 100, cpuLimit: 100, memoryRequest: 64 * 2 ** 20, memoryLimit: 64 * 2 ** 20 };

/** Of a pod that runs `foo1` alone, as a container unless its spec says otherwise. */
function resizing(spec: Partial<PodSpec>, actuatedPod?: typeof HAVE): PodActions {
  const p = pod({ spec });
  return computePodActions({
    pod: p,
    runtime: runtimePod(p, running(p, 'foo1')),
    probes: { liveness: () => undefined, startup: () => undefined },
    actuated: () => HAVE,
    actuatedPod,
  });
}

for (const c of [
  { name: 'resizes nothing that is as it should be', spec: sized('100m', '64Mi'), resizes: [], kills: [] },
  { name: 'shrinks before it grows', spec: sized('200m', '32Mi'), resizes: ['memory', 'cpu'], kills: [] },
  { name: 'shrinks CPU before it grows memory', spec: sized('50m', '128Mi'), resizes: ['cpu', 'memory'], kills: [] },
  {
    name: 'takes another request of memory alone for a resize',
    spec: container('foo1', { resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '100m', memory: '64Mi' } } }),
    resizes: ['memory'],
    kills: [],
  },
  {
    name: 'restarts a container whose policy asks for it',
    spec: sized('100m', '128Mi', [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }]),
    resizes: [],
    kills: ['foo1'],
  },
]) {
  test(`computePodActions ${c.name}`, () => {
    const actions = resizing({ containers: [c.spec] });
    assert.deepEqual(
      actions.resizes.map(({ resource }) => resource),
      c.resizes,
    );
    assert.deepEqual(
      actions.kills.map((kill) => kill.container.name),
      c.kills,
    );
    assert.deepEqual(actions.startContainers, c.kills.length > 0 ? [0] : []);
    assert.equal(actions.resizePod, c.kills.length > 0);
  });
}

test('computePodActions resizes an init container that runs', () => {
  const actions = resizing({ initContainers: [sized('200m', '64Mi')], containers: [container('main')] });
  assert.deepEqual(
    actions.resizes.map(({ resource, container: { name } }) => [resource, name]),
    [['cpu', 'foo1']],
  );
  assert.deepEqual([actions.startInit, actions.startContainers, actions.kills], [[], [], []]);
});

test("computePodActions brings a pod's own cgroup to what the pod as a whole asks for, and containers without a limit with it", () => {
  const resources = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '64Mi' } };
  const spec = { resources, containers: [container('foo1', { resources: { requests: { cpu: '100m', memory: '64Mi' } } })] };
  const actions = resizing(spec, HAVE);
  assert.equal(actions.resizePod, true);
  assert.deepEqual(
    actions.resizes.map(({ resource, desired: { cpuLimit } }) => [resource, cpuLimit]),
    [['cpu', 200]],
  );
  assert.equal(resizing(spec, { ...HAVE, cpuLimit: 200 }).resizePod, false);
  assert.equal(resizing(spec).resizePod, false);
});
