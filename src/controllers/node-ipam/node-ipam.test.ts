import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodes } from '#api/resources.ts';
import type { New, Node } from '#api/types.ts';
import { startController } from '../testing.ts';
import { ControllerMetrics } from '../metrics/metrics.ts';
import { nodeIpamController } from './controller.ts';
import { PodNetworks } from './plan.ts';

for (const [cidr, mask, first, second, capacity] of [
  ['10.244.0.0/16', 24, '10.244.0.0/24', '10.244.1.0/24', 256],
  ['10.0.0.0/8', 24, '10.0.0.0/24', '10.0.1.0/24', 65_536],
  ['fd00:10:244::/56', 64, 'fd00:10:244::/64', 'fd00:10:244:1::/64', 256],
  ['2001:db8::/48', 64, '2001:db8::/64', '2001:db8:0:1::/64', 65_536],
  ['fd00::/108', 120, 'fd00::/120', 'fd00::100/120', 4_096],
] as const) {
  test(`PodNetworks of ${cidr} are of /${mask}, the lowest that is free first`, () => {
    const networks = new PodNetworks(cidr, mask);
    assert.deepEqual([networks.capacity, networks.allocate('a'), networks.allocate('b')], [capacity, first, second]);
    assert.equal(networks.occupy(second, 'a'), false, 'it is another node’s');
    networks.release(first, 'b');
    assert.notEqual(networks.allocate('c'), first, 'only its owner gives it back');
    networks.release(first, 'a');
    assert.equal(networks.allocate('d'), first);
  });
}

test('a node’s network is counted, and how full the cluster’s is', async () => {
  const metrics = new ControllerMetrics();
  const running = await startController(
    nodeIpamController,
    undefined,
    { clusterCIDRs: [{ cidr: '10.244.0.0/23', nodeMaskSize: 24 }] },
    metrics,
  );
  try {
    await running.client.create(nodes, node('a'));
    await running.until(async () => (await running.client.get(nodes, { name: 'a' })).spec.podCIDR);
    const shown = (name: string): string | undefined =>
      new RegExp(`^node_ipam_controller_${name}\\{clusterCIDR="10.244.0.0/23"\\} (.*)$`, 'm').exec(metrics.expose())?.[1];
    await running.until(() => Promise.resolve(shown('cidrset_usage_cidrs') === '0.5' ? true : undefined));
    assert.deepEqual(['cirdset_max_cidrs', 'cidrset_cidrs_allocations_total', 'cidrset_cidrs_releases_total'].map(shown), [
      '2',
      '1',
      undefined,
    ]);
    await running.client.delete(nodes, { name: 'a' });
    await running.until(() => Promise.resolve(shown('cidrset_cidrs_releases_total')));
    assert.equal(shown('cidrset_usage_cidrs'), '0');
  } finally {
    await running.stop();
  }
});

test('PodNetworks take no network of another family or cluster', () => {
  const networks = new PodNetworks('fd00:10:244::/56', 64);
  for (const cidr of ['fd00:10:245::/64', '10.244.0.0/24', 'fd00:10:244:100::/64', 'junk'])
    assert.equal(networks.occupy(cidr, 'a'), false, cidr);
  assert.equal(networks.occupy('fd00:0010:0244:00ff::/64', 'a'), true);
});

// Source: cidr_set_test.go TestGetBitforCIDR, TestOccupy.
for (const { given, free, taken } of [
  { given: '10.244.0.0/23', free: '10.244.2.0/24', taken: 2 },
  { given: '10.244.0.128/25', free: '10.244.1.0/24', taken: 1 },
  { given: '10.244.0.0/22', free: undefined, taken: 4 },
  { given: '10.0.0.0/8', free: undefined, taken: 4 },
])
  test(`a node that was given ${given} has all of it: the next gets ${free ?? 'nothing'}`, () => {
    const networks = new PodNetworks('10.244.0.0/22', 24);
    assert.equal(networks.occupy(given, 'a'), true);
    assert.equal(networks.taken, taken);
    assert.equal(networks.occupy('10.244.0.0/24', 'b'), false);
    assert.equal(networks.allocate('b'), free);
    if (free !== undefined) networks.release(free, 'b');
    assert.equal(networks.release(given, 'a'), true);
    assert.deepEqual([networks.taken, networks.allocate('b')], [0, '10.244.0.0/24']);
  });

for (const [cidr, mask] of [
  ['10.244.0.0/16', 15],
  ['10.244.0.0/16', 31],
  ['fd00::/64', 56],
  ['fd00::/40', 64],
  ['fd00::/120', 127],
] as const) {
  test(`PodNetworks refuse /${mask} of ${cidr}`, () =>
    assert.throws(() => new PodNetworks(cidr, mask), { name: 'RangeError', message: `nodes of ${cidr} cannot have networks of /${mask}` }));
}

const DUAL = {
  clusterCIDRs: [
    { cidr: '10.244.0.0/23', nodeMaskSize: 24 },
    { cidr: 'fd00:10:244::/60', nodeMaskSize: 64 },
  ],
};
const node = (name: string, podCIDRs?: readonly string[]): New<Node> =>
  ({ metadata: { name }, spec: podCIDRs === undefined ? {} : { podCIDR: podCIDRs[0], podCIDRs } }) as New<Node>;

// Source: range_allocator_test.go TestOccupyServiceCIDR, TestAllocateOrOccupyCIDRSuccess.
for (const [services, given] of [
  [['10.244.0.0/24'], '10.244.1.0/24'],
  [['10.244.0.16/28'], '10.244.1.0/24'],
  [['10.244.0.0/23', 'fd00::/112'], '10.244.2.0/24'],
  [['10.96.0.0/12'], '10.244.0.0/24'],
] as const)
  test(`a node gets ${given} where Services have ${services.join(' and ')}`, async () => {
    const config = { clusterCIDRs: [{ cidr: '10.244.0.0/22', nodeMaskSize: 24 }], serviceCIDRs: services };
    const running = await startController(nodeIpamController, undefined, config);
    try {
      await running.client.create(nodes, node('a'));
      assert.equal(await running.until(async () => (await running.client.get(nodes, { name: 'a' })).spec.podCIDR), given);
    } finally {
      await running.stop();
    }
  });

test('a node gets a network of each family, and none of either when one family has none left', async () => {
  const running = await startController(
    nodeIpamController,
    async (client) => {
      await client.create(nodes, node('old', ['10.244.0.0/24', 'fd00:10:244::/64']));
    },
    DUAL,
  );
  const cidrsOf = async (name: string): Promise<readonly string[] | undefined> => {
    const { spec } = await running.client.get(nodes, { name });
    return spec.podCIDR === undefined ? undefined : [spec.podCIDR, ...(spec.podCIDRs ?? [])];
  };
  try {
    await running.client.create(nodes, node('new'));
    assert.deepEqual(await running.until(() => cidrsOf('new')), ['10.244.1.0/24', '10.244.1.0/24', 'fd00:10:244:1::/64']);
    await running.client.create(nodes, node('late'));
    await running.until(async () => running.events.find(({ reason }) => reason === 'CIDRNotAvailable'));
    assert.equal(await cidrsOf('late'), undefined);
    await running.client.delete(nodes, { name: 'old' });
    assert.deepEqual(await running.until(() => cidrsOf('late')), ['10.244.0.0/24', '10.244.0.0/24', 'fd00:10:244::/64']);
  } finally {
    await running.stop();
  }
});
