import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileCodec } from './codec.ts';
import { ProtobufEncodeError } from './errors.ts';
import { PROTO2, PROTO3 } from './testing/fixture.ts';
import type { CodecOptions, MessageHook, ProtoCodec, ProtoSchema } from './schema.ts';

const MODES = ['compiled', 'interpreted'] as const;

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

interface Vector {
  readonly name: string;
  readonly message: string;
  readonly object: unknown;
  /** As the protobuf encoding specification has it, written by hand. */
  readonly hex: string;
  readonly schema?: ProtoSchema;
  readonly options?: CodecOptions;
}

// Worked from protobuf.dev/programming-guides/encoding: tag = number << 3 | wire type, base-128 varints, little endian.
const VECTORS: readonly Vector[] = [
  { name: 'a varint of two bytes', message: 'test.Scalars', object: { int32_field: 150 }, hex: '18 9601' },
  { name: 'a string', message: 'test.Scalars', object: { string_field: 'testing' }, hex: '72 07 74657374696e67' },
  { name: 'a negative int32 in ten bytes', message: 'test.Scalars', object: { int32_field: -2 }, hex: '18 feffffffffffffffff01' },
  { name: 'zigzag', message: 'test.Scalars', object: { sint32_field: -1, sint64_field: 2147483647 }, hex: '38 01 40 feffffff0f' },
  { name: 'zigzag of the least int32', message: 'test.Scalars', object: { sint32_field: -2147483648 }, hex: '38 ffffffff0f' },
  { name: 'the greatest uint32', message: 'test.Scalars', object: { uint32_field: 4294967295 }, hex: '28 ffffffff0f' },
  { name: 'a double', message: 'test.Scalars', object: { double_field: 1 }, hex: '09 000000000000f03f' },
  { name: 'negative zero', message: 'test.Scalars', object: { double_field: -0 }, hex: '09 0000000000000080' },
  { name: 'a float', message: 'test.Scalars', object: { float_field: -2.5 }, hex: '15 000020c0' },
  { name: 'fixed widths', message: 'test.Scalars', object: { fixed32_field: 1, sfixed32_field: -1 }, hex: '4d 01000000 5d ffffffff' },
  {
    name: 'fixed 64',
    message: 'test.Scalars',
    object: { fixed64_field: 258, sfixed64_field: -1 },
    hex: '51 0201000000000000 61 ffffffffffffffff',
  },
  { name: 'a bool', message: 'test.Scalars', object: { bool_field: true }, hex: '68 01' },
  { name: 'bytes', message: 'test.Scalars', object: { bytes_field: Buffer.from([0, 255]) }, hex: '7a 02 00ff' },
  {
    name: 'UTF-8 of two, three and four bytes',
    message: 'test.Scalars',
    object: { string_field: 'ü€𝒳' },
    hex: '72 09 c3bc e282ac f09d92b3',
  },
  { name: 'a tag of three bytes', message: 'test.Tree', object: { leaf: { name: 'x' } }, hex: 'c2bb01 03 0a0178' },
  { name: 'messages in one another', message: 'test.Tree', object: { left: { left: { name: 'a' } } }, hex: '12 05 12 03 0a 01 61' },
  { name: 'a packed list', message: 'test.Lists', object: { list2: [3, 270, 86942] }, hex: '62 06 03 8e02 9ea705' },
  { name: 'an unpacked list', message: 'test.Lists', object: { list2: [3, 270] }, hex: '60 03 60 8e02', schema: PROTO2 },
  { name: 'a list of strings', message: 'test.Lists', object: { list13: ['a', ''] }, hex: 'ba01 01 61 ba01 00' },
  { name: 'a list of enums', message: 'test.Lists', object: { list15: ['RED', 'BLUE'] }, hex: 'ca01 02 0002' },
  { name: 'a negative enum', message: 'test.Leaf', object: { colour: 'ODD' }, hex: '10 fbffffffffffffffff01' },
  { name: 'an enum value the table lacks', message: 'test.Leaf', object: { colour: 9 }, hex: '10 09' },
  {
    name: 'a map by ascending key',
    message: 'test.Maps',
    object: { by_string: { b: '2', a: '1' } },
    hex: '62 06 0a0161 120131 62 06 0a0162 120132',
  },
  { name: 'map zeros', message: 'test.Maps', object: { by_string: { '': '' } }, hex: '62 04 0a00 1200' },
  {
    name: 'integer map keys by value',
    message: 'test.Maps',
    object: { by_int32: { 10: 'b', 9: 'a', '-1': '' } },
    hex: '0a 0d 08 ffffffffffffffffff01 1200 0a 05 0809 120161 0a 05 080a 120162',
  },
  {
    name: 'bool map keys',
    message: 'test.Maps',
    object: { by_bool: { false: 'n', true: 'y' } },
    hex: '5a 05 0800 12016e 5a 05 0801 120179',
  },
  { name: 'a zero in a oneof', message: 'test.Choice', object: { number: 0 }, hex: '10 00' },
  { name: 'an empty message', message: 'test.Tree', object: { left: {} }, hex: '12 00' },
  { name: 'proto2 zeros that are set', message: 'test.Leaf', object: { name: '', colour: 'RED' }, hex: '0a00 1000', schema: PROTO2 },
  {
    name: 'inlined messages',
    message: 'test.Outer',
    object: { name: 'v', path: '/p', bottom: 7, labels: { a: 'b' }, newName: 'r' },
    hex: '0a0176 12 08 0a022f70 1a02 0807 1a 08 0a06 0a0161 120162 220172',
  },
  { name: 'an empty inlined message that is always there', message: 'test.Outer', object: { name: 'v' }, hex: '0a0176 1200' },
  {
    name: 'camel case',
    message: 'test.Scalars',
    object: { int32Field: 1, sfixed64Field: 1 },
    hex: '18 01 61 0100000000000000',
    options: { names: 'camel' },
  },
  { name: 'bytes as base64', message: 'test.Scalars', object: { bytes_field: 'AP8=' }, hex: '7a 02 00ff', options: { bytes: 'base64' } },
  { name: 'enums as numbers', message: 'test.Leaf', object: { colour: 2 }, hex: '10 02', options: { enums: 'number' } },
  {
    name: 'int64 as bigint',
    message: 'test.Scalars',
    object: { int64_field: -(2n ** 63n), uint64_field: 2n ** 64n - 1n },
    hex: '20 80808080808080808001 30 ffffffffffffffffff01',
    options: { int64: 'bigint' },
  },
  {
    name: 'int64 as digits',
    message: 'test.Scalars',
    object: { int64_field: '-1' },
    hex: '20 ffffffffffffffffff01',
    options: { int64: 'string' },
  },
  {
    name: 'int64 as a number while that is exact',
    message: 'test.Scalars',
    object: { int64_field: 2 ** 53 - 1, sint64_field: 2n ** 53n },
    hex: '20 ffffffffffffff0f 40 80808080808080 20',
    options: { int64: 'exact' },
  },
  {
    name: 'the greatest int64 as its nearest number',
    message: 'test.Scalars',
    object: { int64_field: 2 ** 63 },
    hex: '20 ffffffffffffffff7f',
  },
  { name: 'a field with its own int64 form', message: 'test.Extra2', object: { wide: 5n }, hex: '10 05' },
];

