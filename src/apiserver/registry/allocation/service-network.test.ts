import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipaddresses, servicecidrs, services } from '#api/resources.ts';
import { isStatusError, type StatusReason } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { prefixEnd } from '#store/contract.ts';
import { startLoopbackServer } from '../../testing/loopback.ts';
import { ensureDefaultServiceCidr } from './default-service-cidr.ts';
import { repairAllocations } from './repair.ts';

const NS = 'default';
const service = (name: string, spec: object = {}) => ({ metadata: { name, namespace: NS }, spec: { ports: [{ port: 80 }], ...spec } });

const refused = (promise: Promise<unknown>, reason: StatusReason, message: RegExp): Promise<void> =>
  assert.rejects(promise, (error) => isStatusError(error, reason) && message.test(error.message));

test('cluster IPs come from the ranges of ServiceCIDRs too, while those are ready and stay, and leave the addresses of others alone', async () => {
  const options = { serviceNetwork: { cidrs: ['10.0.0.0/30'], nodePorts: { first: 30_000, last: 30_019 } } };
  const small = await startLoopbackServer({ options });
  for (const name of ['a', 'b']) await small.client.create(services, service(name) as never);
  await refused(small.client.create(services, service('c') as never), 'InternalError', /range is full/);
  await small.client.create(servicecidrs, {
    metadata: { name: 'more', finalizers: ['example.test/held'] },
    spec: { cidrs: ['10.1.0.0/30'] },
  });
  await small.client.create(ipaddresses, {
    metadata: { name: '10.1.0.1' },
    spec: { parentRef: { group: 'example.test', resource: 'gateways', name: 'door' } },
  });
  const wanted = service('c', { clusterIP: '10.1.0.1' });
  await refused(
    small.client.create(services, wanted as never),
    'Invalid',
    /failed to allocate IP 10\.1\.0\.1: provided IP is already allocated$/,
  );
  const made = await small.client.create(services, service('c') as never);
  assert.equal(made.spec.clusterIP, '10.1.0.2');
  assert.deepEqual((await small.client.get(ipaddresses, { name: '10.1.0.2' })).spec.parentRef, {
    resource: 'services',
    namespace: NS,
    name: 'c',
  });
  await small.client.delete(services, { name: 'c', namespace: NS });
  await small.client.delete(servicecidrs, { name: 'more' });
  await refused(small.client.create(services, service('c') as never), 'InternalError', /range is full/);
  await small.stop();
});

test('keepers of addresses and ports that disagree with Services are brought back in line', async () => {
  const clock = new ManualClock();
  const small = await startLoopbackServer({ clock });
  const { client: own, server, store } = small;
  const made = await own.create(services, service('web', { type: 'NodePort' }) as never);
  const { clusterIP = '', ports: [port] = [] } = made.spec;
  const portKey = `/registry/ranges/servicenodeports/${port?.nodePort}`;
  const leak = Buffer.from(JSON.stringify({ service: `${NS}/gone` }));
  await own.delete(ipaddresses, { name: clusterIP });
  await store.transact({
    conditions: [],
    operations: [
      { kind: 'delete', key: portKey },
      { kind: 'put', key: '/registry/ranges/servicenodeports/30001', value: leak },
    ],
  });
  const told: string[] = [];
  const deps = { store, reader: server.reader, clock, ids: seededIds(1), logger: silentLogger };
  await repairAllocations({ ...deps, events: { event: (_, type, reason, message) => void told.push(`${type} ${reason} ${message}`) } });
  assert.deepEqual(told, [
    `Warning ClusterIPNotAllocated Cluster IP [IPv4]: ${clusterIP} is not allocated; repairing`,
    `Warning PortNotAllocated Port ${port?.nodePort} is not allocated; repairing`,
  ]);
  assert.equal((await own.get(ipaddresses, { name: clusterIP })).spec.parentRef?.name, 'web');
  const { entries } = await store.range({ start: '/registry/ranges/', end: prefixEnd('/registry/ranges/') });
  assert.deepEqual(
    entries.map(({ key }) => key),
    [portKey],
  );
  await small.stop();
});

