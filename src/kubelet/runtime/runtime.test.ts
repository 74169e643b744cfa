import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import type { Container } from '#api/types.ts';
import type { ContainerStatus } from '#cri/gen/objects.ts';
import { NO_DEVICES } from '../devices/device-manager.ts';
import { container, pod } from '../testing/pods.ts';
import { Backoff } from './backoff.ts';
import { containerConfig, type ContainerConfigInput } from './container-config.ts';
import { toRuntimeContainer } from './convert.ts';
import { graceSeconds, terminationOrder } from './grace.ts';
import { hashContainer } from './hash.ts';
import { containerAnnotations, readNotes, sandboxLabels } from './labels.ts';
import { kernelResources, milliOfQuota, milliOfShares, oomScoreAdj, quotaOf, sharesOf } from './linux-resources.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { containerSecurityContext, namespaceOptions, SecurityError, verifyRunAsNonRoot } from './security-context.ts';
import { apiSignal, criSignal } from './signals.ts';
import { logText } from './termination-message.ts';

const GIB = 2 ** 30;

for (const [milli, shares] of [
  [0, 2],
  [1, 2],
  [100, 102],
  [1000, 1024],
  [500_000, 262_144],
] as const) {
  test(`sharesOf gives ${shares} for ${milli} millicores`, () => assert.equal(sharesOf(milli), shares));
}

for (const [milli, quota] of [
  [0, 0],
  [5, 1000],
  [100, 10_000],
  [2500, 250_000],
] as const) {
  test(`quotaOf gives ${quota} for ${milli} millicores`, () => assert.equal(quotaOf(milli), quota));
}

test('shares and quotas lead back to what was asked for', () => {
  for (const milli of [100, 250, 1000, 1500, 4000]) {
    assert.equal(milliOfShares(sharesOf(milli)), milli);
    assert.equal(milliOfQuota(quotaOf(milli), 100_000), milli);
  }
});

const sized = (requests: Record<string, string>, limits: Record<string, string> = {}): ReturnType<typeof container> =>
  container('app', { resources: { requests, limits } });

for (const c of [
  { name: 'guaranteed', container: sized({ cpu: '1', memory: '1Gi' }, { cpu: '1', memory: '1Gi' }), qosClass: 'Guaranteed', want: -997 },
  { name: 'best effort', container: container('app'), qosClass: 'BestEffort', want: 1000 },
  { name: 'burstable with half the memory', container: sized({ memory: '4Gi' }), qosClass: 'Burstable', want: 500 },
  { name: 'burstable with next to nothing', container: sized({ memory: '1' }), qosClass: 'Burstable', want: 999 },
  { name: 'burstable with all the memory', container: sized({ memory: '8Gi' }), qosClass: 'Burstable', want: 3 },
] as const) {
  test(`oomScoreAdj of a ${c.name} container is ${c.want}`, () => {
    assert.equal(oomScoreAdj(c.container, pod({ spec: { containers: [c.container] }, status: { qosClass: c.qosClass } }), 8 * GIB), c.want);
  });
}

test('oomScoreAdj shares what a pod asks for beyond its containers among them', () => {
  const asks = (memory: string) => container('app', { resources: { requests: { memory } } });
  const spec = { resources: { requests: { memory: '4Gi' } }, containers: [asks('1Gi'), { ...asks('1Gi'), name: 'other' }] };
  assert.equal(oomScoreAdj(spec.containers[0] as Container, pod({ spec, status: { qosClass: 'Burstable' } }), 8 * GIB), 750);
});

test('kernelResources gives a container without limits those of its pod', () => {
  const bare = container('app');
  const spec = { resources: { limits: { cpu: '500m', memory: '64Mi' } }, containers: [bare] };
  const { cpuShares, cpuQuota, memoryLimitInBytes } = kernelResources(bare, pod({ spec }), { cpuCFSQuota: true, memoryCapacity: 8 * GIB });
  assert.deepEqual([cpuShares, cpuQuota, memoryLimitInBytes], [512, 50_000, 64 * 2 ** 20]);
});

test('oomScoreAdj lets a sidecar live at least as long as the containers', () => {
  const sidecar = container('s', { restartPolicy: 'Always' });
  const of = pod({ spec: { initContainers: [sidecar], containers: [sized({ memory: '4Gi' })] }, status: { qosClass: 'Burstable' } });
  assert.equal(oomScoreAdj(sidecar, of, 8 * GIB), 500);
});

