import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyPatch, type Operation } from 'rfc6902';
import { applyJsonPatch, MAX_JSON_PATCH_COPY_BYTES } from './json-patch.ts';
import { decodeJsonPatch, JsonPatchError, STRICT_NAMES, strictJsonPatchErrors } from './json-patch-decode.ts';

const document = { a: { b: [1, 2, { c: 'x' }], d: null, 'e/f': 'g' }, k: 'v' };
const patched = (...patch: readonly object[]): unknown => applyJsonPatch(document, decodeJsonPatch(patch));

for (const [name, operation, want] of [
  ['adds a member', { op: 'add', path: '/n', value: 1 }, { ...document, n: 1 }],
  ['inserts into a list', { op: 'add', path: '/a/b/1', value: 9 }, { ...document, a: { ...document.a, b: [1, 9, 2, { c: 'x' }] } }],
  ['appends', { op: 'add', path: '/a/b/-', value: 9 }, { ...document, a: { ...document.a, b: [1, 2, { c: 'x' }, 9] } }],
  ['removes', { op: 'remove', path: '/a' }, { k: 'v' }],
  ['takes negative indexes', { op: 'remove', path: '/a/b/-1' }, { ...document, a: { ...document.a, b: [1, 2] } }],
  ['unescapes keys', { op: 'replace', path: '/a/e~1f', value: 'h' }, { ...document, a: { ...document.a, 'e/f': 'h' } }],
  ['adds what replace finds missing', { op: 'replace', path: '/new', value: 1 }, { ...document, new: 1 }],
  ['moves', { op: 'move', from: '/k', path: '/a/k' }, { a: { ...document.a, k: 'v' } }],
  ['copies', { op: 'copy', from: '/k', path: '/l' }, { ...document, l: 'v' }],
  ['tests an absent member against null', { op: 'test', path: '/zz', value: null }, document],
  ['replaces the document', { op: 'replace', path: '', value: { z: 1 } }, { z: 1 }],
] as const) {
  test(`applyJsonPatch ${name}`, () => assert.deepEqual(patched(operation), want));
}

for (const [operation, message] of [
  [{ op: 'add', path: '/x/y', value: 1 }, 'add operation does not apply: doc is missing path: "/x/y": missing value'],
  [{ op: 'add', path: '/a/b/9', value: 1 }, "error in add for path: '/a/b/9': Unable to access invalid index: 9: invalid index referenced"],
  [
    { op: 'add', path: '/a/b/x', value: 1 },
    "error in add for path: '/a/b/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
  ],
  [{ op: 'remove', path: '/zz' }, "error in remove for path: '/zz': Unable to remove nonexistent key: zz: missing value"],
  [{ op: 'remove' }, 'remove operation failed to decode path: missing value'],
  [{ op: 'replace', path: '/a/b/7', value: 1 }, 'replace operation does not apply: doc is missing key: /a/b/7: missing value'],
  [{ op: 'replace' }, 'replace operation failed to decode path: operation missing path field: missing value'],
  [{ op: 'test', path: '/k', value: 'w' }, 'testing value /k failed: test failed'],
  [{ op: 'test', path: '/k/x', value: 1 }, 'test operation does not apply: is missing path: /k/x: missing value'],
  [{ op: 'move', path: '/a' }, 'move operation failed to decode from: operation, missing from field: missing value'],
  [{ op: 'copy', from: '/q/r', path: '/a' }, 'copy operation does not apply: doc is missing from path: /q/r: missing value'],
  [{ op: 'frob', path: '/a' }, 'Unexpected kind: frob'],
  [{ path: '/a' }, 'Unexpected kind: unknown'],
] as const) {
  test(`applyJsonPatch refuses ${JSON.stringify(operation)}`, () => {
    assert.throws(
      () => patched(operation),
      (e: unknown) => e instanceof JsonPatchError && e.stage === 'apply' && e.message === message,
    );
  });
}

test('decodeJsonPatch refuses what is no list of objects', () => {
  assert.throws(() => decodeJsonPatch({}), { message: 'json: cannot unmarshal object into Go value of type jsonpatch.Patch' });
  const message = 'json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string';
  assert.throws(() => decodeJsonPatch([{ op: 5, path: '/a' }], STRICT_NAMES), { message });
  assert.deepEqual(decodeJsonPatch([{ op: 5, path: '/a' }]), [{ op: 5, path: '/a' }]);
  assert.throws(() => decodeJsonPatch(['x']), { message: 'json: cannot unmarshal string into Go value of type jsonpatch.Operation' });
  assert.deepEqual(strictJsonPatchErrors([{ op: 'add', path: '/a', vlaue: 1 }]), ['json patch unknown field "[0].vlaue"']);
});

test('applyJsonPatch copies into what was copied and edited before, as it was then', () => {
  const copies = patched(
    { op: 'add', path: '/a/b/2/d', value: 1 },
    { op: 'copy', from: '/a', path: '/a/b/2/e' },
    { op: 'copy', from: '/a/b', path: '/a/b/0' },
    { op: 'move', from: '/a/b/0', path: '/a/f' },
  );
  const inner = { ...document.a, b: [1, 2, { c: 'x', d: 1 }] };
  const list = [1, 2, { c: 'x', d: 1, e: inner }];
  assert.deepEqual(copies, { k: 'v', a: { ...document.a, b: list, f: list } });
});

test('applyJsonPatch shares what it does not touch and changes nothing it was given', () => {
  const before = JSON.stringify(document);
  const result = patched({ op: 'test', path: '/a/b/0', value: 1 }, { op: 'replace', path: '/k', value: 'w' }) as typeof document;
  assert.equal(result.a, document.a);
  const copies = patched({ op: 'copy', from: '/a', path: '/z' }, { op: 'add', path: '/z/b/0', value: 0 }) as {
    a: { b: unknown[] };
    z: { b: unknown[] };
  };
  assert.deepEqual([copies.a.b.length, copies.z.b.length], [3, 4]);
  assert.equal(JSON.stringify(document), before);
});

test('applyJsonPatch bounds what copies may add', () => {
  const big = { s: 'x'.repeat(1 << 20) };
  const copies = Array.from({ length: 4 }, (_, i) => ({ op: 'copy', from: '/s', path: `/s${i}` }));
  assert.throws(() => applyJsonPatch(big, copies), {
    message: `Unable to complete the copy, the accumulated size increase of copy is ${3 * ((1 << 20) + 2)}, exceeding the limit ${MAX_JSON_PATCH_COPY_BYTES}`,
  });
});

test('applyJsonPatch agrees with another implementation where RFC 6902 decides', () => {
  const operations: Operation[] = [
    { op: 'add', path: '/a/b/0', value: { q: [] } },
    { op: 'add', path: '/a/b/0/q/-', value: 5 },
    { op: 'move', from: '/a/b/3', path: '/moved' },
    { op: 'replace', path: '/moved/c', value: null },
    { op: 'copy', from: '/a', path: '/again' },
    { op: 'remove', path: '/a/b/1' },
    { op: 'test', path: '/again/b/0/q', value: [5] },
  ];
  const expected = structuredClone(document);
  assert.deepEqual(
    applyPatch(expected, structuredClone(operations)).filter((e) => e !== null),
    [],
  );
  assert.deepEqual(patched(...operations), expected);
});
