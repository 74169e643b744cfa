// What becomes of addresses, families and ports of a Service that is made or changed, and the words of what is refused: upstream
// gives and takes them before it validates. Source: pkg/registry/core/service/storage.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ipaddresses, services } from '#api/resources.ts';
import type { Service, ServiceSpec } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { startLoopbackServer, type LoopbackServer } from '../../testing/loopback.ts';

const NS = 'default';
const nodePorts = { first: 30_000, last: 30_099 };
const BAD_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

let single: LoopbackServer;
let dual: LoopbackServer;
before(async () => {
  single = await startLoopbackServer({ options: { serviceNetwork: { cidrs: ['10.0.0.0/24'], nodePorts } } });
  dual = await startLoopbackServer({ options: { serviceNetwork: { cidrs: ['10.0.0.0/24', 'fd00::/112'], nodePorts } } });
});
after(() => Promise.all([single.stop(), dual.stop()]));

type Spec = Partial<ServiceSpec>;

let made = 0;
function create({ client }: LoopbackServer, spec: object): Promise<Service> {
  const object = { metadata: { name: `s${made++}`, namespace: NS }, spec: { ports: [{ port: 80 }], ...spec } };
  return client.create(services, object as never);
}

/** `changes` without a value take the member out. */
function change({ client }: LoopbackServer, service: Service, changes: object): Promise<Service> {
  const spec = Object.fromEntries(Object.entries({ ...service.spec, ...changes }).filter(([, value]) => value !== undefined));
  return client.update(services, { ...service, spec } as unknown as Service);
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isStatusError(error), String(error));
    return `${error.reason}: ${error.message.replace(/^Service "s\d+" is invalid: /, '')}`;
  }
  return 'accepted';
}