test('kernelResources takes a limit for the request where there is none', () => {
  const spec = sized({}, { cpu: '500m', memory: '64Mi', 'hugepages-2Mi': '4Mi' });
  const { cpuShares, cpuQuota, cpuPeriod, memoryLimitInBytes, hugepageLimits } = kernelResources(spec, pod(), {
    cpuCFSQuota: true,
    memoryCapacity: GIB,
  });
  assert.deepEqual(
    [cpuShares, cpuQuota, cpuPeriod, memoryLimitInBytes, hugepageLimits],
    [512, 50_000, 100_000, 64 * 2 ** 20, [{ pageSize: '2MB', limit: 4 * 2 ** 20 }]],
  );
  assert.equal(kernelResources(spec, pod(), { cpuCFSQuota: false, memoryCapacity: GIB }).cpuQuota, 0);
});

const V2 = { singleProcessOOMKill: false, swapBehavior: 'NoSwap', swapCapacity: 2 * GIB, memoryCapacity: 8 * GIB };
for (const [name, settings, requests, limits, spec, want] of [
  ['without swap', V2, '1Gi', '2Gi', {}, '0'],
  ['that may swap', { ...V2, swapBehavior: 'LimitedSwap' }, '1Gi', '2Gi', {}, String(GIB / 4)],
  ['that has all it asks for', { ...V2, swapBehavior: 'LimitedSwap' }, '1Gi', '1Gi', {}, '0'],
  ['of a critical pod', { ...V2, swapBehavior: 'LimitedSwap' }, '1Gi', '2Gi', { priority: 2_000_000_000 }, '0'],
  ['where swap is not accounted for', { ...V2, swapBehavior: undefined }, '1Gi', '2Gi', {}, undefined],
] as const) {
  test(`kernelResources of a container ${name} kill all its processes at once and let it swap as much as it may`, () => {
    const of = sized({ memory: requests }, { memory: limits });
    const on = pod({ spec: { containers: [of], ...spec }, status: { qosClass: 'Burstable' } });
    const files = (unified: typeof settings) => kernelResources(of, on, { cpuCFSQuota: true, memoryCapacity: 8 * GIB, unified }).unified;
    assert.deepEqual(files(settings), { 'memory.oom.group': '1', ...(want === undefined ? {} : { 'memory.swap.max': want }) });
    assert.equal(files({ ...settings, singleProcessOOMKill: true })['memory.oom.group'], undefined);
    assert.deepEqual(kernelResources(of, on, { cpuCFSQuota: true, memoryCapacity: 8 * GIB }).unified, {});
  });
}

test('hashContainer follows name and image alone', () => {
  const hash = hashContainer(container('a', { image: 'x' }));
  assert.equal(hashContainer(container('a', { image: 'x', command: ['other'] })), hash);
  assert.notEqual(hashContainer(container('a', { image: 'y' })), hash);
  assert.notEqual(hashContainer(container('b', { image: 'x' })), hash);
  // Were it to change, a new version of the kubelet would restart every container.
  assert.equal(hash, '3a5aa9de');
});

test('readNotes gives back what containerAnnotations wrote', () => {
  const preStop = { exec: { command: ['bye'] } };
  const spec = container('app', { lifecycle: { preStop }, ports: [{ containerPort: 80, protocol: 'TCP' }] });
  assert.deepEqual(readNotes(containerAnnotations(spec, pod({ deletionGracePeriodSeconds: 9 }), 4)), {
    hash: hashContainer(spec),
    restartCount: 4,
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    deletionGracePeriodSeconds: 9,
    terminationGracePeriodSeconds: 30,
    preStop,
    ports: [{ containerPort: 80, protocol: 'TCP' }],
  });
  assert.equal(readNotes({ 'io.kubernetes.container.preStopHandler': '{' }).preStop, undefined);
});

test("sandboxLabels lets the kubelet's own win over the pod's", () => {
  assert.deepEqual(sandboxLabels(pod({ labels: { app: 'x', 'io.kubernetes.pod.uid': 'forged' } })), {
    app: 'x',
    'io.kubernetes.pod.name': 'web',
    'io.kubernetes.pod.namespace': 'default',
    'io.kubernetes.pod.uid': 'uid-web',
  });
});

