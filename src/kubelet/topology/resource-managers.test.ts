// CPUs of their own for containers, of a kubelet over a fake API and a fake runtime.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { container, pod } from '../testing/pods.ts';
import { startDevicePlugin } from '../devices/testing.ts';
import { startWorld, type World } from '../testing/world.ts';

const CARD = 'vendor.test/card';
const STATIC = { cpuManagerPolicy: 'static', kubeReserved: { cpu: '500m' }, cpuManagerReconcilePeriod: 10_000 };
const list = (cpu: string) => ({ requests: { cpu, memory: '64Mi' }, limits: { cpu, memory: '64Mi' } });
const pinned = (name: string, cpu: string): Pod =>
  pod({ name, spec: { containers: [container('app', { resources: list(cpu) })] }, status: { qosClass: 'Guaranteed' } });

/** What the runtime was told of the newest container of a pod. */
function made(world: World, name: string): { readonly cpusetCpus: string; readonly cpuQuota: number } {
  const call = world.runtime.calls.findLast(
    ({ method, request }) => method === 'createContainer' && JSON.stringify(request['sandboxConfig']).includes(`"name":"${name}"`),
  );
  assert.ok(call !== undefined, `no container of ${name} was made`);
  const { linux } = call.request['config'] as { readonly linux: { readonly resources: ReturnType<typeof made> } };
  return linux.resources;
}

const moves = (world: World): readonly string[] =>
  world.runtime.calls
    .filter(({ method }) => method === 'updateContainerResources')
    .map(({ request }) => (request['linux'] as { readonly cpusetCpus: string }).cpusetCpus);

const state = (world: World): Record<string, unknown> =>
  JSON.parse(readFileSync(join(world.folder, 'root', 'cpu_manager_state'), 'utf8')) as Record<string, unknown>;

test('a guaranteed pod has its CPUs to itself, until it is over, and over a restart', async (t) => {
  const world = await startWorld(t, { config: STATIC });
  world.bind(pod({ name: 'shared' }));
  await world.until(() => world.pod('shared').status.phase === 'Running', 'shared runs');
  assert.equal(made(world, 'shared').cpusetCpus, '0-3');
  world.bind(pinned('own', '2'));
  await world.until(() => world.pod('own').status.phase === 'Running', 'own runs');
  const { cpusetCpus, cpuQuota } = made(world, 'own');
  assert.deepEqual([cpusetCpus, cpuQuota], ['1-2', -1]);
  assert.deepEqual(
    [state(world)['policyName'], state(world)['defaultCpuSet'], state(world)['entries']],
    ['static', '0,3', { 'uid-own': { app: '1-2' } }],
  );
  await world.advanceUntil(() => moves(world).includes('0,3'), 20_000, 'the shared pod makes room');

  await world.restart();
  await world.settle();
  assert.deepEqual(state(world)['entries'], { 'uid-own': { app: '1-2' } });
  const figures = world.kubelet.view.figures();
  for (const line of ['cpu_manager_shared_pool_size_millicores 1000', 'cpu_manager_exclusive_cpu_allocation_count 2'])
    assert.ok(figures.includes(`kubelet_${line}\n`), line);

  world.bind(pinned('more', '2'));
  await world.until(() => world.pod('more').status.phase === 'Failed', 'more is refused');
  assert.equal(world.pod('more').status.reason, 'UnexpectedAdmissionError');
  assert.equal(
    world.pod('more').status.message,
    'Pod was rejected: Allocate failed due to not enough cpus available to satisfy request: requested=2, available=1, which is unexpected',
  );
});

const TWO_NODES = {
  cpus: [0, 1, 2, 3].map((cpu) => ({ cpu, core: cpu % 2, socket: 0, numaNode: cpu % 2, uncoreCache: 0 })),
  nodes: [0, 1].map((id) => ({ id, memory: 4 * 2 ** 30, hugePages: {}, distances: [] })),
};

test('whole cores are refused to those who do not ask for whole ones', async (t) => {
  const world = await startWorld(t, {
    config: { ...STATIC, cpuManagerPolicyOptions: { 'full-pcpus-only': 'true' }, topologyManagerPolicy: 'single-numa-node' },
    machine: { topology: TWO_NODES },
  });
  world.bind(pinned('odd', '1'));
  await world.until(() => world.pod('odd').status.phase === 'Failed', 'odd is refused');
  assert.deepEqual(
    [world.pod('odd').status.reason, world.pod('odd').status.message],
    ['SMTAlignmentError', 'Pod was rejected: SMT Alignment Error: requested 1 cpus not multiple cpus per core = 2'],
  );
  world.bind(pinned('fits', '2'));
  await world.until(() => world.pod('fits').status.phase === 'Running', 'fits runs');
  assert.equal(made(world, 'fits').cpusetCpus, '1,3');
});

