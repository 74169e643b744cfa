import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock, wait } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Node } from '#api/types.ts';
import { fakeInformer } from '#client/testing.ts';
import { succeed } from '#test/harness/command.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { cniConfig, gatewayOf } from './cni-config.ts';
import { NodeNetwork, removeNodeNetwork } from './node-network.ts';
import { desiredRoutes, isOnLink, peersOf, routeChanges } from './routes-plan.ts';

let revision = 0;
const node = (name: string, ip: string, podCIDR?: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid: name, resourceVersion: String(++revision), creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: podCIDR === undefined ? {} : { podCIDR, podCIDRs: [podCIDR] },
  status: { addresses: [{ type: 'InternalIP', address: ip }] } as unknown as Node['status'], // the rest of a status says nothing to the network
});

/** Until the kernel is as it should be; no event tells of it. */
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await wait(systemClock, 10);
}

test('gatewayOf is the first address of the network', () => {
  assert.deepEqual(gatewayOf('10.244.3.0/24'), { address: '10.244.3.1', prefix: 24 });
});

test('cniConfig is a list of plugins that CNI takes', () => {
  const parsed = JSON.parse(cniConfig({ podCIDR: '10.244.3.0/24', mtu: 1450, leaseDir: '/x' })) as {
    readonly plugins: readonly { readonly type: string }[];
  };
  assert.deepEqual(
    parsed.plugins.map((plugin) => plugin.type),
    ['bridge', 'portmap'],
  );
});

test('routeChanges adds what is missing, moves what changed and removes what is gone', () => {
  const peers = peersOf(
    [
      node('a', '10.0.0.1', '10.244.0.0/24'),
      node('b', '10.0.0.2', '10.244.1.0/24'),
      node('c', '10.0.0.3'),
      node('d', '10.0.0.4', '10.244.3.0/24'),
      node('e', '172.16.0.4', '10.244.4.0/24'),
    ],
    'a',
  );
  const desired = desiredRoutes(peers, (address) => isOnLink(address, ['192.168.0.1/16', '10.0.0.1/24']));
  const present = [
    { podCIDR: '10.244.1.0/24', via: '10.0.0.9' },
    { podCIDR: '10.244.7.0/24', via: '10.0.0.7' },
    { podCIDR: '10.244.3.0/24', via: '10.0.0.4' },
  ];
  assert.deepEqual(routeChanges(present, desired), [
    'route del 10.244.7.0/24 proto 112',
    'route replace 10.244.1.0/24 via 10.0.0.2 proto 112',
    'route replace 10.244.4.0/24 via 10.244.4.0 dev proa-vxlan onlink proto 112',
  ]);
  assert.deepEqual(routeChanges(desired, desired), []);
});

test('NodeNetwork brings the bridge, the rules and the routes up when the node gets its network, and removeNodeNetwork leaves nothing', async (t) => {
  await succeed('ip', ['link', 'add', 'wan', 'type', 'veth', 'peer', 'name', 'far']);
  await succeed('ip', ['addr', 'add', '10.0.0.1/24', 'dev', 'wan']);
  for (const link of ['wan', 'far']) await succeed('ip', ['link', 'set', link, 'up']);
  const dir = temporaryFolder(t);
  const [cniConfDir, leaseDir] = [join(dir, 'net.d'), join(dir, 'leases')];
  const nodes = fakeInformer(node('a', '10.0.0.1'), node('b', '10.0.0.2', '10.244.1.0/24'));
  const stop = new AbortController();
  const network = new NodeNetwork({
    nodes,
    clock: systemClock,
    logger: silentLogger,
    config: { nodeName: 'a', clusterCIDR: '10.244.0.0/16', cniConfDir, leaseDir },
  });
  const running = network.run(stop.signal);
  nodes.put(node('a', '10.0.0.1', '10.244.0.0/24'));
  assert.equal(await network.ready, '10.244.0.1');
  assert.match(await succeed('ip', ['-4', 'addr', 'show', 'cni0']), /10\.244\.0\.1\/24/);
  assert.match(await succeed('ip', ['route']), /10\.244\.1\.0\/24 via 10\.0\.0\.2/);
  assert.match(
    await succeed('nft', ['list', 'ruleset']),
    /ip saddr 10\.244\.0\.0\/24 ip daddr != \{ 10\.244\.0\.0\/16, 224\.0\.0\.0\/4 \} masquerade/,
  );
  assert.match(readFileSync(join(cniConfDir, '10-proa.conflist'), 'utf8'), /10\.244\.0\.0\/24/);
  assert.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim(), '1');

  nodes.put(node('far', '172.16.0.9', '10.244.9.0/24'));
  await until(async () => (await succeed('ip', ['route'])).includes('10.244.9.0/24 via 10.244.9.0 dev proa-vxlan'));
  assert.match(await succeed('bridge', ['fdb', 'show', 'dev', 'proa-vxlan']), /0e:70:ac:10:00:09 dst 172\.16\.0\.9 .*permanent/);
  assert.match(await succeed('ip', ['neighbour', 'show', 'dev', 'proa-vxlan']), /10\.244\.9\.0 lladdr 0e:70:ac:10:00:09 PERMANENT/);
  assert.match(readFileSync(join(cniConfDir, '10-proa.conflist'), 'utf8'), /"mtu": 1450/);
  nodes.remove(node('far', '172.16.0.9', '10.244.9.0/24'));
  await until(async () => !(await succeed('ip', ['link'])).includes('proa-vxlan'));
  assert.match(await succeed('ip', ['route']), /10\.244\.1\.0\/24 via 10\.0\.0\.2/);
  stop.abort();
  await running;

  for (let i = 0; i < 2; i++) await removeNodeNetwork(cniConfDir, leaseDir);
  assert.doesNotMatch(await succeed('ip', ['addr']), /cni0/);
  assert.doesNotMatch(await succeed('ip', ['route']), /10\.244/);
  assert.equal(await succeed('nft', ['list', 'ruleset']), '');
  assert.equal(existsSync(join(cniConfDir, '10-proa.conflist')), false);
});
