import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pod } from '../testing/pods.ts';
import { parseResolvConf, podDns, type DnsSettings } from './dns.ts';
import { HostnameError, hostNetworkHosts, managedHosts, podHostname } from './hostname.ts';

const settings: DnsSettings = {
  clusterDNS: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  host: { servers: ['192.0.2.53'], searches: ['corp.example'], options: ['timeout:2'] },
  ipv6: false,
};

for (const c of [
  {
    name: 'ClusterFirst',
    spec: { dnsPolicy: 'ClusterFirst' },
    want: {
      servers: ['10.96.0.10'],
      searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example'],
      options: ['ndots:5'],
    },
  },
  { name: 'ClusterFirst on the network of the host', spec: { dnsPolicy: 'ClusterFirst', hostNetwork: true }, want: settings.host },
  {
    name: 'ClusterFirstWithHostNet',
    spec: { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true },
    want: {
      servers: ['10.96.0.10'],
      searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example'],
      options: ['ndots:5'],
    },
  },
  { name: 'Default', spec: { dnsPolicy: 'Default' }, want: settings.host },
  {
    name: 'None with a configuration of its own',
    spec: { dnsPolicy: 'None', dnsConfig: { nameservers: ['198.51.100.1'], searches: ['x'], options: [{ name: 'edns0' }] } },
    want: { servers: ['198.51.100.1'], searches: ['x'], options: ['edns0'] },
  },
  {
    name: 'ClusterFirst with additions',
    spec: {
      dnsPolicy: 'ClusterFirst',
      dnsConfig: {
        nameservers: ['10.96.0.10', '1.1.1.1'],
        searches: ['cluster.local', 'mine'],
        options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
      },
    },
    want: {
      servers: ['10.96.0.10', '1.1.1.1'],
      searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example', 'mine'],
      options: ['ndots:2', 'edns0'],
    },
  },
] as const) {
  test(`podDns gives the configuration of ${c.name}`, () =>
    assert.deepEqual(podDns(pod({ spec: c.spec }), settings), { config: c.want, warnings: [] }));
}

test('podDns falls back to Default, and says so, when the cluster has no DNS', () => {
  const { config, warnings } = podDns(pod(), { ...settings, clusterDNS: [] });
  assert.deepEqual(config, settings.host);
  assert.match(
    warnings[0]?.message ?? '',
    /kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy\. Falling back to "Default" policy\.$/,
  );
});

test('podDns keeps three servers and thirty-two searches, and says which', () => {
  const searches = Array.from({ length: 40 }, (_, index) => `s${index}`);
  const { config, warnings } = podDns(
    pod({ spec: { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'], searches } } }),
    settings,
  );
  assert.equal(config.servers.length, 3);
  assert.equal(config.searches.length, 32);
  assert.deepEqual(
    warnings.map(({ reason }) => reason),
    ['DNSConfigForming', 'DNSConfigForming'],
  );
  assert.equal(
    warnings[0]?.message,
    'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 1.1.1.1 2.2.2.2 3.3.3.3',
  );
});

test('parseResolvConf lets later search and options lines win', () => {
  assert.deepEqual(
    parseResolvConf('# c\nnameserver 1.1.1.1 # x\nnameserver\t::1\nsearch a b.\nsearch c. .\noptions ndots:1\noptions ndots:2 rotate\n'),
    {
      servers: ['1.1.1.1', '::1'],
      searches: ['c', '.'],
      options: ['ndots:2', 'rotate'],
    },
  );
});

test('podHostname follows hostname, subdomain and override', () => {
  const named = (spec: object, name = 'web'): unknown => podHostname(pod({ name, spec }), 'cluster.local');
  assert.deepEqual(named({}), { hostname: 'web', domain: '', kernel: 'web' });
  assert.deepEqual(named({ hostname: 'h', subdomain: 's' }), { hostname: 'h', domain: 's.default.svc.cluster.local', kernel: 'h' });
  assert.deepEqual(named({ hostname: 'h', subdomain: 's', setHostnameAsFQDN: true }), {
    hostname: 'h',
    domain: 's.default.svc.cluster.local',
    kernel: 'h.s.default.svc.cluster.local',
  });
  assert.deepEqual(named({ hostnameOverride: 'o', subdomain: 's' }), { hostname: 'o', domain: '', kernel: 'o' });
  assert.deepEqual(named({}, `${'a'.repeat(62)}.b`), { hostname: 'a'.repeat(62), domain: '', kernel: 'a'.repeat(62) });
});

test('podHostname refuses names that are no DNS labels, and names too long for the kernel', () => {
  assert.throws(() => podHostname(pod({ spec: { hostname: 'Not_OK' } }), 'cluster.local'), HostnameError);
  assert.throws(
    () => podHostname(pod({ name: 'a'.repeat(50), spec: { subdomain: 's', setHostnameAsFQDN: true } }), 'cluster.local'),
    /is too long \(64 characters is the max/,
  );
});

test('managedHosts lists the pod under each address, and aliases at the end', () => {
  const text = managedHosts(['10.0.0.5', 'fd00::5'], { hostname: 'h', domain: 's.default.svc.cluster.local', kernel: 'h' }, [
    { ip: '127.0.0.1', hostnames: ['foo', 'bar'] },
  ]);
  assert.equal(
    text,
    '# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n' +
      '10.0.0.5\th.s.default.svc.cluster.local\th\nfd00::5\th.s.default.svc.cluster.local\th\n\n# Entries added by HostAliases.\n127.0.0.1\tfoo\tbar\n',
  );
});

test('hostNetworkHosts keeps the file of the node', () => {
  assert.equal(hostNetworkHosts('1.2.3.4 node\n', []), '# Kubernetes-managed hosts file (host network).\n1.2.3.4 node\n');
});
