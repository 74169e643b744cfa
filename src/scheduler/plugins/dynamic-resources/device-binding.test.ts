import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import { deviceclasses, nodes, pods, resourceclaims, resourceslices } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { internalError } from '#apimachinery/errors.ts';
import { node, pod, type RunningScheduler, startScheduler } from '../../testing.ts';
import { claim, deviceClass, request, slice } from './testing.ts';

type Server = RunningScheduler['server'];

const user = (name: string, claimName: string): Pod => pod(name, {}, { resourceClaims: [{ name: 'gpu', resourceClaimName: claimName }] });
const conditional = { bindingConditions: ['Attached'], bindingFailureConditions: ['Broken'], bindsToNode: true };

/** A device on each of two nodes, both to be made ready. */
function seedDevices(server: Server): void {
  server.seed(nodes, node('n1'), node('n2'));
  server.seed(deviceclasses, deviceClass('gpu'), deviceClass('card', { extendedResourceName: 'example.com/card' }));
  server.seed(resourceslices, slice('n1', [{ name: 'a', ...conditional }]), slice('n2', [{ name: 'b', ...conditional }]));
}

const podNamed = ({ server }: RunningScheduler, name: string): Pod | undefined =>
  server.stored(pods).find(({ metadata }) => metadata.name === name);
const nodeOf = (running: RunningScheduler, name: string) => (): string | undefined => podNamed(running, name)?.spec.nodeName;
const claimNamed = ({ server }: RunningScheduler, name: string): ResourceClaim | undefined =>
  server.stored(resourceclaims).find(({ metadata }) => metadata.name === name);
const told = (running: RunningScheduler, reason: string, text: RegExp) => (): true | undefined =>
  running.events.some((event) => event.reason === reason && text.test(event.message)) ? true : undefined;

/** The driver says of the claim's device that `type` is so. */
async function say(running: RunningScheduler, name: string, type: string): Promise<void> {
  const current = claimNamed(running, name) as ResourceClaim;
  const [result] = current.status.allocation?.devices.results ?? [];
  assert.ok(result !== undefined);
  const { driver, pool, device } = result;
  const condition = { type, status: 'True', reason: 'Test', message: `it is "${type}"`, lastTransitionTime: '2026-01-01T00:00:00Z' };
  const devices = [{ driver, pool, device, conditions: [condition] }];
  await running.client.update(resourceclaims, { ...current, status: { ...current.status, devices } } as never, { subresource: 'status' });
}

const PENDING = /^waiting for binding conditions for device on node n[12]$/;

test('DynamicResources binds a pod when its device is ready, and not before', async () => {
  const running = await startScheduler((server) => {
    seedDevices(server);
    server.seed(resourceclaims, claim('c', [request('r')]));
    server.seed(pods, user('p', 'c'));
  });
  await running.until(told(running, 'BindingConditionsPending', PENDING));
  assert.equal(nodeOf(running, 'p')(), undefined);
  assert.equal(claimNamed(running, 'c')?.status.reservedFor?.length, 1);
  const expected = podNamed(running, 'p')?.status.nominatedNodeName;
  assert.match(expected ?? '', /^n[12]$/);
  await say(running, 'c', 'Attached');
  const [name] = claimNamed(running, 'c')?.status.allocation?.nodeSelector?.nodeSelectorTerms[0]?.matchFields?.[0]?.values ?? [];
  assert.equal(await running.until(nodeOf(running, 'p')), name);
  assert.equal(name, expected);
  await running.stop();
});

test('DynamicResources takes another device where the driver gives one up', async () => {
  const running = await startScheduler((server) => {
    seedDevices(server);
    server.seed(resourceclaims, claim('c', [request('r')]));
    server.seed(pods, user('p', 'c'));
  });
  const deviceOf = (): string | undefined => claimNamed(running, 'c')?.status.allocation?.devices.results?.[0]?.device;
  const first = await running.until(deviceOf);
  await say(running, 'c', 'Broken');
  await running.until(
    told(
      running,
      'FailedScheduling',
      /^running PreBind plugin "DynamicResources": claim c binding failed: reason=Test, message="it is \\"Broken\\""$/,
    ),
  );
  await running.until(
    told(running, 'FailedScheduling', /resourceclaim not available on the node.*deallocation of ResourceClaim completed/),
  );
  // The driver takes the broken device out of its slice.
  const broken = first === 'a' ? 'n1' : 'n2';
  const [published] = running.server.stored(resourceslices).filter(({ spec }) => spec.nodeName === broken);
  await running.client.delete(resourceslices, (published as never as { metadata: { name: string } }).metadata);
  await running.until(() => (deviceOf() !== undefined && deviceOf() !== first ? true : undefined));
  await say(running, 'c', 'Attached');
  assert.equal(await running.until(nodeOf(running, 'p')), broken === 'n1' ? 'n2' : 'n1');
  await running.stop();
});

