import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { StatusError } from '../errors.ts';
import { deepEqual, type JsonObject } from '../json-value.ts';
import { field, thing } from '../patch-fixture.ts';
import { ANY } from '../type-schema.ts';
import { apply, trackUpdate, type ApplyContext } from './apply.ts';
import { withLastApplied } from './last-applied.ts';
import { recursiveDifference, setOfPaths } from './field-set.ts';
import type { ManagedFieldsEntry } from './owners.ts';
import { withoutTimeChanges } from './managed-times.ts';

const NOW = Date.UTC(2026, 0, 1);
const TIME = '2026-01-01T00:00:00Z';

const context = (manager: string, more: Partial<ApplyContext> = {}): ApplyContext => ({
  schema: thing,
  apiVersion: 'test/v1',
  kind: 'Thing',
  manager,
  now: NOW,
  force: false,
  ...more,
});

interface Thing {
  readonly metadata?: JsonObject & { readonly managedFields?: readonly ManagedFieldsEntry[]; readonly uid?: string };
  readonly spec?: JsonObject;
}

const object = (spec: JsonObject, metadata: JsonObject = {}): JsonObject & Thing => ({
  apiVersion: 'test/v1',
  kind: 'Thing',
  metadata: { name: 't', ...metadata },
  spec,
});

const stored = (value: JsonObject): JsonObject => ({ ...value, metadata: { uid: 'u', ...(value as Thing).metadata } });
const specOf = (value: JsonObject): unknown => (value as Thing).spec;
const entries = (value: JsonObject): readonly ManagedFieldsEntry[] => (value as Thing).metadata?.managedFields ?? [];
const fieldsOf = (value: JsonObject, manager: string): unknown => entries(value).find((entry) => entry.manager === manager)?.fieldsV1;

const image = (name: string, value: string): JsonObject => ({ name, image: value });

test('apply creates an object owned by its manager', () => {
  const created = apply(undefined, object({ replicas: 1, containers: [image('c', 'i')] }), context('a'));
  assert.deepEqual(created, {
    apiVersion: 'test/v1',
    kind: 'Thing',
    metadata: {
      name: 't',
      managedFields: [
        {
          manager: 'a',
          operation: 'Apply',
          apiVersion: 'test/v1',
          time: TIME,
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:image': {}, 'f:name': {} } }, 'f:replicas': {} } },
        },
      ],
    },
    spec: { replicas: 1, containers: [{ name: 'c', image: 'i' }] },
  });
});

test('apply removes what its manager no longer states', () => {
  const first = stored(apply(undefined, object({ replicas: 1, containers: [image('c', 'i'), image('d', 'i')] }), context('a')));
  const second = apply(first, object({ containers: [image('d', 'i')] }), context('a'));
  assert.deepEqual(specOf(second), { containers: [{ name: 'd', image: 'i' }] });
});

test('apply keeps what another manager still owns', () => {
  const first = stored(apply(undefined, object({ replicas: 1, containers: [image('c', 'i')] }), context('a')));
  const both = stored(apply(first, object({ replicas: 1 }), context('b')));
  const dropped = apply(both, object({ containers: [image('c', 'i')] }), context('a'));
  assert.deepEqual(specOf(dropped), { replicas: 1, containers: [{ name: 'c', image: 'i' }] });
  assert.deepEqual(fieldsOf(dropped, 'b'), { 'f:spec': { 'f:replicas': {} } });
});

test('apply names every field another manager holds at another value', () => {
  const first = stored(apply(undefined, object({ replicas: 1, containers: [image('c', 'i')] }), context('a')));
  const second = stored(trackUpdate(first, { ...first, spec: { ...(specOf(first) as JsonObject), template: 'x' } }, context('u')));
  assert.throws(
    () => apply(second, object({ replicas: 2, template: 'y', containers: [image('c', 'j')] }), context('b')),
    (error) => {
      assert.ok(error instanceof StatusError);
      assert.equal(error.reason, 'Conflict');
      assert.equal(
        error.message,
        'Apply failed with 3 conflicts: conflicts with "a":\n- .spec.replicas\n- .spec.containers[name="c"].image\nconflicts with "u" using test/v1:\n- .spec.template',
      );
      assert.deepEqual(error.details?.causes?.[1], {
        reason: 'FieldManagerConflict',
        message: 'conflict with "a"',
        field: '.spec.containers[name="c"].image',
      });
      return true;
    },
  );
  assert.throws(() => apply(first, object({ replicas: 2 }), context('b')), {
    message: 'Apply failed with 1 conflict: conflict with "a": .spec.replicas',
  });
});

test('apply with force takes the fields', () => {
  const first = stored(apply(undefined, object({ replicas: 1 }), context('a')));
  const forced = apply(first, object({ replicas: 2 }), context('b', { force: true }));
  assert.deepEqual(specOf(forced), { replicas: 2 });
  assert.equal(fieldsOf(forced, 'a'), undefined);
});