for (const mode of MODES) {
  for (const { name, message, object, hex, schema = PROTO3, options = {} } of VECTORS) {
    test(`${mode} codec writes and reads ${name}`, () => {
      const codec = compileCodec(schema, { ...options, mode }).message(message);
      assert.equal(hexOf(codec.encode(object)), hex.replaceAll(' ', ''));
      assert.deepEqual(codec.decode(bytesOf(hex)), object);
    });
  }
}

// Bytes that are read, but not written this way.
const READ_ONLY: readonly Vector[] = [
  {
    name: 'unknown fields of every wire type',
    message: 'test.Leaf',
    object: { name: 'a' },
    hex: 'a001 01 a101 0000000000000000 a201 01 ff a301 0801 a401 a501 00000000 0a0161',
  },
  { name: 'an unpacked list in proto3', message: 'test.Lists', object: { list2: [3, 270] }, hex: '60 03 60 8e02' },
  { name: 'a packed list in proto2', message: 'test.Lists', object: { list2: [3, 270] }, hex: '62 03 03 8e02', schema: PROTO2 },
  { name: 'packed and unpacked parts of one list', message: 'test.Lists', object: { list2: [1, 2, 3] }, hex: '60 01 62 02 02 03' },
  { name: 'an empty packed list', message: 'test.Lists', object: { list2: [] }, hex: '62 00' },
  { name: 'the last of a repeated scalar', message: 'test.Leaf', object: { name: 'b' }, hex: '0a0161 0a0162' },
  {
    name: 'the parts of a repeated message as one',
    message: 'test.Tree',
    object: { left: { name: 'b', children: [{}, {}] } },
    hex: '12 05 0a0161 1a00 12 05 0a0162 1a00',
  },
  { name: 'the last member of a oneof', message: 'test.Choice', object: { text: 'a' }, hex: '10 05 22 00 1a 0161' },
  { name: 'a map entry without key and value', message: 'test.Maps', object: { by_string: { '': '' } }, hex: '62 00' },
  { name: 'a map entry that comes value first', message: 'test.Maps', object: { by_string: { a: 'b' } }, hex: '62 06 120162 0a0161' },
  {
    name: 'a map entry with a key of its own',
    message: 'test.Maps',
    object: { by_string: { a: '2' } },
    hex: '62 06 0a0161 120131 62 06 0a0161 120132',
  },
  { name: 'a map entry with an unknown field', message: 'test.Maps', object: { by_string: { a: '' } }, hex: '62 05 0a0161 1801' },
  { name: 'a bool of two bytes', message: 'test.Scalars', object: { bool_field: true }, hex: '68 8001' },
  { name: 'a longer varint than needed', message: 'test.Scalars', object: { int32_field: 1 }, hex: '18 818080808000' },
  { name: 'the low 32 bits of an int32', message: 'test.Scalars', object: { int32_field: 1 }, hex: '18 8180808010' },
  { name: 'an alias by its first name', message: 'test.Leaf', object: { colour: 'BLUE' }, hex: '10 02' },
  {
    name: 'parts of an inlined message as one',
    message: 'test.Outer',
    object: { path: '/p', bottom: 1 },
    hex: '12 04 0a022f70 12 04 1a02 0801',
  },
  {
    name: 'a zero that stands for nothing',
    message: 'test.Always',
    object: { name: '', leaf: { name: '' }, colour: 'RED' },
    hex: '0a00 1000 1800 22 02 0a00 2a00 3000',
  },
  { name: 'nothing after something', message: 'test.Always', object: {}, hex: '1001 1000' },
  { name: 'bad UTF-8 of proto2 as U+FFFD', message: 'test.Leaf', object: { name: 'a\ufffd' }, hex: '0a02 61ff', schema: PROTO2 },
];

