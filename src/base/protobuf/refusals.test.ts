import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileCodec } from './codec.ts';
import { ProtobufDecodeError, ProtobufEncodeError } from './errors.ts';
import { PROTO2, PROTO3 } from './testing/fixture.ts';
import type { ProtoSchema } from './schema.ts';

const MODES = ['compiled', 'interpreted'] as const;

const MALFORMED: readonly {
  readonly name: string;
  readonly message: string;
  readonly hex: string;
  readonly says: string;
  readonly schema?: ProtoSchema;
}[] = [
  { name: 'a tag that is cut off', message: 'test.Leaf', hex: '8a', says: 'truncated varint at byte 0' },
  { name: 'a value that is cut off', message: 'test.Leaf', hex: '0a0161 10', says: 'truncated varint at byte 4' },
  { name: 'a length past the end', message: 'test.Leaf', hex: '0a05 61', says: 'length 5 runs past the end at byte 2' },
  {
    name: 'a length past the end of its message',
    message: 'test.Tree',
    hex: '12 03 0a05 61 0a0161',
    says: 'length 5 runs past the end at byte 4',
  },
  { name: 'a length of 4 GiB', message: 'test.Leaf', hex: '0a ffffffff0f', says: 'length 4294967295 runs past the end at byte 6' },
  {
    name: 'a varint of eleven bytes',
    message: 'test.Leaf',
    hex: '10 ffffffffffffffffffff01',
    says: 'varint longer than 10 bytes at byte 1',
  },
  {
    name: 'a field that runs past its message',
    message: 'test.Tree',
    hex: '12 02 0880 01',
    says: 'test.Tree.name has wire type 0 at byte 3',
  },
  {
    name: 'a varint that runs past its message',
    message: 'test.Tree',
    hex: 'c2bb01 02 1080 01',
    says: 'test.Leaf runs past its end at byte 7',
  },
  { name: 'field number 0', message: 'test.Leaf', hex: '02 00', says: 'field number 0 at byte 1' },
  { name: 'wire type 6', message: 'test.Leaf', hex: '1e', says: 'wire type 6 at byte 1' },
  { name: "a wire type that is not the field's", message: 'test.Leaf', hex: '0801', says: 'test.Leaf.name has wire type 0 at byte 1' },
  { name: 'a group that is not begun', message: 'test.Leaf', hex: '1c', says: 'end of a group that was not begun at byte 1' },
  { name: 'a group that is not ended', message: 'test.Leaf', hex: '1b 2001', says: 'truncated group at byte 3' },
  { name: 'a group that another ends', message: 'test.Leaf', hex: '1b 24', says: 'group 3 ended as 4 at byte 2' },
  { name: 'an unknown fixed64 that is cut off', message: 'test.Leaf', hex: '19 0000', says: 'truncated field at byte 3' },
  { name: 'a double that is cut off', message: 'test.Scalars', hex: '09 0000', says: 'truncated double at byte 1' },
  { name: 'a packed list that is cut in an element', message: 'test.Lists', hex: '5a 03 0000 00', says: 'truncated float at byte 2' },
  {
    name: 'a packed list that ends in an element',
    message: 'test.Lists',
    hex: '5a 03 0000 00 0000',
    says: 'test.Lists.list1 runs past its end at byte 6',
  },
  { name: 'a map entry with a wrong key', message: 'test.Maps', hex: '62 02 0801', says: 'test.Maps.by_string has wire type 0 at byte 3' },
  { name: 'a string that is not UTF-8', message: 'test.Leaf', hex: '0a 03 61ff61', says: 'string is not UTF-8 at byte 2' },
  {
    name: 'a long string that is not UTF-8',
    message: 'test.Leaf',
    hex: `0a ac02 ${'61'.repeat(299)}c3`,
    says: 'string is not UTF-8 at byte 3',
  },
];