test('DynamicResources waits for devices no longer than it may', async () => {
  const config = {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    profiles: [{ pluginConfig: [{ name: 'DynamicResources', args: { bindingTimeout: '1s' } }] }],
  };
  const running = await startScheduler(
    (server) => {
      seedDevices(server);
      server.seed(resourceclaims, claim('c', [request('r')]));
      server.seed(pods, user('p', 'c'));
    },
    { config },
  );
  await running.until(told(running, 'FailedScheduling', /^running PreBind plugin "DynamicResources": (claim c|device) binding timeout$/));
  await running.until(told(running, 'FailedScheduling', /deallocation of ResourceClaim completed/));
  await running.stop();
});

/** Asks for cards by number, as for any extended resource. */
const cardUser = (name: string, cards: string): Pod => pod(name, { cpu: '1', 'example.com/card': cards });

test('DynamicResources makes the claim that stands for extended resources, and tells the pod', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, node('plain'), node('cards'));
    server.seed(deviceclasses, deviceClass('card', { extendedResourceName: 'example.com/card' }));
    server.seed(resourceslices, slice('cards', [{ name: 'a' }, { name: 'b' }, { name: 'c' }]));
    server.seed(pods, cardUser('p', '2'));
  });
  assert.equal(await running.until(nodeOf(running, 'p')), 'cards');
  const [made] = running.server.stored(resourceclaims);
  assert.ok(made !== undefined);
  assert.match(made.metadata.name, /^p-extended-resources-/);
  assert.equal(made.metadata.annotations?.['resource.kubernetes.io/extended-resource-claim'], 'true');
  assert.deepEqual(made.metadata.ownerReferences, [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'p', controller: true }]);
  assert.deepEqual(made.spec.devices.requests, [
    { name: 'container-0-request-1', exactly: { deviceClassName: 'card', allocationMode: 'ExactCount', count: 2 } },
  ]);
  assert.equal(made.status.allocation?.devices.results?.length, 2);
  assert.deepEqual(podNamed(running, 'p')?.status.extendedResourceClaimStatus, {
    requestMappings: [{ containerName: 'c', resourceName: 'example.com/card', requestName: 'container-0-request-1' }],
    resourceClaimName: made.metadata.name,
  });
  // One is left.
  running.server.seed(pods, cardUser('q', '2'));
  await running.until(told(running, 'FailedScheduling', /^0\/2 nodes are available: 2 cannot allocate all claims\./));
  running.server.seed(pods, cardUser('r', '1'));
  assert.equal(await running.until(nodeOf(running, 'r')), 'cards');
  await running.stop();
});

test('DynamicResources leaves extended resources to nodes that have them, and waits for a class otherwise', async () => {
  const running = await startScheduler((server) => {
    server.seed(
      nodes,
      node('plugin', { status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110', 'example.com/card': '1' } } }),
      node('cards'),
    );
    server.seed(resourceslices, slice('cards', [{ name: 'a' }]));
    server.seed(pods, cardUser('p', '1'));
  });
  assert.equal(await running.until(nodeOf(running, 'p')), 'plugin');
  running.server.seed(pods, cardUser('q', '1'));
  await running.until(told(running, 'FailedScheduling', /^0\/2 nodes are available: 2 Insufficient example.com\/card\./));
  running.server.seed(deviceclasses, deviceClass('card', { extendedResourceName: 'example.com/card' }));
  assert.equal(await running.until(nodeOf(running, 'q')), 'cards');
  assert.equal(running.server.stored(resourceclaims).length, 1);
  await running.stop();
});

test('DynamicResources takes the claim for extended resources back when the binding fails', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, node('cards'));
    server.seed(deviceclasses, deviceClass('card', { extendedResourceName: 'example.com/card' }));
    server.seed(resourceslices, slice('cards', [{ name: 'a' }]));
    server.seed(pods, cardUser('p', '1'));
    server.failNext({ resource: 'pods', subresource: 'binding' }, internalError(new Error('etcd is away')));
  });
  assert.equal(await running.until(nodeOf(running, 'p')), 'cards');
  await running.stop();
  const left = running.server.stored(resourceclaims);
  assert.equal(left.length, 1);
  assert.equal(podNamed(running, 'p')?.status.extendedResourceClaimStatus?.resourceClaimName, left[0]?.metadata.name);
});

test('DynamicResources prefers nodes where an earlier alternative can be had', async () => {
  const alternatives = {
    name: 'r',
    firstAvailable: [
      {
        name: 'best',
        deviceClassName: 'gpu',
        allocationMode: 'ExactCount',
        count: 1,
        selectors: [{ cel: { expression: "device.attributes['gpu.example.com'].fast" } }],
      },
      { name: 'any', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 },
    ],
  };
  const speed = (fast: boolean) => [{ name: 'd', attributes: { fast: { bool: fast } } }];
  const running = await startScheduler((server) => {
    server.seed(nodes, node('n1'), node('n2'), node('n3'));
    server.seed(deviceclasses, deviceClass('gpu'));
    server.seed(resourceslices, slice('n1', speed(false)), slice('n2', speed(true)), slice('n3', speed(false)));
    server.seed(resourceclaims, claim('c', [alternatives as never]));
    server.seed(pods, user('p', 'c'));
  });
  assert.equal(await running.until(nodeOf(running, 'p')), 'n2');
  await running.stop();
});