test('a pod that cannot stay within one NUMA node is refused where it must', async (t) => {
  const world = await startWorld(t, { config: { ...STATIC, topologyManagerPolicy: 'single-numa-node' }, machine: { topology: TWO_NODES } });
  world.bind(pinned('wide', '3'));
  await world.until(() => world.pod('wide').status.phase === 'Failed', 'wide is refused');
  assert.deepEqual(
    [world.pod('wide').status.reason, world.pod('wide').status.message],
    ['TopologyAffinityError', 'Pod was rejected: Resources cannot be allocated with Topology locality'],
  );
  assert.match(world.kubelet.view.figures(), /^kubelet_topology_manager_admission_errors_total 1$/m);
});

test('devices, CPUs and memory lie together, or the pod is refused', async (t) => {
  const world = await startWorld(t, {
    config: { ...STATIC, topologyManagerPolicy: 'restricted', kubeReserved: { cpu: '1' } },
    machine: { topology: TWO_NODES },
  });
  const plugin = await startDevicePlugin(t, { folder: join(world.folder, 'root', 'device-plugins') });
  plugin.list('near@0', 'far@1', 'other@1');
  await plugin.register();
  await world.until(() => world.node().status?.allocatable?.[CARD] === '3', 'the node shows its cards');
  const using = (name: string, cpu: string, cards: string): Pod => {
    const amounts = { cpu, memory: '64Mi', [CARD]: cards };
    const resources = { requests: amounts, limits: amounts };
    return pod({ name, spec: { containers: [container('app', { resources })] }, status: { qosClass: 'Guaranteed' } });
  };
  // CPU 0 is reserved: of two CPUs only those of node 1 are of one node, and the card follows them.
  world.bind(using('both', '2', '1'));
  await world.until(() => world.pod('both').status.phase === 'Running', 'both runs');
  assert.equal(made(world, 'both').cpusetCpus, '1,3');
  assert.deepEqual(plugin.calls, ['allocate far']);
  // The CPU that is left is of node 0, two cards are of both.
  world.bind(using('apart', '1', '2'));
  await world.until(() => world.pod('apart').status.phase === 'Failed', 'apart is refused');
  assert.equal(world.pod('apart').status.reason, 'TopologyAffinityError');
});

for (const [config, words] of [
  [{ cpuManagerPolicy: 'static' }, 'the static policy requires systemreserved.cpu + kubereserved.cpu to be greater than zero'],
  [{ ...STATIC, cpuManagerPolicyOptions: { other: 'true' } }, 'unknown CPU Manager Policy option: "other"'],
  [
    { ...STATIC, cpuManagerPolicyOptions: { 'distribute-cpus-across-cores': 'true' } },
    'CPU Manager Policy Alpha-level Options not enabled, but option "distribute-cpus-across-cores" provided',
  ],
  [{ ...STATIC, reservedSystemCPUs: '9' }, 'unable to build the reserved physical CPUs from the reserved set: unknown CPU ID: 9'],
  [{ cpuManagerPolicy: 'other' }, 'unknown policy: "other"'],
  [{ memoryManagerPolicy: 'Static', evictionHard: {} }, 'you should specify the system reserved memory'],
  [{ topologyManagerPolicyOptions: { other: 'x' } }, 'unknown Topology Manager Policy option: "other"'],
] as const) {
  test(`a kubelet does not start where ${words}`, async (t) => {
    await assert.rejects(startWorld(t, { config }), (error: Error) => error.message.includes(words));
  });
}

test('CPUs of static pods are theirs while their folder cannot be read', async (t) => {
  const folder = join(temporaryFolder(t), 'manifests');
  mkdirSync(folder);
  const { spec } = pinned('keeper', '1');
  writeFileSync(join(folder, 'keeper.yaml'), JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'keeper' }, spec }));
  const world = await startWorld(t, { config: { ...STATIC, staticPodPath: folder } });
  await world.until(() => world.server.stored(pods).some(({ status }) => status.phase === 'Running'));
  assert.equal(made(world, 'keeper-node').cpusetCpus, '1');
  await world.kubelet.stop();
  renameSync(folder, `${folder}-away`);
  symlinkSync(folder, folder); // it cannot be read
  await world.restart();
  world.bind(pinned('own', '1'));
  await world.until(() => world.pod('own').status.phase === 'Running', 'own runs');
  assert.equal(made(world, 'own').cpusetCpus, '2');
});
