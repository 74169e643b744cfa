import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ManualClock, systemClock, wait } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Node } from '#api/types.ts';
import { fakeInformer } from '#client/testing.ts';
import { succeed } from '#test/harness/command.ts';
import { eventually } from '#test/harness/eventually.ts';
import { networkNamespace } from '#test/harness/netns.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { cniConfig, gatewayOf } from './cni-config.ts';
import { NodeNetwork, removeNodeNetwork } from './node-network.ts';
import { desiredRoutes, isOnLink, peersOf, routeChanges } from './routes-plan.ts';

let revision = 0;
const listed = (value: string | readonly string[] | undefined): readonly string[] => (value === undefined ? [] : [value].flat());
const node = (name: string, ips: string | readonly string[], cidrs?: string | readonly string[]): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid: name, resourceVersion: String(++revision), creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: cidrs === undefined ? {} : { podCIDR: listed(cidrs)[0] ?? '', podCIDRs: listed(cidrs) },
  // The rest of a status says nothing to the network.
  status: { addresses: listed(ips).map((address) => ({ type: 'InternalIP', address })) } as unknown as Node['status'],
});

/** Until the kernel is as it should be; no event tells of it. */
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await wait(systemClock, 10);
}

test('gatewayOf is the first address of the network', () => {
  assert.deepEqual(gatewayOf('10.244.3.0/24'), { address: '10.244.3.1', prefix: 24 });
  assert.deepEqual(gatewayOf('fd00:10:244:3::/64'), { address: 'fd00:10:244:3::1', prefix: 64 });
});

test('cniConfig is a list of plugins that CNI takes', () => {
  const parsed = JSON.parse(cniConfig({ podCIDRs: ['10.244.3.0/24'], mtu: 1450, leaseDir: '/x' })) as {
    readonly plugins: readonly { readonly type: string }[];
  };
  assert.deepEqual(
    parsed.plugins.map((plugin) => plugin.type),
    ['bridge', 'portmap'],
  );
});

test('cniConfig of two families gives a pod an address and a way out of each', () => {
  const text = cniConfig({ podCIDRs: ['10.244.3.0/24', 'fd00:10:244:3::/64'], mtu: 1450, leaseDir: '/x' });
  const { plugins } = JSON.parse(text) as {
    readonly plugins: readonly [{ readonly ipam: { readonly ranges: object; readonly routes: object } }];
  };
  assert.deepEqual(plugins[0].ipam.ranges, [[{ subnet: '10.244.3.0/24' }], [{ subnet: 'fd00:10:244:3::/64' }]]);
  assert.deepEqual(plugins[0].ipam.routes, [{ dst: '0.0.0.0/0' }, { dst: '::/0' }]);
});

test('isOnLink compares addresses of one family', () => {
  const prefixes = ['10.0.0.1/24', 'fd00:1::1/64'];
  assert.deepEqual(
    ['10.0.0.200', '10.0.1.1', 'fd00:1::ffff', 'fd00:2::1', '::a00:c8'].map((address) => isOnLink(address, prefixes)),
    [true, false, true, false, false],
  );
});

