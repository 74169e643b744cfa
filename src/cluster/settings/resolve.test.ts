import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings, SettingsError } from './resolve.ts';
import { apiServerURL } from './settings.ts';
import { labelsOf } from './value.ts';

const machine = { nodeName: 'boat', nodeIP: '192.0.2.7', kubeconfig: '/root/.kube/config' };
const resolve = (flags: Record<string, string> = {}, values?: Record<string, unknown>) =>
  resolveSettings({ flags, file: values === undefined ? undefined : { path: '/etc/proa.yaml', values }, machine });

test('resolveSettings gives what a Kubernetes user expects by default', () => {
  const { port, podCIDR, serviceCIDR, clusterDNS, clusterDomain, nodeName, store } = resolve();
  assert.deepEqual(
    { port, podCIDR, serviceCIDR, clusterDNS, clusterDomain, nodeName, store },
    {
      port: 6443,
      podCIDR: '10.244.0.0/16',
      serviceCIDR: '10.96.0.0/12',
      clusterDNS: '10.96.0.10',
      clusterDomain: 'cluster.local',
      nodeName: 'boat',
      store: 'embedded',
    },
  );
});

test('resolveSettings takes a flag over the file, and the file over the default', () => {
  const settings = resolve({ port: '7443' }, { port: 8443, kubeletPort: 11_250, tlsNames: ['a.example.org', '10.1.1.1'] });
  assert.equal(settings.port, 7443);
  assert.equal(settings.kubeletPort, 11_250);
  assert.deepEqual(settings.tlsNames, ['a.example.org', '10.1.1.1']);
});

for (const c of [
  { name: 'a key that is none', values: { prot: 1 }, message: '/etc/proa.yaml: there is no setting "prot"' },
  { name: 'a port out of range', flags: { port: '70000' }, message: '--port: "70000" is not a port from 1 to 65535' },
  {
    name: 'host bits in a network',
    flags: { 'pod-cidr': '10.244.1.0/16' },
    message: /--pod-cidr: "10.244.1.0\/16" is not an IP network/,
  },
  {
    name: 'an API nobody knows',
    flags: { 'runtime-config': 'nope.example/v1=true' },
    message: '--runtime-config: "nope.example/v1=true" is refused: unknown api groups nope.example/v1',
  },
  {
    name: 'a feature nobody knows',
    flags: { 'feature-gates': 'Nope=true' },
    message: '--feature-gates: "Nope=true" is refused: unrecognized feature gate: Nope',
  },
  {
    name: 'an admission plugin nobody knows',
    flags: { 'disable-admission-plugins': 'LimitRanger,Nope' },
    message: /^--disable-admission-plugins: "LimitRanger,Nope" has a plugin "Nope" that is unknown/,
  },
  {
    name: 'a plugin that is to run and not to run',
    flags: { 'enable-admission-plugins': 'Priority,LimitRanger', 'disable-admission-plugins': 'LimitRanger' },
    message: '[LimitRanger] in enable-admission-plugins and disable-admission-plugins overlapped',
  },
  {
    name: 'an audit batch smaller than an event',
    flags: { 'audit-log-truncate-max-batch-size': '1000', 'audit-log-truncate-max-event-size': '2000' },
    message: 'invalid audit truncate log max batch size 1000, must be greater than max event size (2000)',
  },
  {
    name: 'audit batches without a rate',
    flags: { 'audit-webhook-batch-throttle-qps': '0' },
    message: '--audit-webhook-batch-throttle-qps: "0" is not a positive number',
  },
  {
    name: 'a key set that is not behind https',
    flags: { 'service-account-jwks-uri': 'http://keys.example.org/jwks' },
    message: '--service-account-jwks-uri: "http://keys.example.org/jwks" does not have the https scheme that is required',
  },
  {
    name: 'an issuer that is no URL',
    flags: { 'service-account-issuer': 'https://a.example.org,https://[x' },
    message: /^--service-account-issuer: .* has "https:\/\/\[x", which contains a ':' but is not a valid URL$/,
  },
  {
    name: 'tokens that live too short',
    flags: { 'service-account-max-token-expiration': '10m' },
    message: '--service-account-max-token-expiration: "10m" is not between 1 hour and 2^32 seconds',
  },
  {
    name: 'networks that overlap',
    flags: { 'pod-cidr': '10.96.0.0/16' },
    message: '--pod-cidr 10.96.0.0/16 and --service-cidr 10.96.0.0/12 overlap',
  },
  {
    name: 'a DNS address outside the Service network',
    flags: { 'cluster-dns': '10.0.0.10' },
    message: '--cluster-dns 10.0.0.10 is not in --service-cidr 10.96.0.0/12',
  },
  {
    name: 'a node inside the pod network',
    flags: { 'node-ip': '10.244.0.5' },
    message: '--node-ip 10.244.0.5 is in --pod-cidr: choose another network',
  },
  { name: 'an upper-case node name', flags: { 'node-name': 'Boat' }, message: '--node-name: "Boat" is not a lower-case DNS name' },
  {
    name: 'a store that is none',
    values: { store: 'sqlite' },
    message: '/etc/proa.yaml: store: "sqlite" is neither `embedded` nor `etcd://host:port`',
  },
]) {
  test(`resolveSettings refuses ${c.name}`, () => {
    assert.throws(
      () => resolve(c.flags ?? {}, c.values),
      (error: unknown) => {
        assert.ok(error instanceof SettingsError);
        if (typeof c.message === 'string') assert.equal(error.message, c.message);
        else assert.match(error.message, c.message);
        return true;
      },
    );
  });
}

