// The kubelet with a real containerd and real cgroups.
import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pods } from '#api/resources.ts';
import type { PodSpec } from '#api/types.ts';
import { CgroupHierarchy, detectLayout } from './cgroups/hierarchy.ts';
import { CpuSet } from './cpu-manager/cpu-set.ts';
import { readMachine } from './node/machine.ts';
import { containerd, cri, FOREVER, shell, startNode, until } from './testing/containerd-node.ts';
import { container } from './testing/pods.ts';
import { stateOf } from './testing/world.ts';

test('a pod has an address, a name, hosts, a resolver, its environment and its log', async (t) => {
  const world = await startNode(t);
  const env = [
    { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: 'GREETING', value: 'hello $(IP)' },
  ];
  const script = `echo "$GREETING"; hostname; cat /etc/hosts; cat /etc/resolv.conf; ${FOREVER}`;
  world.run('web', {
    hostname: 'front',
    subdomain: 'team',
    hostAliases: [{ ip: '192.0.2.9', hostnames: ['alias'] }],
    containers: [container('app', { ...shell(script), env })],
  });
  await until(() => world.pod('web').status.phase === 'Running' && world.log('web').includes('ndots:5'));
  const { podIP } = world.pod('web').status;
  const log = world.log('web');
  assert.match(podIP ?? '', /^10\.244\.0\.\d+$/);
  for (const line of [
    `hello ${podIP}`,
    'front',
    `${podIP}\tfront.team.default.svc.cluster.local\tfront`,
    '192.0.2.9\talias',
    'nameserver 10.96.0.10',
    'search default.svc.cluster.local svc.cluster.local cluster.local',
  ]) {
    assert.ok(log.split('\n').includes(line), `${line} is not in ${log}`);
  }
  assert.equal(readdirSync(join(world.folder, 'links')).length, 1);
});

test('a pod has a cgroup of its own with its limits, which goes with it', async (t) => {
  const world = await startNode(t);
  const resources = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } };
  world.run('web', { containers: [container('app', { ...shell(FOREVER), resources })] }, { status: { qosClass: 'Burstable' } });
  await until(() => world.pod('web').status.phase === 'Running');
  const hierarchy = new CgroupHierarchy(detectLayout(readFileSync('/proc/self/mountinfo', 'utf8')));
  const name = `/kubepods/burstable/pod${world.pod('web').metadata.uid}`;
  const limit = hierarchy.layout.version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
  assert.equal((await hierarchy.read('memory', name, limit)).trim(), String(64 * 2 ** 20));
  assert.equal((await hierarchy.children(name)).size > 0, true);
  const change = { requests: { cpu: '200m', memory: '32Mi' }, limits: { cpu: '400m', memory: '96Mi' } };
  world.server.change(pods, 'web', 'default', (current) => ({
    ...current,
    spec: { ...current.spec, containers: [{ ...(current.spec.containers[0] as PodSpec['containers'][number]), resources: change }] },
  }));
  await until(() => world.pod('web').status.containerStatuses?.[0]?.allocatedResources?.['cpu'] === '200m');
  await until(() => world.pod('web').status.conditions?.some(({ type }) => type === 'PodResizeInProgress') !== true);
  assert.equal((await hierarchy.read('memory', name, limit)).trim(), String(96 * 2 ** 20));
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.restartCount, 0);
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await until(() => world.server.stored(pods).length === 0);
  assert.equal(await hierarchy.exists(name), false);
});

test('a container that is out of memory is shown as such, and last words are kept', async (t) => {
  const world = await startNode(t);
  world.run('words', { restartPolicy: 'Never', containers: [container('app', shell('echo -n goodbye > /dev/termination-log; exit 3'))] });
  await until(() => world.pod('words').status.phase === 'Failed');
  const ended = world.pod('words').status.containerStatuses?.[0]?.state.terminated;
  assert.deepEqual([ended?.exitCode, ended?.reason, ended?.message], [3, 'Error', 'goodbye']);
  world.run('log', {
    restartPolicy: 'Never',
    containers: [container('app', { ...shell('echo from the log; exit 4'), terminationMessagePolicy: 'FallbackToLogsOnError' })],
  });
  await until(() => world.pod('log').status.phase === 'Failed');
  assert.equal(world.pod('log').status.containerStatuses?.[0]?.state.terminated?.message, 'from the log\n');
});

test('exec probes and hooks run in the container', async (t) => {
  const world = await startNode(t);
  const check = (command: string): NonNullable<PodSpec['containers'][number]['readinessProbe']> => ({
    exec: { command: ['sh', '-c', command] },
    timeoutSeconds: 1,
    periodSeconds: 1,
    successThreshold: 1,
    failureThreshold: 1,
  });
  const lifecycle = {
    postStart: { exec: { command: ['sh', '-c', 'echo begun > /tmp/begun'] } },
    preStop: { exec: { command: ['sh', '-c', 'echo stopping > /proc/1/fd/1'] } },
  };
  world.run('web', { containers: [container('app', { ...shell(FOREVER), readinessProbe: check('cat /tmp/begun'), lifecycle })] });
  await until(() => world.pod('web').status.containerStatuses?.[0]?.ready === true);
  const { uid } = world.pod('web').metadata;
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  const log = join(world.folder, 'logs', `default_web_${uid}`, 'app', '0.log');
  await until(() => !existsSync(log) || readFileSync(log, 'utf8').includes('stopping'));
  await until(() => world.server.stored(pods).length === 0);
});

