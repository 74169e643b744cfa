import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '#api/types.ts';
import { fakeInformer } from '#client/testing.ts';
import type { ZoneAnswer } from './records.ts';
import { namespace, service, slice } from './testing.ts';
import { addressOfReverseName, Zone } from './zone.ts';
import { ZoneIndex } from './zone-index.ts';

function fixture() {
  const services = fakeInformer(
    service('web', { clusterIP: '10.96.1.1', clusterIPs: ['10.96.1.1', 'fd00::1:1'], ports: [port('http', 80), port('https', 443)] }),
    service('db', { clusterIP: 'None', ports: [port('http', 8080)] }),
    service('empty', { clusterIP: 'None' }),
    service('early', { clusterIP: 'None', publishNotReadyAddresses: true }),
    service('both', { clusterIP: 'None', ports: [port('http', 8080)] }),
    service('outside', { type: 'ExternalName', externalName: 'Example.ORG.' }),
    service('alias', { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' }),
    service('far', { type: 'ExternalName', externalName: 'outside.shop.svc.cluster.local' }),
    service('circle', { type: 'ExternalName', externalName: 'circle2.shop.svc.cluster.local' }),
    service('circle2', { type: 'ExternalName', externalName: 'circle.shop.svc.cluster.local' }),
    service('dangling', { type: 'ExternalName', externalName: 'none.shop.svc.cluster.local' }),
    service('number', { type: 'ExternalName', externalName: '192.0.2.7' }),
    inSystem(service('kube-dns', { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'] })),
  );
  const endpointSlices = fakeInformer(
    slice('web-1', 'web', [{ address: '10.244.0.4' }]),
    slice('db-1', 'db', [{ address: '10.244.0.5', hostname: 'db-0' }, { address: '10.244.0.6' }, { address: '10.244.0.7', ready: false }]),
    slice('early-1', 'early', [{ address: '10.244.0.8', ready: false }]),
    slice('both-1', 'both', [{ address: '10.244.0.9', hostname: 'both-0' }]),
    slice('both-2', 'both', [{ address: 'fd00:244::9', hostname: 'both-0' }]),
    slice('both-3', 'both', [{ address: 'fd00:244::' }]),
  );
  const namespaces = fakeInformer(namespace('shop'), namespace('bare'), namespace('kube-system'));
  return {
    services,
    endpointSlices,
    zone: new Zone('cluster.local', new ZoneIndex('cluster.local', { services, endpointSlices, namespaces })),
  };
}

function inSystem(one: Service): Service {
  return { ...one, metadata: { ...one.metadata, namespace: 'kube-system' } };
}

const port = (name: string, number: number) => ({ name, port: number, protocol: 'TCP' as const, targetPort: number });

/** `type data` of each answer, or the kind of an answer without records. */
function brief(answer: ZoneAnswer): readonly string[] | string {
  if (answer.kind !== 'records' && answer.kind !== 'alias') return answer.kind;
  return answer.answers.map(
    (r) =>
      `${r.type} ${r.type === 'SRV' ? `${r.data.priority} ${r.data.weight} ${r.data.port} ${r.data.target}` : r.type === 'SOA' ? r.data.mname : r.data}`,
  );
}

const { zone } = fixture();

for (const [name, type, want] of [
  ['web.shop.svc.cluster.local', 'A', ['A 10.96.1.1']],
  ['web.shop.svc.cluster.local', 'AAAA', ['AAAA fd00::1:1']],
  ['web.shop.svc.cluster.local', 'MX', 'noData'],
  ['web.shop.svc.cluster.local', 'SRV', ['SRV 0 25 80 web.shop.svc.cluster.local', 'SRV 0 25 443 web.shop.svc.cluster.local']],
  ['_http._tcp.web.shop.svc.cluster.local', 'SRV', ['SRV 0 50 80 web.shop.svc.cluster.local']],
  ['_http._tcp.web.shop.svc.cluster.local', 'A', ['A 10.96.1.1']],
  ['_http._tcp.web.shop.svc.cluster.local', 'TXT', 'noData'],
  ['_http._tcp.db.shop.svc.cluster.local', 'A', ['A 10.244.0.5', 'A 10.244.0.6']],
  ['db-0.db.shop.svc.cluster.local', 'SRV', ['SRV 0 100 8080 db-0.db.shop.svc.cluster.local']],
  // One name, one port, two addresses.
  ['both-0.both.shop.svc.cluster.local', 'SRV', ['SRV 0 50 8080 both-0.both.shop.svc.cluster.local']],
  [
    'both.shop.svc.cluster.local',
    'SRV',
    ['SRV 0 33 8080 both-0.both.shop.svc.cluster.local', 'SRV 0 33 8080 fd00-244--0.both.shop.svc.cluster.local'],
  ],
  ['_http._udp.web.shop.svc.cluster.local', 'SRV', 'nxDomain'],
  ['_none._tcp.web.shop.svc.cluster.local', 'SRV', 'nxDomain'],
  ['db.shop.svc.cluster.local', 'A', ['A 10.244.0.5', 'A 10.244.0.6']],
  ['db-0.db.shop.svc.cluster.local', 'A', ['A 10.244.0.5']],
  ['10-244-0-6.db.shop.svc.cluster.local', 'A', ['A 10.244.0.6']],
  ['db-9.db.shop.svc.cluster.local', 'A', 'nxDomain'],
  [
    '_http._tcp.db.shop.svc.cluster.local',
    'SRV',
    ['SRV 0 50 8080 db-0.db.shop.svc.cluster.local', 'SRV 0 50 8080 10-244-0-6.db.shop.svc.cluster.local'],
  ],
  ['empty.shop.svc.cluster.local', 'A', 'nxDomain'],
  ['empty.shop.svc.cluster.local', 'SRV', 'nxDomain'],
  ['early.shop.svc.cluster.local', 'A', ['A 10.244.0.8']],
  ['outside.shop.svc.cluster.local', 'CNAME', ['CNAME example.org']],
  ['outside.shop.svc.cluster.local', 'A', ['CNAME example.org']],
  ['alias.shop.svc.cluster.local', 'A', ['CNAME web.shop.svc.cluster.local', 'A 10.96.1.1']],
  ['far.shop.svc.cluster.local', 'A', ['CNAME outside.shop.svc.cluster.local', 'CNAME example.org']],
  ['far.shop.svc.cluster.local', 'CNAME', ['CNAME outside.shop.svc.cluster.local']],
  ['circle.shop.svc.cluster.local', 'A', ['CNAME circle2.shop.svc.cluster.local']],
  ['dangling.shop.svc.cluster.local', 'A', ['CNAME none.shop.svc.cluster.local']],
  ['alias.shop.svc.cluster.local', 'TXT', ['CNAME web.shop.svc.cluster.local']],
  ['number.shop.svc.cluster.local', 'A', 'nxDomain'],
  ['none.shop.svc.cluster.local', 'A', 'nxDomain'],
  ['shop.svc.cluster.local', 'A', 'noData'],
  ['nowhere.svc.cluster.local', 'A', 'nxDomain'],
  ['web.nowhere.svc.cluster.local', 'A', 'nxDomain'],
  ['svc.cluster.local', 'A', 'noData'],
  ['10-244-0-9.shop.pod.cluster.local', 'A', ['A 10.244.0.9']],
  ['010-244-0-9.shop.pod.cluster.local', 'A', 'nxDomain'],
  ['fd00--7.shop.pod.cluster.local', 'AAAA', ['AAAA fd00::7']],
  ['dead-beef.shop.pod.cluster.local', 'AAAA', 'nxDomain'],
  ['10-244-0-999.shop.pod.cluster.local', 'A', 'nxDomain'],
  ['dns-version.cluster.local', 'TXT', ['TXT 1.1.0']],
  ['cluster.local', 'SOA', ['SOA ns.dns.cluster.local']],
  ['cluster.local', 'NS', ['NS kube-dns.kube-system.svc.cluster.local']],
  ['ns.dns.cluster.local', 'A', ['A 10.96.0.10']],
  ['ns.dns.cluster.local', 'AAAA', 'noData'],
  ['cluster.local', 'AXFR', 'refused'],
  ['other.cluster.local', 'A', 'nxDomain'],
  ['1.1.96.10.in-addr.arpa', 'PTR', ['PTR web.shop.svc.cluster.local']],
  ['5.0.244.10.in-addr.arpa', 'PTR', ['PTR db-0.db.shop.svc.cluster.local']],
  ['9.9.9.9.in-addr.arpa', 'PTR', 'elsewhere'],
  ['example.org', 'A', 'elsewhere'],
] as const) {
  test(`Zone answers ${type} ${name}`, () => assert.deepEqual(brief(zone.answer({ name, type })), want));
}

test('Zone answers the reverse name of an IPv6 cluster address', () => {
  const nibbles = ['fd00', '0000', '0000', '0000', '0000', '0000', '0001', '0001'].join('');
  const name = `${[...nibbles].toReversed().join('.')}.ip6.arpa`;
  assert.equal(addressOfReverseName(name), 'fd00:0000:0000:0000:0000:0000:0001:0001');
  assert.deepEqual(brief(zone.answer({ name, type: 'PTR' })), ['PTR web.shop.svc.cluster.local']);
});

test('Zone follows every change of Services and endpoints, also in reverse names', () => {
  const { zone: live, services, endpointSlices } = fixture();
  const ask = (name: string, type = 'A') => brief(live.answer({ name, type }));
  assert.deepEqual(ask('5.0.244.10.in-addr.arpa', 'PTR'), ['PTR db-0.db.shop.svc.cluster.local']);

  endpointSlices.put(slice('db-1', 'db', [{ address: '10.244.0.6' }], '2'));
  assert.deepEqual(ask('db.shop.svc.cluster.local'), ['A 10.244.0.6']);
  assert.equal(ask('5.0.244.10.in-addr.arpa', 'PTR'), 'elsewhere');

  endpointSlices.put(slice('db-1', 'web', [{ address: '10.244.0.6' }], '3')); // the slice changes its owner
  assert.equal(ask('db.shop.svc.cluster.local'), 'nxDomain');
  assert.deepEqual(ask('10-244-0-6.web.shop.svc.cluster.local'), ['A 10.244.0.6']);

  services.remove(service('web', {}));
  assert.equal(ask('web.shop.svc.cluster.local'), 'nxDomain');
  assert.equal(ask('1.1.96.10.in-addr.arpa', 'PTR'), 'elsewhere');
});
