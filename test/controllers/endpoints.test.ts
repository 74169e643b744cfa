import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { after, before, test } from 'node:test';
import { endpoints, endpointslices, nodes, pods, services } from '#api/resources.ts';
import type { Endpoints, New, Pod, Service } from '#api/types.ts';
import { endpointsController } from '#controllers/endpoints/controller.ts';
import { endpointSliceController } from '#controllers/endpointslice/controller.ts';
import { endpointSliceMirroringController } from '#controllers/endpointslice-mirroring/controller.ts';
import { garbageCollector } from '#controllers/garbage-collector/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({
    controllers: [endpointsController, endpointSliceController, endpointSliceMirroringController, garbageCollector],
  });
  await t.client.create(nodes, { metadata: { name: 'n1' } });
});
after(() => t.stop());

const slicesOf = async (name: string) =>
  (await t.client.list(endpointslices, { namespace: 'ns', labelSelector: `kubernetes.io/service-name=${name}` })).items;
const legacy = async (name: string): Promise<Endpoints | undefined> =>
  (await t.client.list(endpoints, { namespace: 'ns', fieldSelector: `metadata.name=${name}` })).items[0];

const addresses = async (name: string): Promise<string> =>
  [
    ((await legacy(name))?.subsets ?? []).flatMap((subset) => subset.addresses ?? []).map(({ ip }) => ip),
    (await slicesOf(name))
      .flatMap((slice) => slice.endpoints ?? [])
      .filter(({ conditions }) => conditions.ready === true)
      .flatMap((one) => one.addresses),
  ]
    .map((list) => list.toSorted((a, b) => (a < b ? -1 : 1)).join())
    .join(' | ');

const eventually = (name: string, want: string) => t.until(async () => ((await addresses(name)) === want ? true : undefined));

async function run(name: string, ip: string, ready: boolean): Promise<void> {
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] };
  await t.client.patch(pods, { name, namespace: 'ns' }, { type: 'merge', body: { status } }, { subresource: 'status' });
}