test('apply of the same configuration changes nothing', () => {
  const config = object({ replicas: 1, containers: [image('c', 'i')], selector: { a: 'b' } });
  const first = stored(apply(undefined, config, context('a')));
  assert.equal(apply(first, config, context('a', { now: NOW + 60_000 })), first);
});

test('apply gives what nobody is recorded for to before-first-apply', () => {
  const live = stored(object({ replicas: 1 }));
  const applied = apply(live, object({ containers: [image('c', 'i')] }), context('a'));
  assert.deepEqual(fieldsOf(applied, 'before-first-apply'), { 'f:spec': { '.': {}, 'f:replicas': {} } });
});

test('apply follows the order of the configuration', () => {
  const names = (value: JsonObject): readonly unknown[] =>
    ((specOf(value) as JsonObject)['containers'] as JsonObject[]).map(({ name }) => name);
  const list = (...all: readonly string[]): JsonObject => object({ containers: all.map((name) => image(name, 'i')) });
  const live = stored(trackUpdate(undefined, list('a', 'x', 'b', 'y'), context('u')));
  assert.deepEqual(names(apply(live, list('b', 'a', 'n'), context('a', { force: true }))), ['x', 'b', 'y', 'a', 'n']);
});

test('kubectl takes over what it applied on the client before', () => {
  const annotations = {
    'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object({ replicas: 1, selector: { a: 'b' } })),
  };
  const schema = { ...thing, fields: new Map(thing.fields).set('metadata', field('metadata', ANY)) };
  const live = stored(
    trackUpdate(
      undefined,
      object({ replicas: 1, selector: { a: 'b' } }, { annotations }),
      context('kubectl-client-side-apply', { schema }),
    ),
  );
  const applied = apply(live, object({ replicas: 3 }), context('kubectl', { schema }));
  assert.deepEqual(specOf(applied), { replicas: 3, selector: { a: 'b' } });
  const record = (applied as { metadata: { annotations: Record<string, string> } }).metadata.annotations;
  assert.equal(
    record['kubectl.kubernetes.io/last-applied-configuration'],
    '{"apiVersion":"test/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"replicas":3}}\n',
  );
  assert.throws(() => apply(live, object({ replicas: 3 }), context('other', { schema })), { reason: 'Conflict' });
});

test('kubectl may apply annotations that are null, which charts write where they have none', () => {
  const schema = { ...thing, fields: new Map(thing.fields).set('metadata', field('metadata', ANY)) };
  const config = object({ replicas: 1 }, { annotations: null });
  assert.deepEqual(specOf(apply(undefined, config, context('kubectl', { schema }))), { replicas: 1 });
  const record = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object({ replicas: 1 })) };
  const live = stored(trackUpdate(undefined, object({ replicas: 1 }, { annotations: record }), context('before', { schema })));
  const recorded = withLastApplied(live, config) as { metadata: { annotations: Record<string, string> } };
  assert.deepEqual(Object.values(recorded.metadata.annotations), [
    '{"apiVersion":"test/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"replicas":1}}\n',
  ]);
});

for (const [name, config, message] of [
  ['another kind', { apiVersion: 'test/v1', kind: 'Other' }, 'invalid object type: test/v1, Kind=Other'],
  ['a version that is no text', { apiVersion: 5, kind: 'Thing' }, 'invalid object type: /, Kind=Thing'],
  ['managed fields', object({}, { managedFields: [] }), 'metadata.managedFields must be nil'],
  [
    'managed fields that are none',
    object({}, { managedFields: 'x' }),
    'failed to create typed patch object (/t; test/v1, Kind=Thing): .metadata.managedFields: expected list, got &{x}',
  ],
  [
    'a field that is not declared',
    object({ replica: 1 }),
    'failed to create typed patch object (/t; test/v1, Kind=Thing): .spec.replica: field not declared in schema',
  ],
  [
    'a wrong type',
    object({ replicas: '1' }),
    'failed to create typed patch object (/t; test/v1, Kind=Thing): .spec.replicas: expected numeric (int or float), got string',
  ],
  [
    'several problems',
    object({ containers: [image('c', 'i'), image('c', 'j'), { image: 1 }] }),
    [
      'failed to create typed patch object (/t; test/v1, Kind=Thing): errors:',
      '  .spec.containers: duplicate entries for key [name="c"]',
      '  .spec.containers: element 2: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
    ].join('\n'),
  ],
] as const) {
  test(`apply refuses ${name}`, () => {
    assert.throws(() => apply(undefined, config, context('a')), { message });
  });
}

test('trackUpdate gives a manager what it changed and takes it from others', () => {
  const created = stored(trackUpdate(undefined, object({ replicas: 1, containers: [image('c', 'i')] }), context('a')));
  const changed = trackUpdate(created, { ...created, spec: { replicas: 2 } }, context('b', { now: NOW + 5000 }));
  assert.equal(fieldsOf(created, 'a') !== undefined, true);
  assert.deepEqual(fieldsOf(changed, 'a'), { 'f:spec': {} });
  assert.deepEqual(fieldsOf(changed, 'b'), { 'f:spec': { 'f:replicas': {} } });
  assert.equal(entries(changed).find(({ manager }) => manager === 'b')?.time, '2026-01-01T00:00:05Z');
});