test('resolveSettings names every mistake at once', () => {
  assert.throws(() => resolve({ port: 'x', 'kubelet-port': 'y' }), /--port.*\n--kubelet-port|--kubelet-port.*\n--port/s);
});

test('resolveSettings asks for what the machine does not tell', () => {
  assert.throws(
    () => resolveSettings({ flags: {}, file: undefined, machine: { ...machine, nodeIP: undefined as never } }),
    /--node-ip: this machine does not tell the address of this node; give it by hand/,
  );
});

test('clients find the API server where it listens, and at the node address where that is everywhere', () => {
  assert.equal(apiServerURL(resolve()), 'https://192.0.2.7:6443');
  assert.equal(apiServerURL(resolve({ 'bind-address': '127.0.0.1', port: '7443' })), 'https://127.0.0.1:7443');
});

const sixth = { ...machine, nodeIPv6: () => '2001:db8::7' };
const families = (flags: Record<string, string>, from: Parameters<typeof resolveSettings>[0]['machine'] = sixth) => {
  const settings = resolveSettings({ flags, file: undefined, machine: from });
  return [settings.podCIDR, settings.serviceCIDR, settings.clusterDNS, settings.nodeIP, settings.bindAddress];
};

const [POD4, POD6] = ['10.244.0.0/16', 'fd00:10:244::/56'];
const [SERVICE4, SERVICE6] = ['10.96.0.0/12', 'fd00:10:96::/112'];

for (const [flags, expected] of [
  [{}, [POD4, SERVICE4, '10.96.0.10', '192.0.2.7', '0.0.0.0']],
  [{ 'ip-family': 'ipv6' }, [POD6, SERVICE6, 'fd00:10:96::a', '2001:db8::7', '::']],
  [{ 'ip-family': 'dual' }, [`${POD4},${POD6}`, `${SERVICE4},${SERVICE6}`, '10.96.0.10', '192.0.2.7,2001:db8::7', '::']],
  [
    { 'pod-cidr': `fd00:1::/56,10.1.0.0/16` },
    ['fd00:1::/56,10.1.0.0/16', `${SERVICE6},${SERVICE4}`, 'fd00:10:96::a', '2001:db8::7,192.0.2.7', '::'],
  ],
  [{ 'service-cidr': 'FD00:0010:0096::/112' }, [POD6, SERVICE6, 'fd00:10:96::a', '2001:db8::7', '::']],
  [{ 'node-ip': 'fd00::9' }, [POD6, SERVICE6, 'fd00:10:96::a', 'fd00::9', '::']],
  [{ 'ip-family': 'dual', 'service-cidr': SERVICE4 }, [`${POD4},${POD6}`, SERVICE4, '10.96.0.10', '192.0.2.7,2001:db8::7', '::']],
] as const) {
  test(`resolveSettings gives the networks of ${JSON.stringify(flags)}`, () => assert.deepEqual(families(flags), expected));
}