const DUAL = { cidrs: ['10.0.0.0/24', 'fd00:96::/64'], nodePorts: { first: 30_000, last: 30_019 } };

test('cluster IPs of both families are kept by IPAddresses, and given back one by one', async () => {
  const dual = await startLoopbackServer({ options: { serviceNetwork: DUAL } });
  const { client } = dual;
  const families = async () =>
    (await client.list(ipaddresses)).items.map(({ metadata }) => metadata.labels?.['ipaddress.kubernetes.io/ip-family'] ?? '').toSorted();
  const made = await client.create(services, service('web', { ipFamilyPolicy: 'RequireDualStack' }) as never);
  assert.deepEqual(made.spec.ipFamilies, ['IPv4', 'IPv6']);
  assert.match(made.spec.clusterIPs?.[1] ?? '', /^fd00:96::/);
  assert.deepEqual(await families(), ['IPv4', 'IPv6']);
  await client.patch(services, { name: 'web', namespace: NS }, { type: 'merge', body: { spec: { ipFamilyPolicy: 'SingleStack' } } });
  assert.deepEqual(await families(), ['IPv4']);
  await client.patch(services, { name: 'web', namespace: NS }, { type: 'merge', body: { spec: { ipFamilyPolicy: 'PreferDualStack' } } });
  assert.deepEqual(await families(), ['IPv4', 'IPv6']);
  await client.delete(services, { name: 'web', namespace: NS });
  assert.deepEqual(await families(), []);
  await dual.stop();
});

test('an address is kept under its one canonical name, and stays in the Service as it was written', async () => {
  const dual = await startLoopbackServer({ options: { serviceNetwork: DUAL } });
  const { client } = dual;
  const [clusterIP, ipFamilies] = ['FD00:0096::00AB', ['IPv6']];
  const spec = { clusterIP, ipFamilies, ports: [{ port: 80 }] };
  const made = await client.create(services, service('web', spec) as never);
  assert.deepEqual(made.spec.clusterIPs, [clusterIP]);
  assert.deepEqual(
    (await client.list(ipaddresses)).items.map(({ metadata }) => metadata.name),
    ['fd00:96::ab'],
  );
  await refused(
    client.create(services, service('other', { ...spec, clusterIP: 'fd00:96::ab' }) as never),
    'Invalid',
    /provided IP is already allocated/,
  );
  const again = await client.update(services, { ...made, spec: { ...made.spec, ports: [{ port: 81, protocol: 'TCP' }] } } as never);
  assert.equal(again.spec.clusterIP, clusterIP);
  assert.equal((await client.list(ipaddresses)).items.length, 1);
  await client.delete(services, { name: 'web', namespace: NS });
  assert.deepEqual((await client.list(ipaddresses)).items, []);
  await dual.stop();
});

test('the default ServiceCIDR follows the server from one family to two, and no other change', async () => {
  const clock = new ManualClock();
  const { client, stop } = await startLoopbackServer({ clock });
  const deps = { clock, logger: silentLogger };
  const read = async () => (await client.get(servicecidrs, { name: 'kubernetes' })).spec.cidrs;
  for (const [cidrs, expected] of [
    [['10.0.0.0/24'], ['10.0.0.0/24']],
    [['10.1.0.0/24', 'fd00::/112'], ['10.0.0.0/24']],
    [
      ['10.0.0.0/24', 'fd00::/112'],
      ['10.0.0.0/24', 'fd00::/112'],
    ],
    [['10.0.0.0/24'], ['10.0.0.0/24', 'fd00::/112']],
  ] as const) {
    await ensureDefaultServiceCidr(client, cidrs, deps);
    assert.deepEqual(await read(), expected);
  }
  await stop();
});
