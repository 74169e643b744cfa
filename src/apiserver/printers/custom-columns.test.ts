import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomResourceColumnDefinition, KubeObject } from '#api/types.ts';
import { customPrinter } from './custom-columns.ts';
import { compileJsonPath, JsonPathError } from './json-path.ts';

const value = {
  spec: {
    size: 3,
    ratio: 1.5,
    on: true,
    'a.b': 'dotted',
    list: [
      { n: 'x', k: 1 },
      { n: 'y', k: 2 },
      { n: 'z', k: 3 },
    ],
    map: { p: 1, q: 2 },
  },
  status: {
    conditions: [
      { type: 'Synced', status: 'False' },
      { type: 'Ready', status: 'True' },
    ],
  },
};

for (const [path, selected] of [
  ['.spec.size', [3]],
  ['spec.size', [3]],
  ['$.spec.size', [3]],
  ['.spec.missing.deeper', []],
  ['.spec.size.deeper', []],
  ['.spec.a\\.b', ['dotted']],
  [".spec['a.b']", ['dotted']],
  ['.spec["size"]', [3]],
  ['.spec.list[0].n', ['x']],
  ['.spec.list[-1].n', ['z']],
  ['.spec.list[-2].n', ['y']],
  ['.spec.list[7].n', []],
  ['.spec.list[-7].n', []],
  ['.spec.list[1:].n', ['y', 'z']],
  ['.spec.list[:2].n', ['x', 'y']],
  ['.spec.list[0:3:2].n', ['x', 'z']],
  ['.spec.list[0,2].n', ['x', 'z']],
  ['.spec.list[*].n', ['x', 'y', 'z']],
  ['.spec.map.*', [1, 2]],
  ['.spec.list.n', []],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  [".status.conditions[?(@.type == 'Ready')].status", ['True']],
  ['.status.conditions[?(@.type!="Ready")].status', ['False']],
  ['.status.conditions[?(@.reason)].status', []],
  ['.spec.list[?(@.k>=2)].n', ['y', 'z']],
  ['.spec.list[?(@.k<"2")].n', []],
  ['..k', [1, 2, 3]],
  ['.', [value]],
] as const) {
  test(`compileJsonPath reads ${path}`, () => assert.deepEqual(compileJsonPath(path)(value), selected));
}

for (const path of ['.a[', '.a[x]', '.a[]', '.a}', '.a[0]b', '.a[0:1:-1]', `.a${'[?(@'.repeat(20)}${')]'.repeat(20)}`]) {
  test(`compileJsonPath refuses ${path.slice(0, 20)}`, () => assert.throws(() => compileJsonPath(path), JsonPathError));
}

const object = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'w', creationTimestamp: '2026-01-01T00:00:00Z' },
  ...value,
} as unknown as KubeObject;
const NOW = Date.UTC(2026, 0, 1, 0, 5);
const cells = (columns: readonly CustomResourceColumnDefinition[] | undefined): unknown =>
  customPrinter(columns).rows(object, { now: NOW })[0]?.cells;
const column = (type: string, jsonPath: string): CustomResourceColumnDefinition => ({ name: 'C', type, jsonPath });

for (const [type, path, cell] of [
  ['string', '.spec.a\\.b', 'dotted'],
  ['string', '.spec.size', '3'],
  ['string', '.spec.map', '{"p":1,"q":2}'],
  ['string', '.spec.list[*].n', 'x'],
  ['integer', '.spec.ratio', 1],
  ['integer', '.spec.on', null],
  ['number', '.spec.ratio', 1.5],
  ['boolean', '.spec.on', true],
  ['date', '.metadata.creationTimestamp', '5m'],
  ['date', '.status.conditions[0].status', '<invalid>'],
  ['string', '.spec.missing', null],
] as const) {
  test(`customPrinter shows ${path} as ${type}`, () => assert.deepEqual(cells([column(type, path)]), ['w', cell]));
}

test('customPrinter shows name and age when no column is stated, or one cannot be read', () => {
  assert.deepEqual(cells(undefined), ['w', '5m']);
  assert.deepEqual(cells([column('string', '.a[')]), ['w', '5m']);
  assert.deepEqual(
    customPrinter([]).columns.map((one) => one.name),
    ['Name', 'Age'],
  );
});

test('customPrinter keeps format, description and priority', () => {
  const [, stated] = customPrinter([{ ...column('integer', '.spec.size'), format: 'int32', description: 'Size', priority: 1 }]).columns;
  assert.deepEqual(stated, { name: 'C', type: 'integer', format: 'int32', description: 'Size', priority: 1 });
});
