import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service, ServiceSpec } from '#api/types.ts';
import { errorText } from '#apimachinery/field-errors.ts';
import { seededIds } from '#base/ids.ts';
import { carried } from './carry.ts';
import { settleFamilies } from './families.ts';
import { IpRange } from './ip-range.ts';
import { Pool, portMembers } from './pool.ts';

for (const c of [
  { cidr: '10.96.0.0/12', family: 'IPv4', size: 2 ** 20 - 2, staticSize: 256, first: '10.96.0.1', last: '10.111.255.254' },
  { cidr: '10.0.0.0/24', family: 'IPv4', size: 254, staticSize: 16, first: '10.0.0.1', last: '10.0.0.254' },
  { cidr: '10.0.0.0/29', family: 'IPv4', size: 6, staticSize: 0, first: '10.0.0.1', last: '10.0.0.6' },
  { cidr: 'fd00::/108', family: 'IPv6', size: 2 ** 20 - 1, staticSize: 256, first: 'fd00::1', last: 'fd00::f:ffff' },
  { cidr: 'fd00::/64', family: 'IPv6', size: 2 ** 52, staticSize: 256, first: 'fd00::1', last: 'fd00::10:0:0:0' },
  { cidr: 'fd00::/120', family: 'IPv6', size: 255, staticSize: 16, first: 'fd00::1', last: 'fd00::ff' },
] as const) {
  test(`IpRange of ${c.cidr} gives its addresses and no other`, () => {
    const range = new IpRange(c.cidr);
    assert.deepEqual(
      [range.family, range.size, range.staticSize, range.at(0), range.at(range.size - 1)],
      [c.family, c.size, c.staticSize, c.first, c.last],
    );
    assert.equal(range.canonical(c.first), c.first);
    assert.equal(range.canonical(c.last), c.last);
  });
}

test('IpRange refuses the network, the broadcast address and what lies outside', () => {
  const range = new IpRange('10.0.0.0/28');
  assert.deepEqual(
    ['10.0.0.0', '10.0.0.15', '10.0.0.16', '9.255.255.255', 'fd00::1', 'x', '10.0.0.07'].map((ip) => range.canonical(ip)),
    [undefined, undefined, undefined, undefined, undefined, undefined, '10.0.0.7'],
  );
  assert.throws(() => new IpRange('10.0.0.0'), RangeError);
  assert.throws(() => new IpRange('10.0.0.0/32'), RangeError);
  assert.equal(new IpRange('fd00::/64').canonical('FD00::ffff:ffff:ffff:ffff'), 'fd00::ffff:ffff:ffff:ffff', 'for who names it');
  assert.throws(() => new IpRange('fd00::/63'), { message: 'shortest allowed prefix length for service CIDR is 64, got 63' });
});

test('Pool gives every member once, the static ones last', () => {
  const pool = new Pool(() => seededIds(3).fraction());
  const members = portMembers({ first: 30_000, last: 30_099 });
  const given = Array.from({ length: 100 }, () => pool.reserveAny(members) as string);
  assert.equal(new Set(given).size, 100);
  assert.ok(given.slice(0, 84).every((port) => Number(port) >= 30_016));
  assert.equal(pool.reserveAny(members), undefined);
});

test('Pool knows what is stored, what is being written and what others took', () => {
  const pool = new Pool(() => 0);
  assert.equal(pool.reserve('1'), true);
  assert.equal(pool.reserve('1'), false);
  pool.settle('1', 'abandoned');
  assert.equal(pool.reserve('1'), true);
  pool.hold('1');
  pool.settle('1', 'written');
  assert.equal(pool.reserve('1'), false);
  pool.release('1');
  assert.equal(pool.reserve('1'), true);
  pool.settle('1', 'lost');
  assert.deepEqual([pool.isTaken('1'), pool.hasLost], [true, true]);
  pool.forgetLost();
  assert.equal(pool.isTaken('1'), false);
});

test('Pool frees a member only when nobody holds it', () => {
  const pool = new Pool(() => 0);
  pool.hold('1');
  pool.hold('1');
  pool.release('1');
  assert.equal(pool.isTaken('1'), true);
  pool.release('1');
  assert.equal(pool.isTaken('1'), false);
});

const service = (spec: Partial<ServiceSpec>): Service =>
  ({
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name: 's', namespace: 'ns' },
    spec: { type: 'ClusterIP', sessionAffinity: 'None', ...spec },
    status: {},
  }) as unknown as Service;