for (const mode of MODES) {
  for (const { name, message, object, hex, schema = PROTO3, options = {} } of READ_ONLY) {
    test(`${mode} codec reads ${name}`, () => {
      assert.deepEqual(
        compileCodec(schema, { ...options, mode })
          .message(message)
          .decode(bytesOf(hex)),
        object,
      );
    });
  }

  test(`${mode} codec writes what is always there, and reads it back`, () => {
    const codec = compileCodec(PROTO2, { mode }).message('test.Always');
    const bytes = codec.encode({});
    assert.equal(hexOf(bytes), '0a00100018002202 0a003000'.replaceAll(' ', ''));
    assert.deepEqual(codec.decode(bytes), { name: '', leaf: { name: '' }, colour: 'RED' });
  });

  test(`${mode} codec takes null and undefined for absent`, () => {
    const codec = compileCodec(PROTO3, { mode });
    for (const nothing of [null, undefined]) {
      assert.equal(codec.message('test.Tree').encode({ name: nothing, left: nothing, children: nothing }).length, 0);
    }
  });

  test(`${mode} codec leaves zeros and empty lists of proto3 out`, () => {
    const codec = compileCodec(PROTO3, { mode });
    const zeros = {
      double_field: 0,
      int64_field: 0n,
      uint64_field: '0',
      bool_field: false,
      string_field: '',
      bytes_field: new Uint8Array(0),
    };
    assert.equal(codec.message('test.Scalars').encode(zeros).length, 0);
    assert.equal(codec.message('test.Leaf').encode({ colour: 'RED' }).length, 0);
    assert.equal(codec.message('test.Lists').encode({ list2: [], list13: [] }).length, 0);
  });

  test(`${mode} codec fills defaults when asked`, () => {
    const codec = compileCodec(PROTO3, { mode, defaults: 'fill', bytes: 'base64' });
    assert.deepEqual(codec.message('test.Choice').decode(bytesOf('')), { before: '' });
    assert.deepEqual(codec.message('test.Tree').decode(bytesOf('12 00')), { name: '', children: [], left: { name: '', children: [] } });
    assert.deepEqual(codec.message('test.Outer').decode(bytesOf('')), { name: '', path: '', bottom: 0, wide: 0n, labels: {}, newName: '' });
    assert.deepEqual(codec.message('test.Leaf').decode(bytesOf('')), { name: '', colour: 'RED' });
  });

  test(`${mode} codec keeps a key named __proto__ a key`, () => {
    const codec = compileCodec(PROTO3, { mode }).message<{ to16: Record<string, unknown> }>('test.Maps');
    const { to16 } = codec.decode(bytesOf('a207 10 0a09 5f5f70726f746f5f5f 1203 0a0161'));
    assert.equal(Object.getPrototypeOf(to16), Object.prototype);
    assert.deepEqual(Object.entries(to16), [['__proto__', { name: 'a' }]]);
    assert.equal(hexOf(codec.encode({ to16 })), 'a207100a095f5f70726f746f5f5f12030a0161');
  });

  test(`${mode} codec sorts map keys by their UTF-8 bytes`, () => {
    const codec = compileCodec(PROTO3, { mode }).message<{ by_string: Record<string, string> }>('test.Maps');
    const keys = ['\uffee', '𝒳', 'z', 'é', '\ud7ff', 'a'];
    const bytes = codec.encode({ by_string: Object.fromEntries(keys.map((key) => [key, ''])) });
    const byBytes = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(Object.keys(codec.decode(bytes).by_string), byBytes);
  });

  test(`${mode} codec writes a message larger than its buffer`, () => {
    const codec = compileCodec(PROTO3, { mode }).message('test.Tree');
    const tree = {
      name: 'x'.repeat(10_000),
      children: Array.from({ length: 3000 }, (_, i) => ({ name: `child ${i} é` })),
      left: { name: 'ü'.repeat(70_000) },
    };
    assert.deepEqual(codec.decode(codec.encode(tree)), tree);
    assert.equal(codec.encode({}).length, 0);
  });

  test(`${mode} codec counts its own hooks' encodes as others`, () => {
    const codec: ProtoCodec = compileCodec(PROTO3, {
      mode,
      hooks: {
        'test.Stamp': {
          encode: (writer, value) => writer.raw(codec.message('test.Leaf').encode({ name: value })),
          decode: (reader, end) => codec.message<{ name: string }>('test.Leaf').read(reader, end).name,
        },
      },
    });
    const event = { at: 'a', log: ['b', 'c'], note: 'd' };
    assert.deepEqual(codec.message('test.Event').decode(codec.message('test.Event').encode(event)), event);
  });
}