test('a route of each family leads to the address of that family, or through the one tunnel', () => {
  const far = node('b', ['10.0.0.2', 'fd00:1::2'], ['10.244.1.0/24', 'fd00:244:1::/64']);
  const routes = (onLink: readonly string[]) => desiredRoutes(peersOf([far], 'a', 'IPv4'), (address) => onLink.includes(address));
  assert.deepEqual(routes(['10.0.0.2', 'fd00:1::2']), [
    { podCIDR: '10.244.1.0/24', via: '10.0.0.2' },
    { podCIDR: 'fd00:244:1::/64', via: 'fd00:1::2' },
  ]);
  assert.deepEqual(routes(['10.0.0.2']), [
    { podCIDR: '10.244.1.0/24', via: '10.0.0.2' },
    { podCIDR: 'fd00:244:1::/64', via: 'fd00:244:1::', dev: 'proa-vxlan' },
  ]);
  const four = node('c', ['10.0.0.3'], ['10.244.2.0/24', 'fd00:244:2::/64']);
  assert.deepEqual(
    peersOf([four], 'a', 'IPv4').map(({ address }) => address),
    ['10.0.0.3', undefined],
  );
  assert.deepEqual(peersOf([four], 'a', 'IPv6'), [], 'no tunnel of IPv6 ends there');
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
    'IPv4',
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
    config: { nodeName: 'a', clusterCIDRs: ['10.244.0.0/16'], cniConfDir, leaseDir },
  });
  const running = network.run(stop.signal);
  nodes.put(node('a', '10.0.0.1', '10.244.0.0/24'));
  assert.deepEqual(await network.ready, ['10.244.0.1']);
  assert.match(await succeed('ip', ['-4', 'addr', 'show', 'cni0']), /10\.244\.0\.1\/24/);
  assert.match(await succeed('ip', ['route']), /10\.244\.1\.0\/24 via 10\.0\.0\.2/);
  assert.match(
    await succeed('nft', ['list', 'ruleset']),
    /ip saddr 10\.244\.0\.0\/24 ip daddr != \{ 10\.244\.0\.0\/16, 224\.0\.0\.0\/4 \} masquerade/,
  );
  assert.match(readFileSync(join(cniConfDir, '10-proa.conflist'), 'utf8'), /10\.244\.0\.0\/24/);
  assert.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim(), '1');
  // A connection that one side has closed is translated for an hour more.
  assert.equal(readFileSync('/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait', 'utf8').trim(), '3600');
  assert.equal(readFileSync('/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established', 'utf8').trim(), '86400');

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