for (const mode of MODES) {
  for (const { name, message, hex, says, schema = PROTO3 } of MALFORMED) {
    test(`${mode} decode refuses ${name}`, () => {
      const codec = compileCodec(schema, { mode }).message(message);
      assert.throws(() => codec.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex')), { name: 'ProtobufDecodeError', message: says });
    });
  }

  test(`${mode} decode refuses messages and groups nested deeper than allowed, and no less deep`, () => {
    const codec = compileCodec(PROTO3, { mode, maxDepth: 10 }).message('test.Tree');
    const nested = (levels: number): Buffer => {
      let bytes = Buffer.alloc(0);
      for (let i = 1; i < levels; i++) bytes = Buffer.concat([Buffer.from([0x12, bytes.length]), bytes]);
      return bytes;
    };
    codec.decode(nested(10));
    assert.throws(() => codec.decode(nested(11)), ProtobufDecodeError);
    assert.throws(() => codec.decode(Buffer.alloc(1000, 0x2b)), /nested deeper than 10/);
  });

  test(`${mode} codec never exhausts the stack, whatever depth it is told to allow`, () => {
    const codec = compileCodec(PROTO3, { mode, maxDepth: 1_000_000 }).message('test.Tree');
    let tree: { left?: unknown } = {};
    for (let i = 1; i < 1000; i++) tree = { left: tree };
    assert.deepEqual(codec.encode(codec.decode(codec.encode(tree))), codec.encode(tree));
    assert.throws(() => codec.encode({ left: tree }), { name: 'ProtobufEncodeError', message: 'nested deeper than 1000' });
    assert.throws(() => codec.decode(Buffer.alloc(5000, 0x2b)), { name: 'ProtobufDecodeError' });
  });

  test(`${mode} decode survives a million bytes of nesting`, () => {
    const codec = compileCodec(PROTO3, { mode }).message('test.Tree');
    assert.throws(() => codec.decode(Buffer.alloc(1_000_000, 0x2b)), ProtobufDecodeError);
    assert.throws(() => codec.decode(Buffer.alloc(1_000_000, 0x12)), ProtobufDecodeError);
  });

  test(`${mode} encode refuses a cycle`, () => {
    const tree: { left?: unknown } = {};
    tree.left = tree;
    assert.throws(() => compileCodec(PROTO3, { mode }).message('test.Tree').encode(tree), {
      name: 'ProtobufEncodeError',
      message: 'nested deeper than 100',
    });
  });

  test(`${mode} encode works after a refusal`, () => {
    const codec = compileCodec(PROTO3, { mode }).message('test.Leaf');
    assert.throws(() => codec.encode({ name: 1, colour: 'BLUE' }), ProtobufEncodeError);
    assert.equal(Buffer.from(codec.encode({ name: 'a' })).toString('hex'), '0a0161');
  });
}

const UNFIT: readonly { readonly message: string; readonly object: unknown; readonly says: string; readonly schema?: ProtoSchema }[] = [
  { message: 'test.Scalars', object: { string_field: 5 }, says: 'test.Scalars.string_field: 5 is not a string' },
  { message: 'test.Scalars', object: { string_field: {} }, says: 'test.Scalars.string_field: an object is not a string' },
  { message: 'test.Scalars', object: { bool_field: 'true' }, says: 'test.Scalars.bool_field: "true" is not a bool' },
  { message: 'test.Scalars', object: { int32_field: 1.5 }, says: 'test.Scalars.int32_field: 1.5 is not an int32' },
  { message: 'test.Scalars', object: { int32_field: 2 ** 31 }, says: 'test.Scalars.int32_field: 2147483648 is not an int32' },
  { message: 'test.Scalars', object: { uint32_field: -1 }, says: 'test.Scalars.uint32_field: -1 is not a uint32' },
  { message: 'test.Scalars', object: { fixed32_field: 2 ** 32 }, says: 'test.Scalars.fixed32_field: 4294967296 is not a fixed32' },
  { message: 'test.Scalars', object: { int64_field: 0.5 }, says: 'test.Scalars.int64_field: 0.5 is not an integer' },
  { message: 'test.Scalars', object: { int64_field: NaN }, says: 'test.Scalars.int64_field: NaN is not an integer' },
  { message: 'test.Scalars', object: { int64_field: 'x' }, says: 'test.Scalars.int64_field: x is not an integer' },
  {
    message: 'test.Scalars',
    object: { int64_field: 2n ** 63n },
    says: 'test.Scalars.int64_field: 9223372036854775808 does not fit 64 bits',
  },
  { message: 'test.Scalars', object: { int64_field: true }, says: 'test.Scalars.int64_field: true is not an integer' },
  { message: 'test.Scalars', object: { uint64_field: -1 }, says: 'test.Scalars.uint64_field: -1 does not fit 64 unsigned bits' },
  {
    message: 'test.Scalars',
    object: { sfixed64_field: '99999999999999999999' },
    says: 'test.Scalars.sfixed64_field: 99999999999999999999 does not fit 64 bits',
  },
  { message: 'test.Scalars', object: { double_field: '1' }, says: 'test.Scalars.double_field: "1" is not a double' },
  {
    message: 'test.Scalars',
    object: { bytes_field: 'not base64!' },
    says: 'test.Scalars.bytes_field: "not base64!" is not bytes or base64',
  },
  { message: 'test.Scalars', object: { bytes_field: 'AP8' }, says: 'test.Scalars.bytes_field: "AP8" is not bytes or base64' },
  { message: 'test.Scalars', object: { bytes_field: [1] }, says: 'test.Scalars.bytes_field: a list is not bytes or base64' },
  { message: 'test.Leaf', object: { colour: 'PINK' }, says: 'test.Leaf.colour: "PINK" is not a value of test.Colour' },
  { message: 'test.Tree', object: { left: 'x' }, says: 'test.Tree: "x" is not an object' },
  { message: 'test.Tree', object: { left: [] }, says: 'test.Tree: a list is not an object' },
  { message: 'test.Tree', object: { children: {} }, says: 'test.Tree.children: an object is not a list' },
  { message: 'test.Tree', object: { children: [null] }, says: 'test.Tree: null is not an object' },
  { message: 'test.Tree', object: undefined, says: 'test.Tree: undefined is not an object' },
  { message: 'test.Lists', object: { list13: [undefined] }, says: 'test.Lists.list13: undefined is not a string' },
  { message: 'test.Maps', object: { by_string: { a: null } }, says: 'test.Maps.by_string: null is not a string' },
  { message: 'test.Maps', object: { by_string: [] }, says: 'test.Maps.by_string: a list is not an object' },
  { message: 'test.Maps', object: { by_bool: { yes: '' } }, says: 'test.Maps.by_bool: "yes" is not a bool key' },
  { message: 'test.Maps', object: { by_int32: { '1.0': '' } }, says: 'test.Maps.by_int32: "1.0" is not int32 key' },
  { message: 'test.Choice', object: { number: 1, text: 'a' }, says: 'test.Choice.text: number of the same oneof is set too' },
];

for (const mode of MODES) {
  for (const { message, object, says, schema = PROTO2 } of UNFIT) {
    test(`${mode} encode refuses: ${says}`, () => {
      assert.throws(() => compileCodec(schema, { mode }).message(message).encode(object), { name: 'ProtobufEncodeError', message: says });
    });
  }
}