const BOTH = ['IPv4', 'IPv6'] as const;
for (const c of [
  { name: 'takes the default family', spec: {}, configured: ['IPv4'], policy: 'SingleStack', families: ['IPv4'] },
  { name: 'takes the default family of two', spec: {}, configured: ['IPv6', 'IPv4'], policy: 'SingleStack', families: ['IPv6'] },
  {
    name: 'takes both where they are preferred',
    spec: { ipFamilyPolicy: 'PreferDualStack' },
    configured: BOTH,
    policy: 'PreferDualStack',
    families: BOTH,
  },
  {
    name: 'makes do with one where both are preferred',
    spec: { ipFamilyPolicy: 'PreferDualStack' },
    configured: ['IPv4'],
    policy: 'PreferDualStack',
    families: ['IPv4'],
  },
  {
    name: 'keeps the order asked for',
    spec: { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6'] },
    configured: BOTH,
    policy: 'RequireDualStack',
    families: ['IPv6', 'IPv4'],
  },
  {
    name: 'reads the family off the address',
    spec: { clusterIP: 'fd00::5', clusterIPs: ['fd00::5'] },
    configured: BOTH,
    policy: 'SingleStack',
    families: ['IPv6'],
  },
  {
    name: 'gives both to headless services without selector',
    spec: { clusterIP: 'None', clusterIPs: ['None'] },
    configured: ['IPv4'],
    policy: 'RequireDualStack',
    families: BOTH,
  },
  {
    name: 'gives one to headless services with selector',
    spec: { clusterIP: 'None', clusterIPs: ['None'], selector: { a: 'b' } },
    configured: ['IPv4'],
    policy: 'SingleStack',
    families: ['IPv4'],
  },
] as const) {
  test(`settleFamilies ${c.name}`, () => {
    const result = settleFamilies(service(c.spec as Partial<ServiceSpec>), undefined, c.configured);
    assert.equal(result.kind, 'settled');
    assert.deepEqual(result.kind === 'settled' && [result.service.spec.ipFamilyPolicy, result.service.spec.ipFamilies], [
      c.policy,
      c.families,
    ]);
  });
}

for (const c of [
  {
    spec: { ipFamilyPolicy: 'RequireDualStack' },
    error: 'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
  },
  { spec: { ipFamilies: ['IPv6'] }, error: 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster' },
  {
    spec: { ipFamilies: ['IPv4', 'IPv6'] },
    error: `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified`,
  },
  {
    spec: { clusterIPs: ['fd00::1'], clusterIP: 'fd00::1' },
    error: 'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster',
  },
] as const) {
  test(`settleFamilies refuses ${JSON.stringify(c.spec)} on one family`, () => {
    const result = settleFamilies(service(c.spec as Partial<ServiceSpec>), undefined, ['IPv4']);
    assert.deepEqual(result.kind === 'refused' && result.errors.map(errorText), [c.error]);
  });
}

test('settleFamilies gives the second family back on the way to single stack, and not otherwise', () => {
  const old = service({ ipFamilyPolicy: 'RequireDualStack', ipFamilies: BOTH, clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1', 'fd00::1'] });
  const single = settleFamilies(service({ ...old.spec, ipFamilyPolicy: 'SingleStack' }), old, BOTH);
  assert.deepEqual(single.kind === 'settled' && [single.service.spec.ipFamilies, single.service.spec.clusterIPs], [['IPv4'], ['10.0.0.1']]);
  const shorter = settleFamilies(service({ ...old.spec, clusterIPs: ['10.0.0.1'] }), old, BOTH);
  assert.deepEqual(shorter.kind === 'refused' && shorter.errors.map(errorText), [
    `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be 'SingleStack' to release the secondary cluster IP`,
  ]);
});

const held: Partial<ServiceSpec> = {
  type: 'NodePort',
  clusterIP: '10.0.0.1',
  clusterIPs: ['10.0.0.1'],
  ipFamilies: ['IPv4'],
  ipFamilyPolicy: 'SingleStack',
  externalTrafficPolicy: 'Cluster',
  ports: [{ name: 'a', port: 80, protocol: 'TCP', targetPort: 80, nodePort: 30_001 }],
};

for (const c of [
  {
    name: 'fills in addresses and ports left out',
    spec: { type: 'NodePort', externalTrafficPolicy: 'Cluster', ports: [{ name: 'a', port: 81, protocol: 'TCP' }] },
    is: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], nodePort: 30_001 },
  },
  {
    name: 'leaves a node port to the port that names it',
    spec: {
      type: 'NodePort',
      ports: [
        { name: 'b', port: 1, nodePort: 30_001 },
        { name: 'a', port: 2 },
      ],
    },
    is: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], nodePort: 30_001 },
  },
  {
    name: 'follows a change of clusterIP alone',
    spec: { ...held, clusterIP: '10.0.0.2' },
    is: { clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'], nodePort: 30_001 },
  },
  {
    name: 'drops node ports with the type',
    spec: { ...held, type: 'ClusterIP' },
    is: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], nodePort: undefined },
  },
  {
    name: 'keeps a node port that was changed with the type',
    spec: { ...held, type: 'ClusterIP', ports: [{ name: 'a', port: 80, nodePort: 30_002 }] },
    is: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], nodePort: 30_002 },
  },
  {
    name: 'drops addresses with the type',
    spec: { ...held, type: 'ExternalName', ports: undefined },
    is: { clusterIP: undefined, clusterIPs: undefined, nodePort: undefined },
  },
]) {
  test(`carried ${c.name}`, () => {
    const { spec } = carried(service(c.spec as Partial<ServiceSpec>), service(held));
    assert.deepEqual({ clusterIP: spec.clusterIP, clusterIPs: spec.clusterIPs, nodePort: spec.ports?.[0]?.nodePort }, c.is);
  });
}

for (const [type, kept] of [
  ['LoadBalancer', true],
  ['NodePort', false],
  ['ClusterIP', false],
] as const) {
  test(`carried ${kept ? 'keeps' : 'clears'} what a load balancer reported when the type is ${type}`, () => {
    const loadBalancer = { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] };
    const balanced = { ...service({ type: 'LoadBalancer', clusterIP: '10.96.0.1' }), status: { loadBalancer, conditions: [] } } as Service;
    const { status } = carried({ ...balanced, spec: { ...balanced.spec, type } }, balanced);
    assert.deepEqual(status, { loadBalancer: kept ? loadBalancer : {}, conditions: [] });
  });
}
