import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseEndpoints, endpointsOf } from './endpoints.ts';
import { flowRemovals, removalArguments, staleFlows, udpFlows, type UdpFlows } from './conntrack-plan.ts';
import { serviceFragment } from './nft/fragment.ts';
import { RuleState } from './nft/rule-state.ts';
import { nodePortAddresses, nodePortNetworks } from './node-ports.ts';
import { service, slice, type TestEndpoint } from './testing.ts';

const node = { name: 'n1', zone: 'z1' };
const context = { node, podCIDR: '10.244.0.0/16', nodeIPs: ['192.0.2.1', '2001:db8::1'] };

for (const c of [
  { name: 'ready endpoints only', endpoints: [{ ip: '1' }, { ip: '2', ready: false }], cluster: ['1'] },
  {
    name: 'endpoints that end but still serve, when none is ready',
    endpoints: [{ ip: '1', ready: false, serving: true, terminating: true }],
    cluster: ['1'],
  },
  { name: 'none that neither serves nor is ready', endpoints: [{ ip: '1', ready: false }], cluster: [] },
  {
    name: 'endpoints on this node under the Local policy',
    endpoints: [
      { ip: '1', node: 'n1' },
      { ip: '2', node: 'n2' },
    ],
    cluster: ['1', '2'],
    local: ['1'],
  },
  {
    name: 'those hinted for this node',
    endpoints: [
      { ip: '1', forNode: 'n1' },
      { ip: '2', forNode: 'n2' },
    ],
    cluster: ['1'],
  },
  {
    name: 'those hinted for its zone',
    endpoints: [
      { ip: '1', forZone: 'z1' },
      { ip: '2', forZone: 'z2' },
    ],
    cluster: ['1'],
  },
  {
    name: 'all when a hint is missing',
    endpoints: [{ ip: '1', forNode: 'n1' }, { ip: '2' }],
    cluster: ['1', '2'],
  },
  {
    name: 'all when no hint names this node',
    endpoints: [{ ip: '1', forNode: 'n2' }],
    cluster: ['1'],
  },
] as readonly {
  name: string;
  endpoints: readonly TestEndpoint[];
  cluster: readonly string[];
  local?: readonly string[];
}[]) {
  test(`chooseEndpoints takes ${c.name}`, () => {
    const endpoints = c.endpoints.map((endpoint) => ({ ...endpoint, ip: `10.0.0.${endpoint.ip}` }));
    const found = endpointsOf([slice('web', { port: 8080 }, ...endpoints)], { name: '', protocol: 'TCP', family: 'IPv4' }, node);
    const chosen = chooseEndpoints(found, node);
    assert.deepEqual(
      chosen.cluster.map((e) => e.ip.replace('10.0.0.', '')),
      c.cluster,
    );
    if (c.local !== undefined)
      assert.deepEqual(
        chosen.local.map((e) => e.ip.replace('10.0.0.', '')),
        c.local,
      );
  });
}

const web = (ip: string) => service('web', { clusterIP: ip, clusterIPs: [ip], ports: [{}] });

test('serviceFragment gives no rules to headless and ExternalName Services', () => {
  for (const s of [
    service('h', { clusterIP: 'None', clusterIPs: ['None'], ports: [{}] }),
    service('x', { type: 'ExternalName', externalName: 'a.b', ports: [] }),
  ]) {
    assert.equal(serviceFragment(s, [], context).elements.length, 0);
  }
});

