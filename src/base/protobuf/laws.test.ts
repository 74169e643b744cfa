import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { seededIds } from '../ids.ts';
import { compileCodec } from './codec.ts';
import { PROTO2, PROTO3 } from './testing/fixture.ts';
import { assertCodecLaws, damage, outcome } from './testing.ts';

const OPTIONS = [
  {},
  { int64: 'bigint', bytes: 'base64', enums: 'number', names: 'camel' },
  { int64: 'string', bytes: 'copy' },
  { int64: 'exact' },
] as const;

for (const schema of [PROTO2, PROTO3]) {
  for (const [i, options] of OPTIONS.entries()) {
    test(`codecs of ${schema.syntax} keep the laws with ${JSON.stringify(options)}`, () => {
      assertCodecLaws(schema, { ids: seededIds(i), rounds: 100, ...options });
    });
  }
}

test('decode of noise gives an object or a ProtobufDecodeError, alike in both modes', () => {
  const ids = seededIds(7);
  const compiled = compileCodec(PROTO3, { mode: 'compiled' });
  const interpreted = compileCodec(PROTO3, { mode: 'interpreted' });
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    let bytes: Uint8Array = ids.bytes(Math.floor(ids.fraction() * 60));
    // Small numbers make tags and lengths that lead further in.
    bytes = bytes.map((byte) => (ids.fraction() < 0.7 ? byte & 0x1f : byte));
    bytes = damage(bytes, ids);
    for (const name of Object.keys(PROTO3.messages)) {
      const seen = outcome(compiled, name, bytes);
      assert.deepEqual(seen, outcome(interpreted, name, bytes));
      if ('refused' in (seen as object)) refused++;
    }
  }
  assert.ok(refused > 1000);
});

test('compileCodec interprets where code generation from strings is disallowed', () => {
  const program = `
    import { compileCodec } from ${JSON.stringify(import.meta.resolve('./codec.ts'))};
    import { PROTO3 } from ${JSON.stringify(import.meta.resolve('./testing/fixture.ts'))};
    const codec = compileCodec(PROTO3);
    const leaf = codec.message('test.Leaf');
    console.log(codec.mode, JSON.stringify(leaf.decode(leaf.encode({ name: 'a', colour: 'BLUE' }))));`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', program],
    { encoding: 'utf8' },
  );
  assert.equal(stdout, 'interpreted {"name":"a","colour":"BLUE"}\n', stderr);
});