test('toRuntimeContainer reads times in nanoseconds, and joins reasons for an end', () => {
  const status: ContainerStatus = {
    id: 'c',
    state: 'CONTAINER_EXITED',
    createdAt: 1_500_000_000_123_456_789n,
    startedAt: 2_000_000_000n,
    finishedAt: 3_000_000_000n,
    exitCode: 2,
    image: { image: 'sha256:1', annotations: {}, userSpecifiedImage: 'web:1', runtimeHandler: '', imageRef: '' },
    imageRef: 'web@sha256:2',
    reason: 'Error',
    message: 'from the runtime',
    labels: {},
    annotations: containerAnnotations(container('app'), pod(), 3),
    mounts: [],
    logPath: '/l',
    imageId: '',
    stopSignal: 'SIGUSR1',
    metadata: { name: 'app', attempt: 3 },
  };
  const got = toRuntimeContainer(status, 's', 'from the container');
  assert.deepEqual([got.createdAt, got.startedAt, got.finishedAt], [1_500_000_000_123.4568, 2000, 3000]);
  assert.deepEqual(
    [got.image, got.restartCount, got.message, got.stopSignal],
    ['web:1', 3, 'from the runtime: from the container', 'SIGUSR1'],
  );
  assert.equal(toRuntimeContainer({ ...status, state: 'CONTAINER_CREATED' }, 's', '').startedAt, 0);
});

for (const c of [
  { name: 'the deletion', pod: pod({ deletionGracePeriodSeconds: 4 }), reason: 'LivenessProbe', want: 4 },
  { name: 'the probe', pod: pod(), reason: 'LivenessProbe', want: 7 },
  { name: 'the pod', pod: pod(), reason: '', want: 30 },
] as const) {
  test(`graceSeconds follows ${c.name}`, () => {
    const livenessProbe = {
      timeoutSeconds: 1,
      periodSeconds: 1,
      successThreshold: 1,
      failureThreshold: 1,
      terminationGracePeriodSeconds: 7,
    };
    assert.equal(graceSeconds(c.pod, container('app', { livenessProbe }), c.reason), c.want);
  });
}

test('terminationOrder lets sidecars wait for containers and for the sidecars after them', () => {
  const sidecar = (name: string): ReturnType<typeof container> => container(name, { restartPolicy: 'Always' });
  const { spec } = pod({
    spec: { initContainers: [sidecar('a'), container('once'), sidecar('b')], containers: [container('x'), container('y')] },
  });
  assert.deepEqual(
    [...terminationOrder(spec, new Set(['a', 'b', 'x']))],
    [
      ['b', ['x']],
      ['a', ['x', 'b']],
    ],
  );
  assert.equal(terminationOrder(pod().spec, new Set(['app'])).size, 0);
});

test('verifyRunAsNonRoot refuses root, whoever asks for it', () => {
  const check = (securityContext: object, user: Parameters<typeof verifyRunAsNonRoot>[2], podContext = {}): (() => void) => {
    const spec = container('app', { securityContext });
    return () => verifyRunAsNonRoot(spec, pod({ spec: { securityContext: podContext } }), user);
  };
  const where = '(pod: "web_default(uid-web)", container: app)';
  assert.throws(
    check({ runAsNonRoot: true, runAsUser: 0 }, { uid: 5 }),
    new SecurityError(`container's runAsUser breaks non-root policy ${where}`),
  );
  assert.throws(
    check({ runAsNonRoot: true }, { uid: 0 }),
    new SecurityError(`container has runAsNonRoot and image will run as root ${where}`),
  );
  const named = `container has runAsNonRoot and image has non-numeric user (nobody), cannot verify user is non-root ${where}`;
  assert.throws(check({}, { username: 'nobody' }, { runAsNonRoot: true }), new SecurityError(named));
  assert.doesNotThrow(check({ runAsNonRoot: true }, { uid: 5 }));
  assert.doesNotThrow(check({ runAsNonRoot: false }, { uid: 0 }, { runAsNonRoot: true }));
  assert.doesNotThrow(check({ runAsUser: 7 }, { uid: 0 }, { runAsNonRoot: true }));
});

const NODE_USERS = { mode: 'NODE' } as const;

test('namespaceOptions follows the pod', () => {
  assert.deepEqual(namespaceOptions(pod(), NODE_USERS), { network: 'POD', ipc: 'POD', pid: 'CONTAINER', usernsOptions: NODE_USERS });
  assert.deepEqual(namespaceOptions(pod({ spec: { hostNetwork: true, hostIPC: true, hostPID: true } }), NODE_USERS), {
    network: 'NODE',
    ipc: 'NODE',
    pid: 'NODE',
    usernsOptions: NODE_USERS,
  });
  assert.equal(namespaceOptions(pod({ spec: { shareProcessNamespace: true } }), NODE_USERS).pid, 'POD');
});