test('RuleState writes only what changed, and nothing for a change that makes no difference', () => {
  const state = new RuleState(context.podCIDR);
  const fragment = (...endpoints: readonly TestEndpoint[]) =>
    serviceFragment(web('10.96.0.1'), [slice('web', { port: 8080 }, ...endpoints)], context);
  assert.notEqual(
    state.update(
      new Map([
        ['shop/web', fragment({ ip: '10.244.0.2' })],
        ['shop/other', serviceFragment(web('10.96.0.2'), [], context)],
      ]),
    ),
    '',
  );
  assert.equal(state.update(new Map([['shop/web', fragment({ ip: '10.244.0.2' })]])), '');
  const script = state.update(new Map([['shop/web', fragment({ ip: '10.244.0.2' }, { ip: '10.244.0.3' })]]));
  assert.deepEqual(script.split('\n'), [
    'add chain ip kube-proxy tcp-endpoints-2',
    'flush chain ip kube-proxy tcp-endpoints-1',
    'add rule ip kube-proxy tcp-endpoints-2 dnat ip addr . port to ip daddr . tcp dport . numgen random mod 2 map @tcp-endpoints',
    'delete element ip kube-proxy service-ips { 10.96.0.1 . tcp . 80 }',
    'add element ip kube-proxy service-ips { 10.96.0.1 . tcp . 80 : goto tcp-endpoints-2 }',
    'add element ip kube-proxy hairpin { 10.244.0.3 . 10.244.0.3 }',
    'add element ip kube-proxy tcp-endpoints { 10.96.0.1 . 80 . 1 : 10.244.0.3 . 8080 }',
    'delete chain ip kube-proxy tcp-endpoints-1',
    '',
  ]);
  assert.match(
    state.update(new Map([['shop/web', undefined]])),
    /delete element ip kube-proxy service-ips \{ 10.96.0.1 . tcp . 80 \}[^]*delete chain/,
  );
});

test('RuleState has one chain for all Services with as many endpoints, until the last of them is gone', () => {
  const state = new RuleState(context.podCIDR);
  const fragment = (ip: string) => serviceFragment(web(ip), [slice('web', { port: 8080 }, { ip: '10.244.0.2' })], context);
  assert.match(state.update(new Map([['shop/a', fragment('10.96.0.1')]])), /add chain ip kube-proxy tcp-endpoints-1\n/);
  assert.doesNotMatch(state.update(new Map([['shop/b', fragment('10.96.0.2')]])), /chain/);
  assert.equal(state.stake().chains.get('ip kube-proxy tcp-endpoints-1'), 1);
  assert.doesNotMatch(state.update(new Map([['shop/a', undefined]])), /chain/);
  assert.match(state.update(new Map([['shop/b', undefined]])), /delete chain ip kube-proxy tcp-endpoints-1\n/);
  assert.equal(state.stake().chains.has('ip kube-proxy tcp-endpoints-1'), false);
});

test('RuleState has one set for all clients that are remembered as long, for as long as somebody remembers them', () => {
  const state = new RuleState(context.podCIDR);
  const sticky = (name: string, timeoutSeconds: number, ...ips: readonly string[]) => {
    const spec = { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], sessionAffinity: 'ClientIP', ports: [{}] } as const;
    const { metadata, ...rest } = service(name, { ...spec, sessionAffinityConfig: { clientIP: { timeoutSeconds } } });
    const own = { ...rest, metadata: { ...metadata, name } };
    return serviceFragment(own, [slice(name, { port: 8080 }, ...ips.map((ip) => ({ ip })))], context);
  };
  const sets = (changes: readonly (readonly [string, ReturnType<typeof sticky> | undefined])[]): readonly string[] =>
    state.update(new Map(changes)).match(/(add|delete) set ip kube-proxy \S+|\bmap \{/g) ?? [];
  const [a, b] = ['10.244.0.2', '10.244.0.3'];
  assert.deepEqual(sets([['shop/x', sticky('x', 60, a, b)]]), ['add set ip kube-proxy affinity-60']);
  assert.deepEqual(sets([['shop/y', sticky('y', 60, a, b)]]), []);
  assert.deepEqual([...state.affinities.takeGone()], []);
  assert.deepEqual(sets([['shop/x', sticky('x', 60, b)]]), []);
  assert.deepEqual(
    [...state.affinities.takeGone()].map(([seconds, ids]) => [seconds, ids.size]),
    [[60, 1]],
    'whose clients are to be forgotten',
  );
  assert.deepEqual(sets([['shop/x', sticky('x', 90, b)]]), ['add set ip kube-proxy affinity-90']);
  assert.deepEqual(sets([['shop/y', undefined]]), ['delete set ip kube-proxy affinity-60']);
  assert.deepEqual([...state.affinities.takeGone()], [], 'they went with their set');
});

