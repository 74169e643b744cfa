import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMergePatch, mergePatch } from './merge-patch.ts';

// RFC 7386, appendix A, as far as documents are objects.
for (const [document, patch, want] of [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  [{ a: 'x' }, { a: { b: null, c: [{ d: null }, null] } }, { a: { c: [{}, null] } }],
  [{ a: 1 }, [{ b: null, c: 1 }], [{ c: 1 }]],
] as const) {
  test(`mergePatch of ${JSON.stringify(patch)} into ${JSON.stringify(document)}`, () =>
    assert.deepEqual(mergePatch(document, patch), want));
}

test('mergePatch refuses scalars and null', () => {
  for (const patch of [null, 1, 'x', true]) assert.throws(() => mergePatch({}, patch), { message: 'Invalid JSON Patch' });
});

test('mergePatch keeps the identity of what stays', () => {
  const document = { a: { b: 1 }, c: { d: [1] } };
  assert.equal(mergePatch(document, { a: { b: 1 }, c: {} }), document);
  assert.equal((mergePatch(document, { a: { b: 2 } }) as typeof document).c, document.c);
});

test('createMergePatch reaches its target', () => {
  const a = { x: 1, y: { z: [1], w: 'k' }, q: { r: 1 } };
  const b = { x: 1, y: { z: [2] }, n: { m: true } };
  assert.deepEqual(createMergePatch(a, b), { y: { z: [2], w: null }, n: { m: true }, q: null });
  assert.deepEqual(mergePatch(a, createMergePatch(a, b)), b);
  assert.deepEqual(createMergePatch(a, a), {});
});
