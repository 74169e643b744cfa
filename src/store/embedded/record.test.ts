import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidTransactionError } from '../contract.ts';
import { fromByteOrder, toByteOrder, writableKey } from '../key-order.ts';
import { claimedLength, readRecord, RECORD_HEADER_BYTES, RECORD_KIND, RecordBuffer, type RecordFields, valueAt } from './record.ts';

const FIELDS: RecordFields = {
  kind: RECORD_KIND.put,
  key: toByteOrder('/registry/pods/default/é'),
  modRevision: 2 ** 53 - 1,
  createRevision: 2 ** 33,
  version: 2 ** 32 - 1,
  lease: 2 ** 48,
};

test('a record reads back as it was added', () => {
  const records = new RecordBuffer(64);
  const lengths = [records.add(FIELDS, 77, 3, Buffer.from('value')), records.add({ ...FIELDS, key: '', kind: RECORD_KIND.seal }, 0, 0)];
  assert.equal(records.length, (lengths[0] ?? 0) + (lengths[1] ?? 0));
  const first = readRecord(records.bytes, 0, lengths[0] ?? 0);
  assert.deepEqual(first, { ...FIELDS, commitStart: 77, remaining: 3, length: lengths[0] });
  assert.equal(first && valueAt(records.bytes, 0, first).toString(), 'value');
  assert.equal(readRecord(records.bytes, lengths[0] ?? 0, RECORD_HEADER_BYTES)?.kind, RECORD_KIND.seal);
});

test('a record with any bit flipped is not read', () => {
  const records = new RecordBuffer();
  const length = records.add(FIELDS, 32, 0, Buffer.from('some value'));
  for (let bit = 0; bit < length * 8; bit++) {
    const damaged = Buffer.from(records.bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(readRecord(damaged, 0, length), undefined, `bit ${bit}`);
    const claimed = claimedLength(damaged, 0);
    assert.ok(claimed === length || readRecord(damaged, 0, claimed) === undefined);
  }
});

test('a record that is cut short is not read', () => {
  const records = new RecordBuffer();
  const length = records.add(FIELDS, 32, 0, Buffer.from('some value'));
  for (let cut = RECORD_HEADER_BYTES; cut < length; cut++) assert.equal(readRecord(records.bytes.subarray(0, cut), 0, length), undefined);
});

for (const key of ['', 'plain/ascii', 'é', '\u{1f600}', '\ufffd', 'a\u0080b', '日本/x']) {
  test(`toByteOrder can be undone for ${JSON.stringify(key)}`, () => assert.equal(fromByteOrder(toByteOrder(key)), key));
}

test('toByteOrder sorts as UTF-8 does', () => {
  const keys = ['\u{10000}', '\uffff', '\ud7ff', 'a', 'z', '\u0080', '\u07ff', '\u0800', '~', 'a\u{1f600}', 'a\ufffd'];
  assert.deepEqual(
    keys.toSorted((a, b) => (toByteOrder(a) < toByteOrder(b) ? -1 : 1)),
    keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
});

for (const [name, key] of [
  ['empty', ''],
  ['longer than 1,024 bytes', 'x'.repeat(1025)],
  ['longer than 1,024 bytes in UTF-8', 'é'.repeat(513)],
  ['with a NUL', 'a\0'],
  ['with half a surrogate pair', 'a\udc00'],
] as const) {
  test(`writableKey refuses a key that is ${name}`, () => assert.throws(() => writableKey(key), InvalidTransactionError));
}