/** Seconds since the epoch as digits with an s; an absent one is written as an empty message, and read as absent. */
const stampHook: MessageHook = {
  encode(writer, value) {
    if (value === undefined) return;
    if (typeof value !== 'string') throw new ProtobufEncodeError('a stamp is a string');
    writer.int64(value.slice(0, -1));
    writer.uint32(8);
  },
  decode(reader, end) {
    if (reader.pos === end) return undefined;
    reader.uint32();
    return `${reader.int64('string')}s`;
  },
};

for (const mode of MODES) {
  test(`${mode} codec puts a hook's value wherever its message is used`, () => {
    const codec = compileCodec(PROTO3, { mode, hooks: { 'test.Stamp': stampHook } });
    const event = { at: '5s', log: ['7s', '8s'], by: { a: '9s' } };
    const hex = '0a 02 0805 12 02 0807 12 02 0808 1a 07 0a0161 1202 0809'.replaceAll(' ', '');
    assert.equal(hexOf(codec.message('test.Event').encode(event)), hex);
    assert.deepEqual(codec.message('test.Event').decode(bytesOf(hex)), event);
    assert.equal(hexOf(codec.message('test.Stamp').encode('5s')), '0805');
    assert.equal(codec.message('test.Stamp').decode(bytesOf('0805')), '5s');
  });

  test(`${mode} codec lets a hook represent what is absent`, () => {
    const codec = compileCodec(PROTO3, { mode, hooks: { 'test.Stamp': stampHook } }).message('test.Event');
    assert.equal(hexOf(codec.encode({ log: [null], by: { a: null } })), '0a00 1200 1a05 0a0161 1200'.replaceAll(' ', ''));
    assert.deepEqual(codec.decode(bytesOf('0a00 1200 1a05 0a0161 1200 220178')), { log: [null], by: { a: null }, note: 'x' });
  });
}

test('compileCodec compiles where code may be generated and says so', () => {
  assert.equal(compileCodec(PROTO3).mode, 'compiled');
  assert.equal(compileCodec(PROTO3, { mode: 'interpreted' }).mode, 'interpreted');
});

test('message gives the same codec at every call and refuses names the schema lacks', () => {
  const codec = compileCodec(PROTO3);
  assert.equal(codec.message('test.Leaf'), codec.message('test.Leaf'));
  for (const name of ['test.None', 'constructor', '__proto__']) assert.throws(() => codec.message(name), RangeError);
});

for (const [problem, fields] of [
  ['an unknown type', { a: { n: 1, type: 'x.Y', label: 'optional' } }],
  ['number 0', { a: { n: 0, type: 'string', label: 'optional' } }],
  ['a map key of bytes', { a: { n: 1, type: 'map', label: 'map', key: 'bytes', value: 'string' } }],
  ['an inlined scalar', { a: { n: 1, type: 'string', label: 'optional', inline: true } }],
  ['one number twice', { a: { n: 1, type: 'string', label: 'optional' }, b: { n: 1, type: 'bool', label: 'optional' } }],
  ['a property named __proto__', { a: { n: 1, type: 'string', label: 'optional', json: '__proto__' } }],
] as const) {
  test(`message refuses a table with ${problem} before the first value`, () => {
    for (const mode of MODES) {
      const codec = compileCodec({ syntax: 'proto3', messages: { M: { fields } } }, { mode });
      assert.throws(() => codec.message('M').encode({}), RangeError);
    }
  });
}