test('both forms of a Service’s endpoints follow its pods, and go with it', async () => {
  await t.client.create(services, {
    metadata: { name: 'web', namespace: 'ns' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  } as New<Service>);
  for (const name of ['a', 'b'])
    await t.client.create(pods, {
      metadata: { name, namespace: 'ns', labels: { app: 'web' } },
      spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
    } as New<Pod>);
  await run('a', '10.0.0.1', true);
  await run('b', '10.0.0.2', false);
  await eventually('web', '10.0.0.1 | 10.0.0.1');
  await run('b', '10.0.0.2', true);
  await eventually('web', '10.0.0.1,10.0.0.2 | 10.0.0.1,10.0.0.2');
  await t.client.delete(pods, { name: 'a', namespace: 'ns' });
  await eventually('web', '10.0.0.2 | 10.0.0.2');
  assert.equal((await slicesOf('web'))[0]?.metadata.ownerReferences?.[0]?.kind, 'Service');
  await t.client.delete(services, { name: 'web', namespace: 'ns' });
  await t.until(async () => ((await slicesOf('web')).length === 0 && (await legacy('web')) === undefined ? true : undefined));
});

test('a port by name is there with the pods that have it, for each of them under its number; slices that are deleted come back', async () => {
  await t.client.create(services, {
    metadata: { name: 'multi', namespace: 'ns' },
    spec: {
      selector: { app: 'multi' },
      ports: [
        { name: 'portname1', port: 80, targetPort: 'svc1' },
        { name: 'portname2', port: 81, targetPort: 'svc2' },
      ],
    },
  } as New<Service>);
  for (const [name, ip, port] of [
    ['pod1', '10.0.1.1', { name: 'svc1', containerPort: 100 }],
    ['pod2', '10.0.1.2', { name: 'svc2', containerPort: 101 }],
  ] as const) {
    const spec = { nodeName: 'n1', containers: [{ name: 'c', image: 'i', ports: [port] }] };
    await t.client.create(pods, { metadata: { name, namespace: 'ns', labels: { app: 'multi' } }, spec } as New<Pod>);
    await run(name, ip, true);
  }
  const seen = async (): Promise<readonly string[]> =>
    (await slicesOf('multi'))
      .map(({ endpoints: each, ports }) =>
        [
          ...(each ?? []).map(({ addresses: [address], targetRef }) => `${targetRef?.kind} ${targetRef?.name} ${address}`),
          ...(ports ?? []).map((one) => `${one.name}:${one.port}`),
        ].join(' '),
      )
      .toSorted();
  const inOneObject = async (): Promise<readonly string[]> =>
    ((await legacy('multi'))?.subsets ?? [])
      .map(({ addresses: each = [], ports = [] }) => [each[0]?.targetRef?.name, ...ports.map((one) => `${one.name}:${one.port}`)].join(' '))
      .toSorted();
  const wanted = ['Pod pod1 10.0.1.1 portname1:100', 'Pod pod2 10.0.1.2 portname2:101'];
  const wantedInOne = ['pod1 portname1:100', 'pod2 portname2:101'];
  const there = (): Promise<unknown> =>
    t.until(async () => (isDeepStrictEqual([await seen(), await inOneObject()], [wanted, wantedInOne]) ? true : undefined));
  await there();
  for (const { metadata } of await slicesOf('multi')) await t.client.delete(endpointslices, metadata);
  await there();
});

test('Endpoints made by hand are mirrored, followed and taken back', async () => {
  await t.client.create(services, { metadata: { name: 'ext', namespace: 'ns' }, spec: { ports: [{ port: 5432 }] } } as New<Service>);
  const made = await t.client.create(endpoints, {
    metadata: { name: 'ext', namespace: 'ns' },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 5432, protocol: 'TCP' }] }],
  } as New<Endpoints>);
  await eventually('ext', '192.0.2.1 | 192.0.2.1');
  const [slice] = await slicesOf('ext');
  assert.equal(slice?.metadata.labels?.['endpointslice.kubernetes.io/managed-by'], 'endpointslicemirroring-controller.k8s.io');
  await t.client.patch(endpoints, made.metadata, {
    type: 'merge',
    body: { subsets: [{ addresses: [{ ip: '192.0.2.2' }], ports: [{ port: 5432, protocol: 'TCP' }] }] },
  });
  await eventually('ext', '192.0.2.2 | 192.0.2.2');
  await t.client.delete(endpoints, made.metadata);
  await t.until(async () => ((await slicesOf('ext')).length === 0 ? true : undefined));
});

test('Endpoints whose Service went while nobody looked are removed at the next start', async () => {
  const spec = { selector: { app: 'left' }, ports: [{ port: 80 }] };
  await t.client.create(services, { metadata: { name: 'left', namespace: 'ns' }, spec } as New<Service>);
  await t.until(() => legacy('left'));
  await t.restart(() => t.client.delete(services, { name: 'left', namespace: 'ns' }));
  await t.until(async () => ((await legacy('left')) === undefined ? true : undefined));
});

test('no call of the controllers was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete)/.test(line)),
    [],
  );
});

test('a pod whose node is not there has no part in slices until it is, but where addresses are published anyway', async () => {
  const spec = { selector: { app: 'lost' }, ports: [{ port: 80 }] };
  await t.client.create(services, { metadata: { name: 'lost', namespace: 'ns' }, spec } as New<Service>);
  const open = { ...spec, publishNotReadyAddresses: true };
  await t.client.create(services, { metadata: { name: 'open', namespace: 'ns' }, spec: open } as New<Service>);
  await t.client.create(pods, {
    metadata: { name: 'stray', namespace: 'ns', labels: { app: 'lost' } },
    spec: { nodeName: 'late', containers: [{ name: 'c', image: 'i' }] },
  } as New<Pod>);
  await run('stray', '10.0.0.77', true);
  await eventually('open', '10.0.0.77 | 10.0.0.77');
  const skipped =
    'Warning FailedToUpdateEndpointSlices Error updating Endpoint Slices for Service ns/lost: skipping Pod stray for Service ns/lost: Node late Not Found';
  await t.until(async () => (t.events.includes(skipped) ? true : undefined));
  assert.equal(await addresses('lost'), '10.0.0.77 | ');
  await t.client.create(nodes, { metadata: { name: 'late' } });
  await eventually('lost', '10.0.0.77 | 10.0.0.77');
});