test('resolveSettings keeps the networks of the last start', () => {
  const stored = resolveSettings({ flags: { 'ip-family': 'dual' }, file: undefined, machine: sixth });
  const { ipFamily, podCIDR, serviceCIDR, clusterDNS, nodeIP, bindAddress } = stored;
  const again = families({}, { ...machine, ipFamily, podCIDR, serviceCIDR, clusterDNS, nodeIP, bindAddress });
  assert.deepEqual(again, [podCIDR, serviceCIDR, clusterDNS, nodeIP, bindAddress]);
});

test('resolveSettings takes the one address a machine has where the other family is not the main one', () => {
  assert.equal(families({ 'ip-family': 'dual' }, machine)[3], '192.0.2.7');
  assert.throws(() => families({ 'ip-family': 'ipv6' }, machine), /--node-ip: this machine does not tell the address of this node/);
});

test('resolveSettings makes a cluster of IPv6 on a machine that has nothing else', () => {
  const { nodeIP: _, ...rest } = sixth;
  assert.deepEqual(families({}, rest), [POD6, SERVICE6, 'fd00:10:96::a', '2001:db8::7', '::']);
});

for (const [flags, message] of [
  [{ 'ip-family': 'both' }, /--ip-family: "both" is not ipv4, ipv6 or dual/],
  [{ 'pod-cidr': '10.0.0.0/16,10.1.0.0/16' }, /has two networks of one family: give one, or one of IPv4 and one of IPv6/],
  [{ 'node-ip': '::ffff:10.0.0.1' }, /--node-ip: "::ffff:10.0.0.1" is not an IP address/],
  [{ 'pod-cidr': 'fd00::/40' }, /--pod-cidr fd00::\/40 is larger than nodes can share: an IPv6 network of at least \/48/],
  [{ 'pod-cidr': 'fd00::/65' }, /--pod-cidr fd00::\/65 is smaller than one node's \/64/],
  [{ 'service-cidr': 'fd00::/48' }, /--service-cidr fd00::\/48 is too large: an IPv6 network of at least \/64/],
  [{ 'ip-family': 'ipv4', 'service-cidr': `${SERVICE4},${SERVICE6}` }, /has IPv6, which --pod-cidr 10.244.0.0\/16 has not/],
  [{ 'ip-family': 'dual', 'node-ip': 'fd00::1' }, /--node-ip fd00::1 must begin with an address of IPv4/],
  [{ 'ip-family': 'ipv6', 'node-ip': 'fd00:10:244::5' }, /--node-ip fd00:10:244::5 is in --pod-cidr/],
] as const) {
  test(`resolveSettings refuses ${JSON.stringify(flags)}`, () => assert.throws(() => families(flags), message));
}

test('an IPv6 address stands in brackets in a URL', () => {
  assert.equal(apiServerURL({ bindAddress: '::', nodeIP: 'fd00::1,192.0.2.1', port: 6443 }), 'https://[fd00::1]:6443');
});

test('labels of the node are by comma, and each has to be one', () => {
  const settings = resolve({ 'node-labels': 'tier=edge,example.org/rack=7,empty=' }, {});
  assert.deepEqual(settings.nodeLabels, ['tier=edge', 'example.org/rack=7', 'empty=']);
  assert.deepEqual(labelsOf(settings.nodeLabels), { tier: 'edge', 'example.org/rack': '7', empty: '' });
  assert.throws(() => resolve({ 'node-labels': 'tier' }, {}), /--node-labels: .*has "tier", which is no label: it has no =/);
  assert.throws(
    () => resolve({ 'node-labels': 'a b=c' }, {}),
    /--node-labels: .*has "a b=c", which is no label: name part must consist of/,
  );
});

test('node ports are served at the primary addresses unless networks are named, or none for everywhere', () => {
  const asked = (...given: readonly string[]) => given.map((text) => resolve({ 'nodeport-addresses': text }, {}).nodePortAddresses);
  assert.deepEqual(resolve({}, {}).nodePortAddresses, ['primary']);
  assert.deepEqual(asked('10.0.0.0/8,fd00::/8', ''), [['10.0.0.0/8', 'fd00::/8'], []]);
  for (const wrong of ['primary,10.0.0.0/8', '10.0.0.0/8,foo', '192.0.2.1'])
    assert.throws(() => asked(wrong), /--nodeport-addresses: .* which must be a valid CIDR; or it is `primary` alone/);
});
