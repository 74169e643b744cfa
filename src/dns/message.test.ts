import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, decode, encode } from 'dns-packet';
import { seededIds } from '#base/ids.ts';
import { encodeResponse, parseQuery, type Query, type Response } from './message.ts';
import { spread } from './spread.ts';

function queryOf(name: string, type: string, edns: boolean): Query {
  const additionals: readonly Answer[] = edns ? [{ type: 'OPT', name: '.', udpPayloadSize: 1232, options: [] }] : [];
  const parsed = parseQuery(encode({ id: 9, type: 'query', questions: [{ name, type, class: 'IN' }], additionals }));
  assert.ok(parsed.kind === 'query');
  return parsed.query;
}

const NAME = 'db.shop.svc.cluster.local';
const addresses = (count: number): readonly Answer[] =>
  Array.from({ length: count }, (_, i) => ({ name: NAME, type: 'A', ttl: 30, data: `10.244.${i >> 8}.${i & 255}` }));
const response = (answers: readonly Answer[], more: Partial<Response> = {}): Response => ({
  rcode: 'NOERROR',
  authoritative: true,
  answers,
  ...more,
});
/** What a reader sees of records. */
const plain = (records: readonly Answer[] = []): readonly unknown[] =>
  records.map(({ name, type, ttl, data }) => ({ name, type, ttl, data }));

test('encodeResponse writes a name once, so that twice as many addresses fit as in full', () => {
  for (const [edns, room, held] of [
    [false, 512, 29],
    [true, 1232, 73],
  ] as const) {
    const query = queryOf(NAME, 'A', edns);
    const whole = encodeResponse(query, response(addresses(held)), room);
    assert.ok(whole.length <= room);
    assert.deepEqual([decode(whole).flag_tc, plain(decode(whole).answers)], [false, plain(addresses(held))]);
    const cut = encodeResponse(query, response(addresses(held + 1)), room);
    assert.deepEqual([decode(cut).flag_tc, decode(cut).answers?.length], [true, held]);
    assert.equal(decode(cut).additionals?.length, edns ? 1 : 0);
  }
});

test('encodeResponse writes what dns-packet reads, of every kind of record and in all sections', () => {
  const soa = { mname: 'ns.dns.cluster.local', rname: 'hostmaster.cluster.local', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 };
  const answers: readonly Answer[] = [
    { name: 'a.b.example.org', type: 'CNAME', ttl: 1, data: 'b.example.org' },
    { name: 'b.example.org', type: 'MX', ttl: 2, data: { preference: 1, exchange: 'mail.example.org' } },
    { name: 'example.org', type: 'NS', ttl: 2, data: 'ns.example.org' },
    { name: '1.0.0.10.in-addr.arpa', type: 'PTR', ttl: 2, data: 'x.a.b.example.org' },
    { name: 'x.a.b.example.org', type: 'AAAA', ttl: 3, data: 'fd00::1' },
    { name: '_http._tcp.example.org', type: 'SRV', ttl: 3, data: { priority: 0, weight: 100, port: 80, target: 'b.example.org' } },
    { name: '.', type: 'TXT', ttl: 3, data: [Buffer.from('text')] },
  ];
  const authorities: readonly Answer[] = [{ name: 'cluster.local', type: 'SOA', ttl: 30, data: soa }];
  const additionals: readonly Answer[] = [{ name: 'b.example.org', type: 'A', ttl: 4, data: '192.0.2.1' }];
  const packet = decode(encodeResponse(queryOf('A.b.Example.org', 'ANY', true), response(answers, { authorities, additionals }), 1232));
  assert.deepEqual(plain(packet.answers), plain(answers));
  assert.deepEqual(plain(packet.authorities), plain(authorities));
  assert.deepEqual(plain(packet.additionals?.filter(({ type }) => type !== 'OPT')), plain(additionals));
  assert.equal(packet.questions?.[0]?.name, 'A.b.Example.org');
});

test('encodeResponse lets additional records go before it cuts an answer, and is right behind what it took back', () => {
  const query = queryOf(NAME, 'A', true);
  const additionals = Array.from({ length: 40 }, (_, i) => ({ name: `further-${i}.example.org`, type: 'A', ttl: 1, data: '192.0.2.1' }));
  const packet = decode(encodeResponse(query, response(addresses(50), { additionals }), 1232));
  assert.deepEqual([packet.flag_tc, packet.answers?.length, packet.additionals?.map(({ type }) => type)], [false, 50, ['OPT']]);
  const long: Answer = { name: `${'l'.repeat(60)}.example.org`, type: 'TXT', ttl: 1, data: [Buffer.alloc(200)] };
  const cut = decode(encodeResponse(query, response([long, long, long, { ...long, name: 'z.example.org' }], { additionals: [] }), 500));
  assert.deepEqual([cut.flag_tc, cut.answers?.length], [true, 1]);
});

test('encodeResponse of an answer beyond what names can point to is read as it was written', () => {
  const names = Array.from({ length: 1_500 }, (_, i) => ({ name: `pod-${i}.${NAME}`, type: 'A', ttl: 30, data: '10.244.0.1' }));
  assert.deepEqual(plain(decode(encodeResponse(queryOf(NAME, 'A', false), response(names), 65_535)).answers), plain(names));
});

test('spread puts each address first as often as the others, behind aliases, and keeps what else there is', () => {
  const ids = seededIds(1);
  const records = [
    { type: 'A', data: '1' },
    { type: 'CNAME', data: 'x' },
    { type: 'A', data: '2' },
    { type: 'A', data: '3' },
  ];
  const first = new Map<string, number>();
  for (let i = 0; i < 3_000; i++) {
    const [alias, lead, ...rest] = spread(records, () => ids.fraction());
    assert.deepEqual([alias?.data, rest.length], ['x', 2]);
    first.set(lead?.data ?? '', (first.get(lead?.data ?? '') ?? 0) + 1);
  }
  assert.deepEqual([...first.keys()].toSorted(), ['1', '2', '3']);
  for (const times of first.values()) assert.ok(times > 800 && times < 1_200, `${times}`);
});
