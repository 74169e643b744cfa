import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ForwardCache } from './forward-cache.ts';
import { upstreamsOf } from './resolv-conf.ts';

const question = { name: 'a.example.org', type: 'A' };
const answer = (ttl: number) => ({
  rcode: 'NOERROR' as const,
  answers: [{ name: 'a.example.org', type: 'A', ttl, data: '203.0.113.1' }],
  authorities: [],
});

for (const [ttl, kept] of [
  [60, 30],
  [20, 20],
  [0, 5],
] as const) {
  test(`ForwardCache keeps an answer with a TTL of ${ttl} s for ${kept} s`, () => {
    const cache = new ForwardCache(10);
    assert.equal(cache.set(question, answer(ttl), 0).answers[0]?.ttl, kept, 'who asks first is told so');
    assert.notEqual(cache.get(question, kept * 1000 - 1), undefined);
    assert.equal(cache.get(question, kept * 1000), undefined);
  });
}

test('ForwardCache lowers the TTL by the age of the answer', () => {
  const cache = new ForwardCache(10);
  cache.set(question, answer(20), 0);
  assert.equal(cache.get(question, 7_500)?.answers[0]?.ttl, 13);
});

for (const [what, authorities, kept] of [
  ['the time its zone gives for denials', [{ name: 'example.org', type: 'SOA', ttl: 3600, data: { minimum: 12 } }], 12],
  ['no longer than its SOA', [{ name: 'example.org', type: 'SOA', ttl: 8, data: { minimum: 3600 } }], 8],
  ['a short time where nothing is said', [], 5],
] as const) {
  test(`ForwardCache keeps a denial for ${what}`, () => {
    const cache = new ForwardCache(10);
    cache.set(question, { rcode: 'NXDOMAIN', answers: [], authorities }, 0);
    assert.notEqual(cache.get(question, kept * 1000 - 1), undefined);
    assert.equal(cache.get(question, kept * 1000), undefined);
  });
}

test('ForwardCache keeps no failure', () => {
  const cache = new ForwardCache(10);
  cache.set(question, { ...answer(20), rcode: 'SERVFAIL' }, 0);
  assert.equal(cache.size, 0);
});

test('ForwardCache never holds more than its capacity, and drops what was used longest ago', () => {
  const cache = new ForwardCache(2);
  for (const name of ['a', 'b']) cache.set({ name, type: 'A' }, answer(20), 0);
  cache.get({ name: 'a', type: 'A' }, 1);
  cache.set({ name: 'c', type: 'A' }, answer(20), 2);
  assert.equal(cache.size, 2);
  assert.equal(cache.get({ name: 'b', type: 'A' }, 3), undefined);
  assert.notEqual(cache.get({ name: 'a', type: 'A' }, 3), undefined);
});

test('upstreamsOf reads nameserver lines in order, without repeats and without the server itself', () => {
  const text =
    'search lan\nnameserver 10.0.0.1\n  nameserver 10.0.0.2 # two\nnameserver 10.0.0.1\n#nameserver 10.0.0.3\nnameserver 10.244.0.1\n';
  assert.deepEqual(upstreamsOf(text, ['10.244.0.1']), [
    { address: '10.0.0.1', port: 53 },
    { address: '10.0.0.2', port: 53 },
  ]);
});
