// A Service that asks for hints by CPU share, over its life: enough is known, not enough, another share, and no longer asked for.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { endpointslices, nodes, pods, services } from '#api/resources.ts';
import type { New, Pod, Service } from '#api/types.ts';
import { endpointSliceController } from '#controllers/endpointslice/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [endpointSliceController] });
});
after(async () => {
  await t.stop();
  assert.deepEqual(t.warnings, []);
});

const MODE = 'service.kubernetes.io/topology-mode';
const ref = { name: 'web', namespace: 'ns' };

/** @param zone undefined: nobody knows */
async function node(name: string, zone: string | undefined, cpu: string): Promise<void> {
  const metadata = { name, labels: zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone } };
  await t.client.patch(nodes, { name }, { type: 'apply', body: { apiVersion: 'v1', kind: 'Node', metadata }, fieldManager: 'test' });
  const status = { allocatable: { cpu }, capacity: { cpu }, conditions: [{ type: 'Ready', status: 'True' }] };
  await t.client.patch(nodes, { name }, { type: 'strategic', body: { status } }, { subresource: 'status' });
}

async function pod(name: string, nodeName: string, ip: string): Promise<void> {
  await t.client.create(pods, {
    metadata: { name, namespace: 'ns', labels: { app: 'web' } },
    spec: { nodeName, containers: [{ name: 'c', image: 'i' }] },
  } as New<Pod>);
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True' }] };
  await t.client.patch(pods, { name, namespace: 'ns' }, { type: 'merge', body: { status } }, { subresource: 'status' });
}

/** The zones that the endpoints are for, in alphabetical order; `-` for one that is for all. */
async function hints(): Promise<string> {
  const { items } = await t.client.list(endpointslices, { namespace: 'ns', labelSelector: 'kubernetes.io/service-name=web' });
  const all = items.flatMap(({ endpoints }) => endpoints ?? []);
  return all
    .map((endpoint) => endpoint.hints?.forZones?.[0]?.name ?? '-')
    .sort()
    .join('');
}

const become = (want: string) => t.until(async () => ((await hints()) === want ? true : undefined));
const told = (line: string) => t.until(() => Promise.resolve(t.events.includes(line) ? true : undefined));
const annotate = (mode: string | null) =>
  t.client.patch(services, ref, { type: 'merge', body: { metadata: { annotations: { [MODE]: mode } } } });

test('endpoints get hints by the CPU of their zones while that can be told, and lose them when nobody asks', async () => {
  await node('n-a', 'a', '4');
  for (const [i, name] of ['p1', 'p2', 'p3', 'p4'].entries()) await pod(name, 'n-a', `10.0.0.${i}`);
  await t.client.create(services, {
    metadata: { ...ref, annotations: { [MODE]: 'Auto' } },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  } as New<Service>);
  await become('----');
  const unknown = 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
  await told(`Warning TopologyAwareHintsDisabled ${unknown}, addressType: IPv4`);

  await node('n-b', 'b', '4');
  await become('aabb');
  await told('Normal TopologyAwareHintsEnabled Topology Aware Hints has been enabled, addressType: IPv4');

  await pod('p5', 'n-b', '10.0.0.5');
  await pod('p6', 'n-b', '10.0.0.6');
  await become('aaabbb');

  await node('n-b', undefined, '4');
  await become('------');
  await node('n-b', 'b', '8');
  await become('aabbbb');

  await annotate(null);
  await become('------');
  await told('Warning TopologyAwareHintsDisabled Topology Aware Hints has been disabled, addressType: IPv4');
  assert.equal(t.events.filter((line) => line.includes(unknown)).length, 2, 'each time that it begins');
});
