// The podresources API over its socket, of a kubelet over a fake API and a fake runtime.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { resourceclaims } from '#api/resources.ts';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import type { New } from '#api/types.ts';
import { Connection } from '#cri/connection.ts';
import { startDriver } from '../dra/testing.ts';
import { ask, pluginCall } from '../plugins/plugin-api.ts';
import { container, pod } from '../testing/pods.ts';
import { startWorld, type World } from '../testing/world.ts';
import { POD_RESOURCES_SERVICE, podResourcesCodec, type PodResources } from './api.ts';

const method = <Request, Response>(name: string, request: string, response: string) =>
  pluginCall<Request, Response>(podResourcesCodec, `/${POD_RESOURCES_SERVICE}/${name}`, request, response);
const LIST = method<object, { readonly podResources: readonly PodResources[] }>('List', 'Empty', 'Listed');
const ALLOCATABLE = method<object, object>('GetAllocatableResources', 'Empty', 'Allocatable');
const GET = method<{ readonly podName: string; readonly podNamespace: string }, { readonly podResources: PodResources }>(
  'Get',
  'PodName',
  'Got',
);

function calls(t: TestContext, world: World) {
  const connection = new Connection(join(world.folder, 'root', 'pod-resources', 'kubelet.sock'), silentLogger, 'podresources');
  t.after(() => connection.close());
  const caller = { connection, clock: systemClock, timeoutMs: 5_000 };
  return {
    list: async () => (await ask(caller, LIST, {})).podResources,
    allocatable: () => ask(caller, ALLOCATABLE, {}),
    get: async (podNamespace: string, podName: string) => (await ask(caller, GET, { podName, podNamespace })).podResources,
  };
}

const nothing = (name: string) => ({ name, devices: [], cpuIds: [], memory: [], dynamicResources: [] });

test('whoever asks is told which devices of which claims each container holds', async (t) => {
  const world = await startWorld(t);
  const driver = await startDriver(t, { registry: join(world.folder, 'root', 'plugins_registry'), folder: world.folder });
  await driver.registered();
  world.server.seed(resourceclaims, {
    metadata: { name: 'gpu', namespace: 'default', uid: 'uid-gpu' },
    spec: {},
    status: {
      allocation: { devices: { results: [{ request: 'one', driver: 'gpu.vendor.test', pool: 'pool', device: 'gpu-0' }] } },
      reservedFor: [{ resource: 'pods', name: 'web', uid: 'uid-web' }],
    },
  } as unknown as New<ResourceClaim>);
  world.runtime.behave('setup', { started: (started) => world.runtime.exit(started, 0) });
  world.bind(
    pod({
      name: 'web',
      spec: {
        resourceClaims: [{ name: 'card', resourceClaimName: 'gpu' }],
        initContainers: [container('setup'), container('proxy', { restartPolicy: 'Always' })],
        containers: [container('app', { resources: { claims: [{ name: 'card' }] } }), container('plain')],
      },
    }),
  );
  const api = calls(t, world);
  await world.until(() => world.pod('web').status.phase === 'Running', 'web runs');

  const web = {
    name: 'web',
    namespace: 'default',
    containers: [
      nothing('proxy'),
      {
        ...nothing('app'),
        dynamicResources: [
          {
            claimName: 'gpu',
            claimNamespace: 'default',
            claimResources: [
              { cdiDevices: [{ name: 'vendor.test/gpu=uid-gpu' }], driverName: 'gpu.vendor.test', poolName: 'pool', deviceName: 'gpu-0' },
            ],
          },
        ],
      },
      nothing('plain'),
    ],
  };
  assert.deepEqual(await api.list(), [web]);
  assert.deepEqual(await api.get('default', 'web'), web);
  assert.deepEqual(await api.allocatable(), { devices: [], cpuIds: [], memory: [] });
  await assert.rejects(api.get('default', 'other'), /code = Unknown desc = pod other in namespace default not found/);
});

test('a pod that is over holds nothing, and the next kubelet answers on the same socket', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'job', spec: { restartPolicy: 'Never', containers: [container('app')] } }));
  await world.until(() => world.pod('job').status.phase === 'Running', 'job runs');
  await world.restart();
  const api = calls(t, world);
  assert.deepEqual(
    (await api.list()).map(({ name }) => name),
    ['job'],
  );
  world.runtime.exit(world.runtime.container('app'), 0);
  await world.until(() => world.pod('job').status.phase === 'Succeeded', 'job is over');
  await world.settle();
  assert.deepEqual(await api.list(), []);
});

test('whoever asks too often is turned away, until time has gone by', async (t) => {
  const world = await startWorld(t);
  const api = calls(t, world);
  for (let i = 0; i < 9; i++) await api.list();
  await assert.rejects(api.get('default', 'other'), /not found/);
  await assert.rejects(api.allocatable(), /code = ResourceExhausted desc = rejected by rate limit/);
  world.clock.advance(10);
  assert.deepEqual(await api.list(), []);
  const figures = world.kubelet.view.figures();
  for (const line of [
    'requests_total{server_api_version="v1"} 11',
    'requests_list{server_api_version="v1"} 10',
    'errors_get{server_api_version="v1"} 1',
  ])
    assert.ok(figures.includes(`\nkubelet_pod_resources_endpoint_${line}\n`), line);
});

test('whoever asks is told which CPUs and which memory a container has to itself', async (t) => {
  const world = await startWorld(t, {
    config: {
      cpuManagerPolicy: 'static',
      memoryManagerPolicy: 'Static',
      kubeReserved: { cpu: '500m', memory: '412Mi' },
      reservedMemory: [{ numaNode: 0, limits: { memory: '512Mi' } }],
    },
  });
  const amounts = { cpu: '2', memory: '1Gi' };
  const own = container('app', { resources: { requests: amounts, limits: amounts } });
  world.bind(pod({ name: 'own', spec: { containers: [own] }, status: { qosClass: 'Guaranteed' } }));
  await world.until(() => world.pod('own').status.phase === 'Running', 'own runs');
  const api = calls(t, world);
  const memory = (size: bigint) => [{ memoryType: 'memory', size, topology: { nodes: [{ id: 0n }] } }];
  const shown = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each)));
  assert.deepEqual(
    shown((await api.get('default', 'own')).containers),
    shown([{ ...nothing('app'), cpuIds: [1, 2], memory: memory(2n ** 30n) }]),
  );
  assert.deepEqual(shown(await api.allocatable()), shown({ devices: [], cpuIds: [1, 2, 3], memory: memory(2n ** 33n - 2n ** 29n) }));
});
