import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseEndpoints, endpointsOf } from './endpoints.ts';
import { conntrackArguments, flowRemovals, udpFlows } from './conntrack-plan.ts';
import { serviceFragment } from './nft/fragment.ts';
import { RuleState } from './nft/rule-state.ts';
import { service, slice, type TestEndpoint } from './testing.ts';

const node = { name: 'n1', zone: 'z1' };
const context = { node, podCIDR: '10.244.0.0/16' };

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
    const found = endpointsOf([slice('web', { port: 8080 }, ...c.endpoints)], { name: '', protocol: 'TCP' }, node);
    const chosen = chooseEndpoints(found, node);
    assert.deepEqual(
      chosen.cluster.map((e) => e.ip),
      c.cluster,
    );
    if (c.local !== undefined)
      assert.deepEqual(
        chosen.local.map((e) => e.ip),
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
  const state = new RuleState();
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
  assert.match(script, /flush chain .*numgen random mod 2/s);
  assert.ok(!script.includes('10.96.0.2'));
  assert.match(
    state.update(new Map([['shop/web', undefined]])),
    /delete element ip kube-proxy service-ips \{ 10.96.0.1 . tcp . 80 \}[^]*delete chain/,
  );
});

test('RuleState gives an address that two Services claim to the first by name, and to the other once that one is gone', () => {
  const state = new RuleState();
  const claim = (name: string) =>
    serviceFragment(
      service(name, { clusterIP: `10.96.0.${name === 'a' ? 1 : 2}`, externalIPs: ['192.0.2.50'], ports: [{}] }),
      [slice(name, { port: 8080 }, { ip: '10.244.0.2' })],
      context,
    );
  state.update(new Map([['shop/b', claim('b')]]));
  assert.match(state.whole(), /192\.0\.2\.50 \. tcp \. 80 : goto external-\w+-shop\/b/);
  assert.match(
    state.update(new Map([['shop/a', claim('a')]])),
    /add element ip kube-proxy service-ips \{[^}]*192\.0\.2\.50 \. tcp \. 80 : goto external-\w+-shop\/a/,
  );
  assert.match(
    state.update(new Map([['shop/a', undefined]])),
    /add element ip kube-proxy service-ips \{ 192\.0\.2\.50 \. tcp \. 80 : goto external-\w+-shop\/b/,
  );
});

test('flowRemovals forgets UDP flows to endpoints that are gone, and untranslated ones once there is an endpoint', () => {
  const dns = service('dns', {
    clusterIP: '10.96.0.10',
    clusterIPs: ['10.96.0.10'],
    type: 'NodePort',
    ports: [{ port: 53, protocol: 'UDP', nodePort: 30053 }],
  });
  const flows = (...ips: readonly string[]) =>
    udpFlows(dns, [slice('dns', { protocol: 'UDP', port: 53 }, ...ips.map((ip) => ({ ip })))], node);
  assert.deepEqual(flowRemovals(flows('1.1.1.1', '1.1.1.2'), flows('1.1.1.2')), [
    { kind: 'backend', frontend: '10.96.0.10:53', backend: '1.1.1.1' },
    { kind: 'backend', frontend: ':30053', backend: '1.1.1.1' },
  ]);
  assert.deepEqual(flowRemovals(flows(), flows('1.1.1.1')).map(conntrackArguments), [
    ['--delete', '--family=ipv4', '--proto=udp', '--orig-dst=10.96.0.10', '--orig-port-dst=53'],
    ['--delete', '--family=ipv4', '--proto=udp', '--orig-port-dst=30053'],
  ]);
  assert.deepEqual(flowRemovals(flows('1.1.1.1'), flows('1.1.1.1')), []);
});