test('RuleState asks for all elements, some at each look', () => {
  const state = new RuleState(context.podCIDR);
  const wanted = new Set<string>();
  for (let i = 0; i < 1_500; i++) {
    const ip = `10.96.${i >> 8}.${i & 255}`;
    state.update(new Map([[`shop/${i}`, serviceFragment(web(ip), [slice('web', { port: 8080 }, { ip: '10.244.0.2' })], context)]]));
    wanted.add(`${ip} . 80 . 0`);
  }
  const looked = (): readonly string[] => [...(state.stake().elements?.get('ip kube-proxy tcp-endpoints') ?? [])];
  const first = looked();
  assert.ok(first.length < wanted.size);
  assert.deepEqual(new Set([...first, ...looked(), ...looked()]), wanted);
});

test('RuleState gives an address that two Services claim to the first by name, and to the other once that one is gone', () => {
  const state = new RuleState(context.podCIDR);
  const claim = (name: string) =>
    serviceFragment(
      service(name, { clusterIP: `10.96.0.${name === 'a' ? 1 : 2}`, externalIPs: ['192.0.2.50'], ports: [{}] }),
      [slice(name, { port: 8080 }, ...(name === 'a' ? ['10.244.0.2'] : ['10.244.0.3', '10.244.0.4']).map((ip) => ({ ip })))],
      context,
    );
  state.update(new Map([['shop/b', claim('b')]]));
  assert.match(state.whole(), /192\.0\.2\.50 \. tcp \. 80 : goto external-tcp-endpoints-2/);
  assert.match(
    state.update(new Map([['shop/a', claim('a')]])),
    /add element ip kube-proxy service-ips \{[^}]*192\.0\.2\.50 \. tcp \. 80 : goto external-tcp-endpoints-1/,
  );
  assert.match(
    state.update(new Map([['shop/a', undefined]])),
    /add element ip kube-proxy service-ips \{ 192\.0\.2\.50 \. tcp \. 80 : goto external-tcp-endpoints-2/,
  );
});

test('UDP flows are forgotten that lead to endpoints that are gone, untranslated ones once there is an endpoint, and those of an earlier proxy', () => {
  const dns = service('dns', {
    clusterIP: '10.96.0.10',
    clusterIPs: ['10.96.0.10'],
    type: 'NodePort',
    ports: [{ port: 53, protocol: 'UDP', nodePort: 30053 }],
  });
  const flows = (...places: readonly string[]) => {
    const endpoints = places.map((place) => place.split(':') as [string, string?]);
    return udpFlows(
      dns,
      endpoints.map(([ip, port = '53']) => slice('dns', { protocol: 'UDP', port: Number(port) }, { ip })),
      node,
      'IPv4',
    );
  };
  const lines = (before: readonly string[], after: readonly string[]): readonly string[] =>
    flowRemovals(flows(...before), flows(...after), 'IPv4').map((removal) => removalArguments(removal).slice(3).join(' '));
  assert.deepEqual(lines(['1.1.1.1', '1.1.1.2'], ['1.1.1.2']), [
    '--orig-dst=10.96.0.10 --orig-port-dst=53 --reply-src=1.1.1.1 --reply-port-src=53',
    '--orig-port-dst=30053 --reply-src=1.1.1.1 --reply-port-src=53',
  ]);
  assert.deepEqual(lines([], ['1.1.1.1']), ['--orig-dst=10.96.0.10 --orig-port-dst=53', '--orig-port-dst=30053']);
  assert.deepEqual(lines(['1.1.1.1'], ['1.1.1.1']), []);
  assert.deepEqual(
    lines(['1.1.1.1'], ['1.1.1.1:54'])[0],
    '--orig-dst=10.96.0.10 --orig-port-dst=53 --reply-src=1.1.1.1 --reply-port-src=53',
    'another target port',
  );
  const clusterIPOnly = new Map([...flows('1.1.1.1')].filter(([frontend]) => frontend.startsWith('10.')));
  assert.deepEqual(flowRemovals(clusterIPOnly, flows('1.1.1.1'), 'IPv4'), [{ family: 'IPv4', frontend: ' 30053' }], 'a new node port');
  const entry = (to: string, by: string): string => {
    const [[dst, dport], [src, sport]] = [to.split(':'), by.split(':')];
    return `udp      17 25 src=10.244.0.9 dst=${dst} sport=40000 dport=${dport} [UNREPLIED] src=${src} dst=10.244.0.9 sport=${sport} dport=40000 mark=0 use=1`;
  };
  const listing = [
    entry('10.96.0.10:53', '1.1.1.1:53'),
    entry('10.96.0.10:53', '1.1.1.2:53'),
    entry('10.96.0.10:53', '1.1.1.2:53'),
    entry('192.0.2.1:30053', '192.0.2.1:30053'),
    entry('10.96.0.11:53', '1.1.1.3:53'),
    '',
  ].join('\n');
  assert.deepEqual(staleFlows(listing, flows('1.1.1.1'), 'IPv4'), [
    { family: 'IPv4', frontend: '10.96.0.10 53', backend: '1.1.1.2 53' },
    { family: 'IPv4', frontend: ' 30053', backend: '192.0.2.1 30053' },
  ]);
  assert.deepEqual(staleFlows(listing, flows(), 'IPv4'), []);
});

const both = service('both', {
  type: 'LoadBalancer',
  clusterIP: '10.96.0.7',
  clusterIPs: ['10.96.0.7', 'fd00:96::7'],
  ports: [{ protocol: 'UDP', port: 53, nodePort: 30053 }],
  externalIPs: ['192.0.2.50', '2001:db8::50'],
  loadBalancerSourceRanges: ['10.0.0.0/8', '2001:db8:1::/48'],
  sessionAffinity: 'ClientIP',
});
const ofBoth = [
  slice('both', { protocol: 'UDP', port: 5353 }, { ip: '10.244.0.2' }),
  slice('both', { protocol: 'UDP', port: 5353 }, { ip: 'fd00:244::2' }),
];

test('serviceFragment gives each family rules of its own: its cluster IPs, its external ones, its endpoints', () => {
  const balanced = { ...both, status: { loadBalancer: { ingress: [{ ip: '192.0.2.60' }, { ip: '2001:db8::60' }] } } } as typeof both;
  const [v4, v6] = ['10.244.0.0/16', 'fd00:244::/56'].map((podCIDR) => serviceFragment(balanced, ofBoth, { ...context, podCIDR }));
  const keys = (fragment: typeof v4, set: string) => fragment?.elements.filter((e) => e.set === set).map(({ key }) => key);
  assert.deepEqual(keys(v4, 'service-ips'), ['10.96.0.7 . udp . 53', '192.0.2.50 . udp . 53', '192.0.2.60 . udp . 53']);
  assert.deepEqual(keys(v6, 'service-ips'), ['fd00:96::7 . udp . 53', '2001:db8::50 . udp . 53', '2001:db8::60 . udp . 53']);
  assert.deepEqual([keys(v4, 'hairpin'), keys(v6, 'hairpin')], [['10.244.0.2 . 10.244.0.2'], ['fd00:244::2 . fd00:244::2']]);
  assert.deepEqual([keys(v4, 'service-nodeports'), keys(v6, 'service-nodeports')], [['udp . 30053'], ['udp . 30053']]);
  const text = (fragment: typeof v4) => [...(fragment?.chains.values() ?? [])].flat().join('\n');
  assert.match(text(v6), /ip6 saddr \{ 2001:db8:1::\/48 \} return/);
  assert.match(text(v6), /dnat to \[fd00:244::2\]:5353/);
  assert.doesNotMatch(text(v6), /10\.|ip saddr/);
  assert.doesNotMatch(text(v4), /ip6|fd00|2001/);
  for (const name of v6?.chains.keys() ?? []) assert.match(name, /^[a-z][\w/.-]*$/, 'nftables takes it');
});

test('serviceFragment of a family a Service does not have is empty, but not of one whose endpoints are still to come', () => {
  const single = service('web', { clusterIP: 'fd00:96::1', clusterIPs: ['fd00:96::1'], ports: [{}] });
  assert.deepEqual(serviceFragment(single, ofBoth, context).elements, []);
  const { elements } = serviceFragment(single, [], { ...context, podCIDR: 'fd00:244::/56' });
  assert.deepEqual(
    elements.filter(({ set }) => set === 'no-endpoint-services'),
    [{ set: 'no-endpoint-services', key: 'fd00:96::1 . tcp . 80', value: 'goto reject-packet' }],
  );
});

test('serviceFragment tells the kernel every address in its one form and in its own family, however it was written', () => {
  const balanced = service('old', {
    type: 'LoadBalancer',
    clusterIP: '10.96.0.8',
    clusterIPs: ['10.96.0.8', 'FD00:96:0::8'],
    ports: [{}],
    externalIPs: ['192.000.002.050', '::ffff:192.0.2.51'],
    loadBalancerSourceRanges: [' 010.1.2.3/8 ', '::ffff:192.0.2.0/120', '2001:DB8::/32'],
  });
  const old = {
    ...balanced,
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.060' }, { hostname: 'a.example' }, { ip: '2001:db8::060' }] } },
  };
  const slices = [slice('old', { port: 8080 }, { ip: '10.244.0.02' }), slice('old', { port: 8080 }, { ip: 'FD00:244::02' })];
  const [v4, v6] = ['10.244.0.0/16', 'fd00:244::/56'].map((podCIDR) => serviceFragment(old, slices, { ...context, podCIDR }));
  const asked = (fragment: typeof v4) => fragment?.elements.filter((e) => e.set === 'service-ips').map(({ key }) => key.split(' ')[0]);
  assert.deepEqual(asked(v4), ['10.96.0.8', '192.0.2.50', '192.0.2.51', '192.0.2.60']);
  assert.deepEqual(asked(v6), ['fd00:96::8', '2001:db8::60']);
  const values = (fragment: typeof v4) => new Set(fragment?.elements.filter((e) => e.set === 'tcp-endpoints').map(({ value }) => value));
  assert.deepEqual([values(v4), values(v6)], [new Set(['10.244.0.2 . 8080']), new Set(['fd00:244::2 . 8080'])]);
  const text = (fragment: typeof v4) => [...(fragment?.chains.values() ?? [])].flat().join('\n');
  // The node is in these networks, so that its own packets come from the balanced addresses, which are in them here.
  assert.match(text(v4), /ip saddr \{ 10\.0\.0\.0\/8, 192\.0\.2\.0\/24 \} return/);
  assert.match(text(v6), /ip6 saddr \{ 2001:db8::\/32 \} return/);
});

test('flowRemovals forgets the flows of each family by its own addresses', () => {
  const [none, some] = [[], ofBoth].map((slices) => udpFlows(both, slices, node, 'IPv6')) as [UdpFlows, UdpFlows];
  assert.deepEqual(flowRemovals(none, some, 'IPv6').map(removalArguments), [
    ['--delete', '--family=ipv6', '--proto=udp', '--orig-dst=fd00:96::7', '--orig-port-dst=53'],
    ['--delete', '--family=ipv6', '--proto=udp', '--orig-dst=2001:db8::50', '--orig-port-dst=53'],
    ['--delete', '--family=ipv6', '--proto=udp', '--orig-port-dst=30053'],
  ]);
  assert.deepEqual(flowRemovals(some, none, 'IPv6')[0], { family: 'IPv6', frontend: 'fd00:96::7 53', backend: 'fd00:244::2 5353' });
});

test('serviceFragment lets the node itself in by a balanced address where its own is let in, and no network twice', () => {
  const rules = (...loadBalancerSourceRanges: readonly string[]): string => {
    const balanced = service('lb', { type: 'LoadBalancer', clusterIP: '10.96.0.8', ports: [{}], loadBalancerSourceRanges });
    const ingress = [{ ip: '203.0.113.5' }, { ip: '2001:db8:9::9' }];
    const { chains } = serviceFragment({ ...balanced, status: { loadBalancer: { ingress } } }, [], context);
    return [...chains.values()].flat()[0] ?? '';
  };
  assert.equal(rules('192.0.2.0/24'), 'ip saddr { 192.0.2.0/24, 203.0.113.5/32 } return');
  assert.equal(rules('198.51.100.0/24'), 'ip saddr { 198.51.100.0/24 } return');
  assert.equal(rules('10.0.0.0/8', '10.1.0.0/16', '10.0.0.0/8'), 'ip saddr { 10.0.0.0/8 } return');
});

for (const [name, asked, nodeIPs, family, networks] of [
  ['the primary address of the family', ['primary'], ['192.0.2.1', '2001:db8::1'], 'IPv4', ['192.0.2.1/32']],
  ['that of IPv6', ['primary'], ['192.0.2.1', '2001:DB8::1'], 'IPv6', ['2001:db8::1/128']],
  ['all where the node tells none of the family', ['primary'], ['192.0.2.1'], 'IPv6', ['::/0']],
  ['all where the node tells the loopback', ['primary'], ['127.0.0.1'], 'IPv4', ['0.0.0.0/0']],
  ['all where nothing is asked for', [], ['192.0.2.1'], 'IPv4', ['0.0.0.0/0']],
  ['networks of the family', ['192.0.2.0/24', 'fd00::/8'], [], 'IPv4', ['192.0.2.0/24']],
  ['all where no network is of the family', ['fd00::/8'], ['192.0.2.1'], 'IPv4', ['0.0.0.0/0']],
  [
    'networks that are in no other',
    ['10.1.0.0/16', '10.0.0.0/8', '10.0.0.0/8', '192.0.2.7/24'],
    [],
    'IPv4',
    ['10.0.0.0/8', '192.0.2.0/24'],
  ],
  ['all where that is among them', ['10.0.0.0/8', '0.0.0.0/0'], [], 'IPv4', ['0.0.0.0/0']],
] as const) {
  test(`nodePortNetworks are ${name}`, () => assert.deepEqual(nodePortNetworks(asked, nodeIPs, family), networks));
}

test('nodePortAddresses are those of the machine in the networks, or all by one', () => {
  const local = ['127.0.0.1', '192.0.2.1', '10.244.0.1', '::1', '2001:db8::1', 'fe80::1'];
  assert.deepEqual(nodePortAddresses(['192.0.2.0/24', '10.0.0.0/8'], local, 'IPv4'), ['10.244.0.1', '192.0.2.1']);
  assert.deepEqual(nodePortAddresses(['2001:db8::1/128'], local, 'IPv6'), ['2001:db8::1']);
  assert.deepEqual(nodePortAddresses(['198.51.100.0/24'], local, 'IPv4'), []);
  assert.deepEqual([nodePortAddresses(['0.0.0.0/0'], local, 'IPv4'), nodePortAddresses(['::/0'], local, 'IPv6')], [['0.0.0.0'], ['::']]);
});