test('a liveness probe that times out restarts the container', async (t) => {
  const world = await startNode(t);
  const livenessProbe = {
    exec: { command: ['sleep', '30'] },
    timeoutSeconds: 1,
    periodSeconds: 1,
    successThreshold: 1,
    failureThreshold: 1,
  };
  world.run('web', { containers: [container('app', { ...shell(FOREVER), livenessProbe })] });
  await until(() => (world.pod('web').status.containerStatuses?.[0]?.restartCount ?? 0) > 0);
  assert.ok(world.told('web').includes('Unhealthy Liveness probe failed: command "sleep 30" timed out'));
});

test('a kubelet that was restarted adopts its containers, and containerd may go and come back', async (t) => {
  const world = await startNode(t);
  world.run('web', { containers: [container('app', shell(FOREVER))] });
  await until(() => world.pod('web').status.phase === 'Running');
  const before = world.pod('web').status.containerStatuses;
  await world.restart();
  await containerd.kill();
  await containerd.restart();
  await cri.ready();
  await until(() => world.kubelet().view.problems().length === 0);
  world.run('next', { containers: [container('app', shell(FOREVER))] });
  await until(() => world.pod('next').status.phase === 'Running');
  assert.deepEqual(world.pod('web').status.containerStatuses, before);
});

test('a process that is killed from outside is restarted', async (t) => {
  const world = await startNode(t);
  world.run('web', { containers: [container('app', shell(FOREVER))] });
  await until(() => world.pod('web').status.phase === 'Running');
  const id = (world.pod('web').status.containerStatuses?.[0]?.containerID ?? '').slice('containerd://'.length);
  await containerd.ctr(['tasks', 'kill', '--signal', 'SIGKILL', id]);
  await until(() => world.pod('web').status.containerStatuses?.[0]?.restartCount === 1 && stateOf(world.pod('web')) === 'running');
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.lastState.terminated?.exitCode, 137);
});

test('init containers, a sidecar and a job run in order to the end', async (t) => {
  const world = await startNode(t);
  const volumes = [{ name: 'v', emptyDir: {} }];
  const volumeMounts = [{ name: 'v', mountPath: '/v' }];
  const step = (name: string, script: string, more: Parameters<typeof container>[1] = {}): ReturnType<typeof container> =>
    container(name, { ...shell(script), volumeMounts, ...more });
  world.run('job', {
    restartPolicy: 'Never',
    volumes,
    initContainers: [step('first', 'echo first >> /v/log'), step('side', `echo side >> /v/log; ${FOREVER}`, { restartPolicy: 'Always' })],
    containers: [step('app', 'echo app >> /v/log; cat /v/log')],
  });
  await until(() => world.pod('job').status.phase === 'Succeeded');
  assert.equal(world.log('job').trim(), 'first\nside\napp');
});

test('an ephemeral container joins a running pod', async (t) => {
  const world = await startNode(t);
  world.run('web', { containers: [container('app', shell(FOREVER))] });
  await until(() => world.pod('web').status.phase === 'Running');
  const debug = { ...container('debug', shell('cat /proc/1/cmdline | cut -c 1-2; echo seen')), targetContainerName: 'app' };
  world.server.change(pods, 'web', 'default', (current) => ({ ...current, spec: { ...current.spec, ephemeralContainers: [debug] } }));
  await until(() => stateOf(world.pod('web'), 'debug') === 'terminated Completed 0');
  assert.match(world.log('web', 'debug'), /seen/);
  assert.equal(world.pod('web').status.phase, 'Running');
});

test('figures of pods come from the runtime', async (t) => {
  const world = await startNode(t);
  world.run('web', { containers: [container('app', shell(FOREVER))] });
  await until(() => world.pod('web').status.phase === 'Running');
  const { pods: summaries } = await world.kubelet().view.summary();
  const [app] = summaries[0]?.containers ?? [];
  assert.equal(app?.name, 'app');
  assert.ok((app?.memory?.workingSetBytes ?? 0) > 0 && (app?.cpu?.usageCoreNanoSeconds ?? 0) > 0);
});

test('a container of a guaranteed pod has CPUs to itself, and the others leave them', async (t) => {
  const { cpus } = (await readMachine()).topology;
  if (cpus.length < 2) return t.skip('the machine has one CPU: nobody can have it alone');
  const config = { cpuManagerPolicy: 'static', kubeReserved: { cpu: '100m' }, cpuManagerReconcilePeriod: 100 };
  const world = await startNode(t, { config });
  const allowed = `while :; do grep Cpus_allowed_list: /proc/self/status; sleep 0.1; done`;
  const cpusOf = (name: string): string | undefined => /Cpus_allowed_list:\s*(\S+)\s*$/.exec(world.log(name).trimEnd())?.[1];
  world.run('shared', { containers: [container('app', shell(allowed))] });
  await until(() => world.log('shared').includes('Cpus_allowed_list'));
  const amounts = { cpu: '1', memory: '64Mi' };
  const resources = { requests: amounts, limits: amounts };
  world.run('own', { containers: [container('app', { ...shell(allowed), resources })] }, { status: { qosClass: 'Guaranteed' } });
  await until(() => cpusOf('own') !== undefined);
  const own = CpuSet.parse(cpusOf('own') ?? '');
  assert.equal(own.size, 1);
  await until(() => cpusOf('shared') !== undefined && CpuSet.parse(cpusOf('shared') ?? '').intersection(own).isEmpty, 'shared makes room');
  const group = new CgroupHierarchy(detectLayout(readFileSync('/proc/self/mountinfo', 'utf8')));
  const { quota } = await group.settings(`/kubepods/pod${world.pod('own').metadata.uid}`);
  assert.equal(quota, Infinity, 'nothing else holds it back');
  world.server.erase(pods, 'own', 'default');
  await until(() => cpusOf('shared') === CpuSet.of(cpus.map(({ cpu }) => cpu)).toString(), 'shared has all again');
});