function secured(
  securityContext: object,
  podContext: object = {},
  more: Partial<Parameters<typeof containerSecurityContext>[0]> = {},
): ReturnType<typeof containerSecurityContext> {
  const spec = container('app', { securityContext });
  return containerSecurityContext({
    container: spec,
    pod: pod({
      spec: { containers: [spec], securityContext: podContext },
      annotations: { 'container.apparmor.security.beta.kubernetes.io/app': 'localhost/mine' },
    }),
    user: { uid: 33 },
    userNamespace: NODE_USERS,
    seccompRoot: '/seccomp',
    seccompDefault: false,
    targetId: undefined,
    ...more,
  });
}

test('containerSecurityContext carries users, groups, rights and profiles', () => {
  const got = secured(
    {
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      runAsGroup: 9,
      seccompProfile: { type: 'Localhost', localhostProfile: 'p.json' },
    },
    { runAsUser: 1000, fsGroup: 2000, supplementalGroups: [3000] },
  );
  assert.deepEqual(got.capabilities, { addCapabilities: ['NET_ADMIN'], dropCapabilities: ['ALL'] });
  assert.deepEqual([got.runAsUser, got.runAsGroup, got.supplementalGroups], [{ value: 1000 }, { value: 9 }, [2000, 3000]]);
  assert.deepEqual([got.readonlyRootfs, got.noNewPrivs, got.privileged], [true, true, false]);
  assert.deepEqual(got.seccomp, { profileType: 'Localhost', localhostRef: '/seccomp/p.json' });
  assert.deepEqual([got.apparmor, got.apparmorProfile], [{ profileType: 'Localhost', localhostRef: 'mine' }, 'localhost/mine']);
  assert.ok(got.maskedPaths?.includes('/proc/kcore'));
});

test('containerSecurityContext falls back to the user of the image and to the usual profiles', () => {
  assert.deepEqual(secured({}).runAsUser, { value: 33 });
  assert.equal(secured({}, {}, { user: { username: 'www' } }).runAsUsername, 'www');
  assert.deepEqual(secured({}).seccomp, { profileType: 'Unconfined' });
  assert.deepEqual(secured({}, {}, { seccompDefault: true }).seccomp, { profileType: 'RuntimeDefault' });
  assert.deepEqual(secured({ procMount: 'Unmasked' }).maskedPaths, []);
});

test('containerSecurityContext lets an ephemeral container join its target', () => {
  assert.deepEqual(secured({}, {}, { targetId: 'abc' }).namespaceOptions, {
    network: 'POD',
    ipc: 'POD',
    pid: 'TARGET',
    targetId: 'abc',
    usernsOptions: NODE_USERS,
  });
});

test('sandboxConfig maps ports, sysctls, host name and resources', () => {
  const spec = container('app', {
    ports: [{ containerPort: 80, hostPort: 8080, hostIP: '127.0.0.1', protocol: 'TCP' }],
    resources: { requests: { cpu: '1' }, limits: { memory: '1Gi' } },
  });
  const config = sandboxConfig({
    pod: pod({ spec: { containers: [spec], securityContext: { sysctls: [{ name: 'net/ipv4/tcp_rmem', value: '1' }] } } }),
    attempt: 2,
    hostname: { hostname: 'web', domain: '', kernel: 'web' },
    userNamespace: NODE_USERS,
    dns: { servers: ['1.1.1.1'], searches: [], options: [] },
    cgroupParent: '/kubepods/poduid',
    logDirectory: '/var/log/pods/x',
  });
  assert.deepEqual(config.portMappings, [{ protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIp: '127.0.0.1' }]);
  assert.deepEqual(config.linux?.sysctls, { 'net.ipv4.tcp_rmem': '1' });
  assert.deepEqual([config.hostname, config.metadata?.attempt, config.linux?.cgroupParent], ['web', 2, '/kubepods/poduid']);
  assert.deepEqual([config.linux?.resources?.cpuShares, config.linux?.resources?.memoryLimitInBytes], [1024, GIB]);
  assert.deepEqual(config.linux?.securityContext?.seccomp, { profileType: 'RuntimeDefault' });
});