test('trackUpdate keeps apart what is written through a subresource', () => {
  const filter: ApplyContext['filter'] = (fields) => recursiveDifference(fields, setOfPaths(['f:spec']));
  const created = stored(trackUpdate(undefined, object({ replicas: 1 }), context('a')));
  const changed = { ...created, spec: { replicas: 5 }, status: { ready: '1' } };
  const after = trackUpdate(created, changed, context('a', { subresource: 'status', filter }));
  const status = entries(after).find(({ subresource }) => subresource === 'status');
  assert.deepEqual(status?.fieldsV1, { 'f:status': { '.': {}, 'f:ready': {} } });
  assert.deepEqual(fieldsOf(after, 'a'), { 'f:spec': { '.': {}, 'f:replicas': {} } });
});

test('trackUpdate lets a client forget all owners', () => {
  const created = stored(trackUpdate(undefined, object({ replicas: 1 }), context('a')));
  assert.deepEqual(entries(trackUpdate(created, object({ replicas: 2 }, { managedFields: [{}] }), context('b'))), []);
  const untracked = stored(object({ replicas: 1 }));
  assert.deepEqual(entries(trackUpdate(untracked, object({ replicas: 2 }), context('b'))), []);
});

test('trackUpdate folds the oldest managers once there are more than ten', () => {
  let live = stored(trackUpdate(undefined, object({}), context('first')));
  for (let i = 0; i < 12; i++) {
    const labels = { ...((live as Thing).metadata?.['labels'] as JsonObject | undefined), [`k${i}`]: 'v' };
    live = trackUpdate(live, { ...live, metadata: { ...(live as Thing).metadata, labels } }, context(`m${i}`, { now: NOW + i * 1000 }));
  }
  const managers = entries(live).map(({ manager }) => manager);
  assert.equal(managers.length, 10);
  assert.equal(managers[0], 'ancient-changes');
  assert.deepEqual(fieldsOf(live, 'ancient-changes'), {
    'f:metadata': { 'f:labels': { '.': {}, 'f:k0': {}, 'f:k1': {}, 'f:k2': {} } },
    'f:spec': {},
  });
});

test('withoutTimeChanges undoes a write that only moved times', () => {
  const live = stored(trackUpdate(undefined, object({ replicas: 1 }), context('a')));
  const [entry] = entries(live);
  const moved = { ...live, metadata: { ...(live as Thing).metadata, managedFields: [{ ...entry, time: '2026-01-02T00:00:00Z' }] } };
  assert.equal(withoutTimeChanges(live, moved), live);
  const changed = { ...moved, spec: { replicas: 2 } };
  assert.equal(withoutTimeChanges<JsonObject>(live, changed), changed);
});

test('appliers converge: each owns what it states, once removed it is gone', () => {
  const ids = seededIds(3);
  const some = <T>(values: readonly T[]): T[] => values.filter(() => ids.fraction() < 0.5).toSorted(() => ids.fraction() - 0.5);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(ids.fraction() * values.length)] as T;
  const random = (): JsonObject =>
    object({
      containers: some(['c1', 'c2', 'c3']).map((name) => ({
        name,
        image: pick(['i', 'j']),
        env: some(['A', 'B']).map((key) => ({ name: key, value: pick(['1', '2']) })),
      })),
      ...(ids.fraction() < 0.5 ? { replicas: pick([1, 2]) } : {}),
      ...(ids.fraction() < 0.5 ? { selector: { [pick(['x', 'y'])]: '1' } } : {}),
    });
  for (let i = 0; i < 300; i++) {
    let live = stored(apply(undefined, decoded(random()) as JsonObject, context('a')));
    for (let step = 0; step < 4; step++) {
      const manager = pick(['a', 'b']);
      const config = decoded(random()) as JsonObject;
      live = stored(decoded(apply(live, config, context(manager, { force: true }))) as JsonObject);
      assert.equal(apply(live, config, context(manager, { force: true, now: NOW + 60_000 })), live);
    }
    const { spec: _spec, ...nothing } = object({});
    const alone = apply(live, nothing, context('a', { force: true }));
    const empty = apply(alone, nothing, context('b', { force: true }));
    assert.ok(deepEqual(specOf(decoded(empty) as JsonObject) ?? {}, {}), JSON.stringify(empty));
    assert.deepEqual(entries(empty), []);
  }
});

/** Without empty lists and maps, which the decoder drops. */
function decoded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decoded);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, member]) => [key, key === 'managedFields' ? member : decoded(member)] as const);
  return Object.fromEntries(
    members.filter(([, member]) => typeof member !== 'object' || member === null || Object.keys(member).length > 0),
  );
}