for (const [name, spec, why] of [
  ['an address that is none', { clusterIP: 'bad' }, `spec.clusterIPs[0]: Invalid value: "bad": ${BAD_IP}`],
  [
    'two addresses that differ',
    { clusterIP: '10.0.0.9', clusterIPs: ['10.0.0.8'] },
    'spec.clusterIPs: Invalid value: ["10.0.0.8"]: first value must match `clusterIP`',
  ],
  [
    'addresses without the first one',
    { clusterIPs: ['10.0.0.8'] },
    'spec.clusterIPs: Invalid value: ["10.0.0.8"]: must be empty when `clusterIP` is not specified',
  ],
  [
    'an address beside None',
    { clusterIP: 'None', clusterIPs: ['None', '10.0.0.8'] },
    `spec.clusterIPs: Invalid value: ["None","10.0.0.8"]: 'None' must be the first and only value`,
  ],
  ['a family twice', { ipFamilies: ['IPv4', 'IPv4'] }, 'spec.ipFamilies[1]: Duplicate value: "IPv4"'],
  ['a family that is none', { ipFamilies: ['x'] }, 'spec.ipFamilies[0]: Unsupported value: "x": supported values: "IPv4", "IPv6"'],
  [
    'a policy that is none',
    { ipFamilyPolicy: 'x' },
    'spec.ipFamilyPolicy: Unsupported value: "x": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
  ],
  [
    'an address of another family',
    { clusterIP: '10.0.0.9', ipFamilies: ['IPv6'] },
    'spec.clusterIPs[0]: Invalid value: "10.0.0.9": expected an IPv6 value as indicated by `ipFamilies[0]`',
  ],
  [
    'a family that the cluster has not',
    { ipFamilies: ['IPv6'] },
    'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
  ],
  [
    'an address of a family that the cluster has not',
    { clusterIP: 'fd00::1' },
    'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster',
  ],
  [
    'both families where there is one',
    { ipFamilyPolicy: 'RequireDualStack' },
    'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
  ],
  [
    'an address outside the range, and nothing that validation would tell',
    { clusterIP: '192.0.2.9', ports: [{ port: 99_999 }] },
    'spec.clusterIPs: Invalid value: ["192.0.2.9"]: failed to allocate IP 192.0.2.9: the provided network does not match the current range',
  ],
  [
    'an address for a name outside',
    { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.0.0.30' },
    'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
  ],
  [
    'a node port outside the range',
    { type: 'NodePort', ports: [{ port: 80, nodePort: 20 }] },
    'spec.ports[0].nodePort: Invalid value: 20: provided port is not in the valid range. The range of valid ports is 30000-30099',
  ],
  [
    'None with node ports',
    { type: 'NodePort', clusterIP: 'None' },
    `spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services`,
  ],
] as const) {
  test(`a new Service is refused for ${name}`, async () => {
    assert.equal(await refusal(create(single, spec)), `Invalid: ${why}`);
  });
}

const LOCAL = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' } as const;
for (const [name, spec, changes, why] of [
  [
    'another address',
    {},
    { clusterIP: '10.0.0.77', clusterIPs: ['10.0.0.77'] },
    'spec.clusterIPs[0]: Invalid value: ["10.0.0.77"]: may not change once set',
  ],
  [
    'another address, told the old way',
    {},
    { clusterIP: '10.0.0.77' },
    'spec.clusterIPs[0]: Invalid value: ["10.0.0.77"]: may not change once set',
  ],
  [
    'an address outside the range',
    {},
    { clusterIP: '192.0.2.9' },
    'spec.clusterIPs[0]: Invalid value: ["192.0.2.9"]: may not change once set',
  ],
  ['no address', {}, { clusterIP: 'None', clusterIPs: ['None'] }, 'spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'],
  [
    'an address after None',
    { clusterIP: 'None', selector: { a: 'b' } },
    { clusterIP: '192.0.2.9', clusterIPs: ['192.0.2.9'] },
    'spec.clusterIPs[0]: Invalid value: ["192.0.2.9"]: may not change once set',
  ],
  // Of the lower part of the range, which is given to nobody who asked for no port.
  ['another health check port', LOCAL, { healthCheckNodePort: 30_010 }, 'spec.healthCheckNodePort: Forbidden: field is immutable'],
  ['a health check port outside the range', LOCAL, { healthCheckNodePort: 80 }, 'spec.healthCheckNodePort: Forbidden: field is immutable'],
  [
    'node ports for a type without',
    { type: 'NodePort' },
    { type: 'ClusterIP', ports: [{ port: 80, nodePort: 30_098 }] },
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
  ],
] as const) {
  test(`a Service is refused ${name}`, async () => {
    const service = await create(single, spec);
    assert.equal(await refusal(change(single, service, changes)), `Invalid: ${why}`);
  });
}

test('an address that somebody else has is no reason why a Service may not change its own', async () => {
  const [other, service] = [await create(single, {}), await create(single, {})];
  const clusterIP = other.spec.clusterIP as string;
  const why = `Invalid: spec.clusterIPs[0]: Invalid value: ["${clusterIP}"]: may not change once set`;
  assert.equal(await refusal(change(single, service, { clusterIP })), why);
});

const addresses = async ({ client }: LoopbackServer, { metadata: { name } }: Service): Promise<readonly string[]> =>
  (await client.list(ipaddresses)).items.filter(({ spec }) => spec.parentRef?.name === name).map(({ metadata }) => metadata.name);

test('a Service of one family gets the second one, with an address, and gives it back', async () => {
  const first = await create(dual, {});
  assert.deepEqual([first.spec.ipFamilies, first.spec.clusterIPs?.length], [['IPv4'], 1]);
  const both = await change(dual, first, { ipFamilyPolicy: 'RequireDualStack' });
  assert.deepEqual([both.spec.ipFamilies, both.spec.clusterIPs?.[0]], [['IPv4', 'IPv6'], first.spec.clusterIP]);
  assert.deepEqual(new Set(await addresses(dual, both)), new Set(both.spec.clusterIPs));
  const shorter = { clusterIPs: both.spec.clusterIPs?.slice(0, 1), ipFamilies: ['IPv4'] };
  assert.equal(
    await refusal(change(dual, both, shorter)),
    'Invalid: [spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be \'SingleStack\' to release the secondary cluster IP, ' +
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be \'SingleStack\' to release the secondary IP family]',
  );
  const one = await change(dual, both, { ipFamilyPolicy: 'SingleStack' });
  assert.deepEqual([one.spec.ipFamilies, one.spec.clusterIPs], [['IPv4'], [first.spec.clusterIP]]);
  assert.deepEqual(await addresses(dual, one), [first.spec.clusterIP]);
});

test('the second address of a Service may be named, and stays when it is preferred alone', async () => {
  const first = await create(dual, { ipFamilies: ['IPv4'] });
  const clusterIPs = [first.spec.clusterIP as string, 'fd00::77'];
  const both = await change(dual, first, { ipFamilyPolicy: 'PreferDualStack', clusterIPs });
  assert.deepEqual([both.spec.ipFamilies, both.spec.clusterIPs], [['IPv4', 'IPv6'], clusterIPs]);
  const other = [first.spec.clusterIP as string, 'fd00::78'];
  assert.equal(
    await refusal(change(dual, both, { clusterIPs: other })),
    `Invalid: spec.clusterIPs[1]: Invalid value: ${JSON.stringify(other)}: may not change once set`,
  );
});

for (const [name, from, to, is] of [
  ['a name outside gets what it needs', { type: 'ExternalName', externalName: 'a.b' }, { type: 'NodePort' }, { ip: true, port: true }],
  [
    'a name outside gives back what it had',
    { type: 'NodePort' },
    { type: 'ExternalName', externalName: 'a.b' },
    { ip: false, port: false },
  ],
  ['a plain one gets node ports', {}, { type: 'NodePort' }, { ip: true, port: true }],
  ['a plain one gives node ports back', { type: 'NodePort' }, { type: 'ClusterIP' }, { ip: true, port: false }],
  ['a load balancer keeps node ports', { type: 'NodePort' }, { type: 'LoadBalancer' }, { ip: true, port: true }],
  [
    'a load balancer that needs no node ports keeps those it has',
    { type: 'LoadBalancer' },
    { allocateLoadBalancerNodePorts: false },
    { ip: true, port: true },
  ],
  [
    'a load balancer that needs no node ports lets them go',
    { type: 'LoadBalancer' },
    { allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }] },
    { ip: true, port: false },
  ],
] as const) {
  test(`a Service changes its type: ${name}`, async () => {
    const service = await create(dual, from);
    const { spec } = await change(dual, service, to);
    assert.deepEqual({ ip: (spec.clusterIP ?? '') !== '', port: (spec.ports?.[0]?.nodePort ?? 0) !== 0 }, is);
    const kept: Spec = service.spec;
    if (is.ip && kept.clusterIP !== undefined) assert.equal(spec.clusterIP, kept.clusterIP);
    if (is.port && kept.ports?.[0]?.nodePort !== undefined) assert.equal(spec.ports?.[0]?.nodePort, kept.ports[0].nodePort);
  });
}
