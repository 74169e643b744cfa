import assert from 'node:assert/strict';
import { test } from 'node:test';
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
    service('outside', { type: 'ExternalName', externalName: 'Example.ORG.' }),
  );
  const endpointSlices = fakeInformer(
    slice('web-1', 'web', [{ address: '10.244.0.4' }]),
    slice('db-1', 'db', [{ address: '10.244.0.5', hostname: 'db-0' }, { address: '10.244.0.6' }, { address: '10.244.0.7', ready: false }]),
    slice('early-1', 'early', [{ address: '10.244.0.8', ready: false }]),
  );
  const namespaces = fakeInformer(namespace('shop'), namespace('bare'));
  return {
    services,
    endpointSlices,
    zone: new Zone('cluster.local', new ZoneIndex('cluster.local', { services, endpointSlices, namespaces })),
  };
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
  ['web.shop.svc.cluster.local', 'SRV', ['SRV 0 50 80 web.shop.svc.cluster.local', 'SRV 0 50 443 web.shop.svc.cluster.local']],
  ['_http._tcp.web.shop.svc.cluster.local', 'SRV', ['SRV 0 100 80 web.shop.svc.cluster.local']],
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
  ['early.shop.svc.cluster.local', 'A', ['A 10.244.0.8']],
  ['outside.shop.svc.cluster.local', 'CNAME', ['CNAME example.org']],
  ['outside.shop.svc.cluster.local', 'A', ['CNAME example.org']],
  ['none.shop.svc.cluster.local', 'A', 'nxDomain'],
  ['shop.svc.cluster.local', 'A', 'noData'],
  ['nowhere.svc.cluster.local', 'A', 'nxDomain'],
  ['web.nowhere.svc.cluster.local', 'A', 'nxDomain'],
  ['svc.cluster.local', 'A', 'noData'],
  ['10-244-0-9.shop.pod.cluster.local', 'A', ['A 10.244.0.9']],
  ['10-244-0-999.shop.pod.cluster.local', 'A', 'nxDomain'],
  ['dns-version.cluster.local', 'TXT', ['TXT 1.1.0']],
  ['cluster.local', 'SOA', ['SOA ns.dns.cluster.local']],
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
