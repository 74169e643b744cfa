import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { connectBus, DbusError } from './dbus.ts';
import { decodeMessage, encodeMessage, messageLength, type Message } from './dbus-messages.ts';
import { completeTypes, DbusFormatError, readValues, type Value, variant, writeValues } from './dbus-values.ts';
import { serve, startBus } from './testing/bus.ts';

const VALUES: readonly (readonly [signature: string, ...values: Value[]])[] = [
  ['ybnqiuxtd', 7, true, -2, 65_535, -70_000, 4_000_000_000, -(2n ** 40n), 2n ** 63n, 0.5],
  ['sog', 'größer', '/a/b', 'a{sv}'],
  ['yas', 1, ['one', '', 'three']],
  [
    'ya(sv)',
    1,
    [
      ['Wants', variant('as', ['a.slice'])],
      ['TasksMax', variant('t', 5n)],
    ],
  ],
  [
    'a{su}ax',
    [
      ['a', 1],
      ['b', 2],
    ],
    [],
  ],
  ['v', variant('(sa(sv))', ['x', []])],
];

for (const [signature, ...values] of VALUES) {
  test(`values of ${signature} are read as they were written`, () =>
    assert.deepEqual(readValues(signature, writeValues(signature, values)), values));
}

/** By hand, from the specification: an array of structures begins at a multiple of eight. */
test('writeValues aligns as the specification says', () => {
  const bytes = writeValues('ya(su)', [9, [['ab', 3]]]);
  assert.equal(bytes.toString('hex'), '09000000' + '0c000000' + '02000000' + '61620000' + '03000000');
});

for (const [name, signature, bytes] of [
  ['a value that is cut off', 'u', Buffer.from([1, 2])],
  ['an array that ends within a value', 'au', Buffer.from([6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])],
  ['an array beyond all bounds', 'ay', Buffer.from([255, 255, 255, 255])],
  ['a variant of two values', 'v', Buffer.from([2, 0x75, 0x75, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
] as const) {
  test(`readValues refuses ${name}`, () => assert.throws(() => readValues(signature, bytes), DbusFormatError));
}

test('completeTypes refuses what is no signature', () => {
  assert.deepEqual(completeTypes('sa(sv)a{s(ii)}'), ['s', 'a(sv)', 'a{s(ii)}']);
  for (const signature of ['a', '(s', 'z', 'a'.repeat(100) + 's'])
    assert.throws(() => completeTypes(signature), DbusFormatError, signature);
});

test('a message is read as it was written, and not before all of it is there', () => {
  const message: Message = {
    kind: 'call',
    serial: 3,
    path: '/a',
    interface: 'b.c',
    member: 'D',
    destination: 'e.f',
    signature: 'su',
    body: ['x', 4],
  };
  const bytes = encodeMessage(message);
  assert.deepEqual(decodeMessage(bytes), message);
  assert.equal(messageLength(bytes.subarray(0, 10)), undefined);
  assert.equal(messageLength(Buffer.concat([bytes, bytes])), bytes.length);
  assert.throws(() => messageLength(Buffer.from('B'.repeat(16))), DbusFormatError);
});

test('a bus carries calls, refusals and signals', async (t) => {
  const path = await startBus(t);
  const name = 'test.proa.Echo';
  const at = { destination: name, path: '/echo', interface: name };
  const service = await serve(t, path, name, (member, body) => {
    if (member === 'Fail') return { errorName: 'test.proa.No', message: 'not today' };
    return member === 'Echo' ? { signature: 'sa(sv)', body } : undefined;
  });
  const bus = await connectBus(systemClock, path);
  t.after(() => bus.close());
  const body: readonly Value[] = ['large '.repeat(50_000), [['a', variant('t', 1n)]]];
  assert.deepEqual(await bus.call({ ...at, member: 'Echo', signature: 'sa(sv)', body }), body);
  assert.deepEqual(await bus.call({ ...at, member: 'Nothing' }), []);
  await assert.rejects(
    bus.call({ ...at, member: 'Fail' }),
    (error) => error instanceof DbusError && error.code === 'test.proa.No' && error.message === 'not today',
  );
  await assert.rejects(bus.call({ ...at, destination: 'test.proa.Nobody', member: 'Echo' }), {
    code: 'org.freedesktop.DBus.Error.ServiceUnknown',
  });

  const seen = new Promise<readonly Value[]>((resolve) => {
    void bus
      .follow({ path: '/echo', interface: name, member: 'Told' }, (signal) => resolve(signal.body))
      .then(() => {
        service.emit({ path: '/other', interface: name, member: 'Told', signature: 'b', body: [false] });
        service.emit({ path: '/echo', interface: name, member: 'Told', signature: 'b', body: [true] });
      });
  });
  assert.deepEqual(await seen, [true]);
});

test('calls under way fail when the connection ends, and so does whoever finds no bus', async (t) => {
  const path = await startBus(t);
  const name = 'test.proa.Silent';
  const bus = await connectBus(systemClock, path);
  const called = bus.call({ destination: name, path: '/', interface: name, member: 'Never' });
  bus.close();
  await assert.rejects(called, { message: 'dbus: connection closed' });
  await bus.ended;
  await assert.rejects(bus.call({ destination: name, path: '/', interface: name, member: 'Never' }), DbusError);
  await assert.rejects(connectBus(systemClock, `${path}-none`), /^DbusError: dial unix .*-none: connect ENOENT/);
});