test('NodeNetwork brings up again what somebody else took away', async (t) => {
  const dir = temporaryFolder(t);
  const [cniConfDir, leaseDir] = [join(dir, 'net.d'), join(dir, 'leases')];
  const clock = new ManualClock();
  const stop = new AbortController();
  const network = new NodeNetwork({
    nodes: fakeInformer(node('a', '10.0.0.1', '10.244.0.0/24'), node('b', '10.0.0.2', '10.244.1.0/24')),
    clock,
    logger: silentLogger,
    config: { nodeName: 'a', clusterCIDRs: ['10.244.0.0/16'], cniConfDir, leaseDir },
  });
  const running = network.run(stop.signal);
  await network.ready;
  const conflist = join(cniConfDir, '10-proa.conflist');
  const state = async (): Promise<unknown> => [
    await succeed('nft', ['list', 'ruleset']),
    /10\S+/.exec(await succeed('ip', ['-brief', '-4', 'address', 'show', 'cni0', 'up']).catch(() => ''))?.[0],
    await succeed('ip', ['route', 'show', 'proto', '112']),
    readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8'),
    existsSync(conflist) && readFileSync(conflist, 'utf8'),
  ];
  const whole = await state();
  // Two pods, as the CNI plugin connects them, and another's cable.
  const cables: string[] = [];
  for (const [i, address] of ['10.244.0.7', '10.244.0.8', '172.16.7.7'].entries()) {
    const space = await networkNamespace(t);
    const cable = `veth${i}`;
    await succeed('ip', ['link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space.name]);
    if (i < 2) await succeed('ip', ['link', 'set', cable, 'master', 'cni0']);
    await space.succeed('ip', ['address', 'add', `${address}/24`, 'dev', 'eth0']);
    cables.push(cable);
  }
  const plugged = async (): Promise<unknown> =>
    Promise.all(
      cables.map(async (cable) => {
        const shown = await succeed('ip', ['-details', 'link', 'show', cable]);
        return [/master (\w+)/.exec(shown)?.[1], /hairpin (on)/.exec(shown)?.[1]];
      }),
    );
  for (const takeAway of [
    () => succeed('nft', ['flush', 'ruleset']),
    () => succeed('nft', ['flush', 'table', 'ip', 'proa-network']),
    () => succeed('ip', ['link', 'del', 'cni0']),
    () => succeed('ip', ['link', 'set', 'cni0', 'down']),
    () => succeed('ip', ['address', 'flush', 'dev', 'cni0']),
    () => succeed('ip', ['route', 'flush', 'proto', '112']),
    async () => writeFileSync('/proc/sys/net/ipv4/ip_forward', '0'),
    async () => rmSync(conflist),
  ]) {
    await takeAway();
    await until(async () => clock.pending > 0);
    clock.advance(10_000);
    await eventually(async () => assert.deepEqual(await state(), whole, String(takeAway)));
  }
  assert.deepEqual(await plugged(), [
    ['cni0', 'on'],
    ['cni0', 'on'],
    [undefined, undefined],
  ]);
  stop.abort();
  await running;
  await removeNodeNetwork(cniConfDir, leaseDir);
});

test('the bridge keeps its hardware address while pods come and go, also one that an older version made', async (t) => {
  const dir = temporaryFolder(t);
  const [cniConfDir, leaseDir] = [join(dir, 'net.d'), join(dir, 'leases')];
  const bridgeMac = async (): Promise<string> => /link\/ether (\S+)/.exec(await succeed('ip', ['link', 'show', 'cni0']))?.[1] ?? '';
  const comeAndGo = async (): Promise<readonly string[]> => {
    const seen = [await bridgeMac()];
    for (const mac of ['02:00:00:00:00:02', '02:00:00:00:00:01']) {
      const pod = `pod${mac.at(-1)}`;
      await succeed('ip', ['link', 'add', pod, 'address', mac, 'type', 'veth', 'peer', 'name', `${pod}-eth0`]);
      await succeed('ip', ['link', 'set', pod, 'master', 'cni0', 'up']);
      seen.push(await bridgeMac());
    }
    for (const pod of ['pod1', 'pod2']) await succeed('ip', ['link', 'del', pod]);
    return [...new Set([...seen, await bridgeMac()])];
  };
  const run = async (): Promise<() => Promise<unknown>> => {
    const stop = new AbortController();
    const network = new NodeNetwork({
      nodes: fakeInformer(node('a', '10.0.0.1', '10.244.0.0/24')),
      clock: systemClock,
      logger: silentLogger,
      config: { nodeName: 'a', clusterCIDRs: ['10.244.0.0/16'], cniConfDir, leaseDir },
    });
    const running = network.run(stop.signal);
    await network.ready;
    return () => (stop.abort(), running);
  };
  const stopFirst = await run();
  assert.deepEqual(await comeAndGo(), ['0e:71:0a:f4:00:01']);
  await stopFirst();
  await removeNodeNetwork(cniConfDir, leaseDir);

  await succeed('ip', ['link', 'add', 'cni0', 'type', 'bridge']);
  assert.ok((await comeAndGo()).length > 1, 'the kernel gives such a bridge the lowest address of its ports');
  const old = await bridgeMac();
  const stopSecond = await run();
  assert.deepEqual(await comeAndGo(), [old]);
  await stopSecond();
  await removeNodeNetwork(cniConfDir, leaseDir);
});

test('NodeNetwork brings both families up, keeps listening to routers, and tunnels both to a node that is on no network of ours', async (t) => {
  const dir = temporaryFolder(t);
  const [cniConfDir, leaseDir] = [join(dir, 'net.d'), join(dir, 'leases')];
  await succeed('ip', ['addr', 'add', 'fd00:1::1/64', 'dev', 'wan', 'nodad']);
  assert.equal(readFileSync('/proc/sys/net/ipv6/conf/wan/accept_ra', 'utf8').trim(), '1');
  const [own, near] = [
    node('a', ['10.0.0.1', 'fd00:1::1'], ['10.244.0.0/24', 'fd00:244::/64']),
    node('b', ['10.0.0.2', 'fd00:1::2'], ['10.244.1.0/24', 'fd00:244:1::/64']),
  ];
  const far = node('far', ['172.16.0.9', 'fd00:9::9'], ['10.244.9.0/24', 'fd00:244:9::/64']);
  const nodes = fakeInformer(own, near);
  const stop = new AbortController();
  const network = new NodeNetwork({
    nodes,
    clock: systemClock,
    logger: silentLogger,
    config: { nodeName: 'a', clusterCIDRs: ['10.244.0.0/16', 'fd00:244::/56'], cniConfDir, leaseDir },
  });
  const running = network.run(stop.signal);
  assert.deepEqual(await network.ready, ['10.244.0.1', 'fd00:244::1']);
  assert.match(await succeed('ip', ['-6', 'addr', 'show', 'cni0']), /fd00:244::1\/64/);
  assert.match(await succeed('ip', ['-6', 'route']), /fd00:244:1::\/64 via fd00:1::2 dev wan proto 112/);
  assert.match(
    await succeed('nft', ['list', 'table', 'ip6', 'proa-network']),
    /ip6 saddr fd00:244::\/64 ip6 daddr != \{ fd00:244::\/56, ff00::\/8 \} masquerade/,
  );
  const sysctl = (name: string): string => readFileSync(`/proc/sys/net/${name}`, 'utf8').trim();
  assert.deepEqual([sysctl('ipv6/conf/all/forwarding'), sysctl('ipv6/conf/wan/accept_ra')], ['1', '2']);

  nodes.put(far);
  await until(async () => (await succeed('ip', ['-6', 'route'])).includes('fd00:244:9::/64 via fd00:244:9:: dev proa-vxlan'));
  assert.match(await succeed('ip', ['route']), /10\.244\.9\.0\/24 via 10\.244\.9\.0 dev proa-vxlan/);
  assert.match(await succeed('ip', ['-6', 'neighbour', 'show', 'dev', 'proa-vxlan']), /fd00:244:9:: lladdr 0e:70:ac:10:00:09 .*PERMANENT/);
  assert.match(await succeed('bridge', ['fdb', 'show', 'dev', 'proa-vxlan']), /0e:70:ac:10:00:09 dst 172\.16\.0\.9 .*permanent/);
  nodes.remove(far);
  await until(async () => !(await succeed('ip', ['link'])).includes('proa-vxlan'));
  assert.match(await succeed('ip', ['-6', 'route']), /fd00:244:1::\/64 via fd00:1::2/);
  stop.abort();
  await running;
  for (let i = 0; i < 2; i++) await removeNodeNetwork(cniConfDir, leaseDir);
  assert.doesNotMatch(await succeed('ip', ['-6', 'route']), /fd00:244/);
  assert.equal(await succeed('nft', ['list', 'ruleset']), '');
});

test('NodeNetwork of two families changes nothing when all is there', async (t) => {
  const dir = temporaryFolder(t);
  const [cniConfDir, leaseDir] = [join(dir, 'net.d'), join(dir, 'leases')];
  const clock = new ManualClock();
  const stop = new AbortController();
  const warnings: string[] = [];
  const network = new NodeNetwork({
    nodes: fakeInformer(node('a', ['10.0.0.1', 'fd00:1::1'], ['10.244.0.0/24', 'fd00:10:244:0::/64'])),
    clock,
    logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
    config: { nodeName: 'a', clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'], cniConfDir, leaseDir },
  });
  const running = network.run(stop.signal);
  await network.ready;
  for (let look = 0; look < 3; look++) {
    await until(async () => clock.pending > 0);
    clock.advance(10_000);
  }
  await until(async () => clock.pending > 0);
  assert.deepEqual(warnings, []);
  stop.abort();
  await running;
  await removeNodeNetwork(cniConfDir, leaseDir);
});

test('NodeNetwork of IPv6 alone tunnels over IPv6', async (t) => {
  const dir = temporaryFolder(t);
  const [cniConfDir, leaseDir] = [join(dir, 'net.d'), join(dir, 'leases')];
  const nodes = fakeInformer(node('a', 'fd00:1::1', 'fd00:244::/64'), node('far', 'fd00:9::9', 'fd00:244:9::/64'));
  const stop = new AbortController();
  const network = new NodeNetwork({
    nodes,
    clock: systemClock,
    logger: silentLogger,
    config: { nodeName: 'a', clusterCIDRs: ['fd00:244::/56'], cniConfDir, leaseDir },
  });
  const running = network.run(stop.signal);
  assert.deepEqual(await network.ready, ['fd00:244::1']);
  assert.match(await succeed('ip', ['-6', 'route']), /fd00:244:9::\/64 via fd00:244:9:: dev proa-vxlan/);
  assert.match(await succeed('ip', ['-details', 'link', 'show', 'proa-vxlan']), /mtu 1430 .*vxlan id 112 local fd00:1::1/s);
  assert.match(await succeed('bridge', ['fdb', 'show', 'dev', 'proa-vxlan']), /dst fd00:9::9 .*permanent/);
  assert.match(readFileSync(join(cniConfDir, '10-proa.conflist'), 'utf8'), /"mtu": 1430/);
  stop.abort();
  await running;
  await removeNodeNetwork(cniConfDir, leaseDir);
});
