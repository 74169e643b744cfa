import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import { deviceclasses, nodes, pods, resourceclaims, resourceslices } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { internalError, StatusError } from '#apimachinery/errors.ts';
import { node, pod, type RunningScheduler, startScheduler } from '../../testing.ts';
import { claim, deviceClass, request, slice } from './testing.ts';

type Server = RunningScheduler['server'];

const user = (name: string, claimName: string, more: New<Pod> = {}): Pod =>
  pod(name, {}, { resourceClaims: [{ name: 'gpu', resourceClaimName: claimName }] }, more);

/** Two nodes, the second with two devices. */
function seedDevices(server: Server): void {
  server.seed(nodes, node('plain'), node('gpus'));
  server.seed(deviceclasses, deviceClass('gpu'));
  server.seed(resourceslices, slice('gpus', [{ name: 'a' }, { name: 'b' }]));
}

const nodeOf =
  ({ server }: RunningScheduler, name: string) =>
  (): string | undefined =>
    server.stored(pods).find(({ metadata }) => metadata.name === name)?.spec.nodeName;

const claimNamed = ({ server }: RunningScheduler, name: string): ResourceClaim | undefined =>
  server.stored(resourceclaims).find(({ metadata }) => metadata.name === name);

const refusal = (running: RunningScheduler, name: string, text: RegExp) => (): true | undefined =>
  running.events.some((event) => event.pod === name && event.reason === 'FailedScheduling' && text.test(event.message)) ? true : undefined;

test('DynamicResources places a pod where its devices are, and writes them down for it first', async () => {
  const running = await startScheduler((server) => {
    seedDevices(server);
    server.seed(resourceclaims, claim('c', [request('r', { count: 2 })]));
    server.seed(pods, user('p', 'c'));
  });
  assert.equal(await running.until(nodeOf(running, 'p')), 'gpus');
  await running.stop();
  const { metadata, status } = claimNamed(running, 'c') as ResourceClaim;
  assert.deepEqual(metadata.finalizers, ['resource.kubernetes.io/delete-protection']);
  assert.deepEqual(status.reservedFor, [{ resource: 'pods', name: 'p', uid: 'p' }]);
  assert.deepEqual(
    status.allocation?.devices.results?.map(({ device }) => device),
    ['a', 'b'],
  );
  const order = running.server.actions
    .map(({ verb, resource }) => `${verb} ${resource}`)
    .filter((action) => !/get|list|watch/.test(action));
  assert.ok(order.indexOf('update resourceclaims/status') < order.findIndex((action) => action.endsWith('pods/binding')));
});

test('DynamicResources lets pods share a claim, and gives a device once', async () => {
  const running = await startScheduler((server) => {
    seedDevices(server);
    server.seed(resourceclaims, claim('shared', [request('r')]), claim('own', [request('r')]), claim('late', [request('r')]));
    server.seed(pods, user('p1', 'shared'), user('p2', 'shared'), user('q', 'own'));
  });
  for (const name of ['p1', 'p2', 'q']) assert.equal(await running.until(nodeOf(running, name)), 'gpus');
  const devices = ['shared', 'own'].map((name) => claimNamed(running, name)?.status.allocation?.devices.results?.[0]?.device);
  assert.deepEqual(new Set(devices), new Set(['a', 'b']));
  assert.equal(claimNamed(running, 'shared')?.status.reservedFor?.length, 2);
  running.server.seed(pods, user('r', 'late'));
  await running.until(
    refusal(running, 'r', /^0\/2 nodes are available: 2 cannot allocate all claims\. still not schedulable, preemption: /),
  );
  // A device that is free again wakes whoever waits for one.
  const own = claimNamed(running, 'own') as ResourceClaim;
  await running.client.update(resourceclaims, { ...own, status: {} }, { subresource: 'status' });
  assert.equal(await running.until(nodeOf(running, 'r')), 'gpus');
  await running.stop();
});

test('DynamicResources keeps a pod from the queue until its claim is there, and until its class and devices are', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, node('gpus'));
    server.seed(pods, user('p', 'c'));
  });
  running.server.seed(resourceclaims, claim('c', [request('r')]));
  await running.until(refusal(running, 'p', /^0\/1 nodes are available: request r: device class gpu does not exist\./));
  running.server.seed(deviceclasses, deviceClass('gpu'));
  await running.until(refusal(running, 'p', /^0\/1 nodes are available: 1 cannot allocate all claims\./));
  running.server.seed(resourceslices, slice('gpus', [{ name: 'a' }]));
  assert.equal(await running.until(nodeOf(running, 'p')), 'gpus');
  await running.stop();
});

test('DynamicResources follows a claim that has its devices already, and gives one up that nobody uses', async () => {
  const allocated = (on: string, reservedFor: readonly object[]): New<ResourceClaim> => ({
    status: {
      allocation: {
        devices: { results: [{ request: 'r', driver: 'gpu.example.com', pool: 'gpus', device: 'a' }] },
        nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [on] }] }] },
      },
      reservedFor,
    } as never,
  });
  const running = await startScheduler((server) => {
    seedDevices(server);
    server.seed(
      resourceclaims,
      claim('here', [request('r')], allocated('plain', [])),
      claim('gone', [request('r')], allocated('lost', [])),
    );
    server.seed(pods, user('p', 'here'), user('q', 'gone'));
  });
  assert.equal(await running.until(nodeOf(running, 'p')), 'plain');
  await running.until(
    refusal(running, 'q', /2 resourceclaim not available on the node\. deallocation of ResourceClaim completed, preemption: /),
  );
  assert.equal(await running.until(nodeOf(running, 'q')), 'gpus');
  await running.stop();
});

test('DynamicResources tries again what a write in between spoilt, and takes back what a refused binding leaves', async () => {
  const running = await startScheduler((server) => {
    seedDevices(server);
    server.seed(resourceclaims, claim('c', [request('r')]));
    server.seed(pods, user('p', 'c'));
    server.failNext({ resource: 'resourceclaims', subresource: 'status' }, new StatusError('Conflict', 'spoilt'));
    server.failNext({ resource: 'pods', subresource: 'binding' }, internalError(new Error('etcd is away')));
  });
  assert.equal(await running.until(nodeOf(running, 'p')), 'gpus');
  await running.stop();
  assert.equal(claimNamed(running, 'c')?.status.reservedFor?.length, 1);
});

// Source: bindClaim.
for (const c of [
  { verb: 'update', subresource: 'status', told: /"DynamicResources": add allocation and reservation to claim ns\/c: .*etcd is away$/ },
  { verb: 'update', subresource: undefined, told: /"DynamicResources": add finalizer to claim ns\/c: .*etcd is away$/ },
] as const) {
  test(`DynamicResources tells which write failed: ${c.subresource ?? 'the claim itself'}`, async () => {
    const running = await startScheduler((server) => {
      seedDevices(server);
      server.seed(resourceclaims, claim('c', [request('r')]));
      const { verb, subresource } = c;
      const write = { verb, resource: 'resourceclaims', ...(subresource === undefined ? {} : { subresource }) };
      server.failNext(write, internalError(new Error('etcd is away')));
      server.seed(pods, user('p', 'c'));
    });
    await running.until(refusal(running, 'p', c.told));
    assert.equal(await running.until(nodeOf(running, 'p')), 'gpus');
    await running.stop();
  });
}