test('containerConfig expands commands by the environment', () => {
  const spec = container('app', { command: ['run', '$(A)'], args: ['$(B)', '$$(A)'], lifecycle: { stopSignal: 'SIGRTMIN+3' }, tty: true });
  const input: ContainerConfigInput = {
    pod: pod(),
    container: spec,
    restartCount: 3,
    imageRef: 'sha256:1',
    user: { uid: 0 },
    userNamespace: NODE_USERS,
    environment: new Map([['A', 'x']]),
    mounts: [],
    blockDevices: [],
    devices: [],
    granted: NO_DEVICES,
    targetId: undefined,
    seccompRoot: '',
    seccompDefault: false,
    resources: { cpuCFSQuota: true, memoryCapacity: GIB },
    placement: { cpusetCpus: '2-3', cpusetMems: '0', exclusive: true },
  };
  const config = containerConfig(input);
  const { cpusetCpus, cpusetMems, cpuQuota } = config.linux?.resources ?? {};
  assert.deepEqual([cpusetCpus, cpusetMems, cpuQuota], ['2-3', '0', -1]);
  assert.deepEqual(
    [config.command, config.args],
    [
      ['run', 'x'],
      ['$(B)', '$(A)'],
    ],
  );
  assert.deepEqual([config.logPath, config.tty, config.stopSignal], ['app/3.log', true, 'SIGRTMINPLUS3']);
  assert.deepEqual(config.image, { image: 'sha256:1', userSpecifiedImage: spec.image });
});

test('signals keep their names both ways', () => {
  for (const name of ['SIGTERM', 'SIGRTMIN+15', 'SIGRTMAX-14', 'SIGRTMAX']) assert.equal(apiSignal(criSignal(name)), name);
  assert.equal(apiSignal('RUNTIME_DEFAULT'), undefined);
});

test('logText joins partial lines, and keeps what is last', () => {
  const line = (tag: string, text: string): string => `2026-01-01T00:00:00Z stdout ${tag} ${text}\n`;
  assert.equal(logText(line('P', 'hel') + line('F', 'lo') + line('F', 'x y'), false), 'hello\nx y\n');
  assert.equal(logText(`cut\n${line('F', 'whole')}`, true), 'whole\n');
  const many = Array.from({ length: 100 }, (_, index) => line('F', `l${index}`)).join('');
  assert.equal(logText(many, false).split('\n').length, 81);
  assert.ok(Buffer.byteLength(logText(line('F', 'é'.repeat(3000)), false)) <= 2048);
});

test('Backoff waits as long whether the clock is set forward or back', () => {
  const HOUR_MS = 3_600_000;
  for (const setMs of [HOUR_MS, -HOUR_MS]) {
    const clock = new ManualClock();
    const backoff = new Backoff(clock, 10_000, 300_000);
    const ended = clock.now();
    backoff.next('k', ended);
    clock.advance(1_000);
    assert.equal(backoff.leftSince('k', ended), 9_000);
    clock.jump(setMs);
    clock.advance(2_000);
    assert.deepEqual([backoff.leftSince('k', ended), backoff.leftSinceUpdate('k')], [7_000, 7_000]);
    backoff.collect();
    clock.advance(7_000);
    assert.deepEqual([backoff.leftSince('k', ended), backoff.leftSinceUpdate('k'), backoff.get('k')], [0, 0, 10_000]);
  }
  // What ended just before the clock was set back, and is asked about only now, ended in the future.
  const clock = new ManualClock();
  const backoff = new Backoff(clock, 10_000, 300_000);
  backoff.next('k', clock.now());
  const ended = clock.now();
  clock.jump(-HOUR_MS);
  assert.equal(backoff.leftSince('k', ended), 10_000);
  clock.advance(10_000);
  assert.equal(backoff.leftSince('k', ended), 0);
});

test('Backoff doubles up to its longest and forgets what is long past', () => {
  const clock = new ManualClock();
  const backoff = new Backoff(clock, 10_000, 60_000);
  const waits: number[] = [];
  for (let round = 0; round < 5; round++) {
    backoff.next('k', clock.now());
    waits.push(backoff.get('k'));
  }
  assert.deepEqual(waits, [10_000, 20_000, 40_000, 60_000, 60_000]);
  assert.equal(backoff.leftSinceUpdate('k'), 60_000);
  clock.advance(45_000);
  assert.equal(backoff.leftSinceUpdate('k'), 15_000);
  assert.equal(backoff.leftSince('k', clock.now() - 50_000), 10_000);
  clock.advance(120_000);
  assert.equal(backoff.leftSince('k', clock.now()), 0);
  backoff.next('k', clock.now());
  assert.equal(backoff.get('k'), 10_000);
  clock.advance(200_000);
  backoff.collect();
  assert.equal(backoff.get('k'), 0);
});
