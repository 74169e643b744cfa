// Laws of patches that hold for every built-in type, on generated objects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExactly } from '#apimachinery/json.ts';
import { seededIds } from '#base/ids.ts';
import { apply, trackUpdate } from '#apimachinery/apply/apply.ts';
import { sameOutline } from '#apimachinery/apply/outline.ts';
import { deepEqual, isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { apiVersionOf } from '#apimachinery/resource.ts';
import { sharing } from '#apimachinery/sharing.ts';
import { strategicMergePatch } from '#apimachinery/strategic-merge-patch.ts';
import { createTwoWayMergePatch } from '#apimachinery/two-way-diff.ts';
import { decodeValue } from './decode.ts';
import { Schema } from './schema.ts';
import { Generator } from './testing/generate.ts';
import { wellFormed } from './testing/well-formed.ts';

const PAIRS_A_TYPE = 12;
const NOW = Date.UTC(2026, 0, 1);
const resources = [...new Schema({ serves: () => true }).resources()];
type Info = (typeof resources)[number];

/** Two objects of one kind, as a client would write them. */
function eachPair(law: (one: JsonObject, other: JsonObject, info: Info) => void): void {
  for (const info of resources) {
    const generator = new Generator(seededIds(info.kind.length * 1000 + info.version.length));
    const object = (): JsonObject => {
      const { metadata, ...rest } = wellFormed(generator.object(info, info.schema), info.schema);
      const { labels, annotations, finalizers, ownerReferences } = metadata;
      return { ...rest, metadata: { name: 'one', ...JSON.parse(JSON.stringify({ labels, annotations, finalizers, ownerReferences })) } };
    };
    for (let i = 0; i < PAIRS_A_TYPE; i++) law(object(), object(), info);
  }
}

const same = (got: unknown, want: unknown, { kind }: Info): void =>
  assert.ok(deepEqual(got, want), `${kind}\n${JSON.stringify(got)}\nis not\n${JSON.stringify(want)}`);

test('merging a two-way diff strategically reaches its target', () =>
  eachPair((from, to, info) => {
    const patch = createTwoWayMergePatch(from, to, info.schema);
    // A time that is unset is null on the wire, which means absent in a patch: decoding makes it null again.
    const reached = decodeValue<JsonObject>(strategicMergePatch(from, patch, info.schema), info.schema, { fieldValidation: 'Strict' });
    same(reached.object, to, info);
    same(createTwoWayMergePatch(to, to, info.schema), {}, info);
  }));

const context = (info: Info, manager: string) => ({
  schema: info.schema,
  apiVersion: apiVersionOf(info),
  kind: info.kind,
  manager,
  now: NOW,
  force: true,
});

test('applying twice changes nothing', () =>
  eachPair((live, configuration, info) => {
    const before = trackUpdate(undefined, live, context(info, 'creator'));
    const once = apply(before, configuration, context(info, 'applier'));
    same(apply(once, configuration, { ...context(info, 'applier'), force: false, now: NOW + 60_000 }), once, info);
  }));

test('what is applied is there, and the last to apply with force has its way', () =>
  eachPair((one, other, info) => {
    const first = apply(undefined, one, context(info, 'a'));
    const second = apply(first, other, context(info, 'b'));
    same(apply(second, other, { ...context(info, 'b'), force: false }), second, info);
  }));

/** `value` with some scalars another value of their type, Go's zero among them, and now and then a member fewer. */
function varied(value: unknown, fraction: () => number): unknown {
  if (Array.isArray(value)) return value.map((item) => varied(item, fraction));
  if (isObject(value)) {
    const members = Object.entries(value).filter(() => fraction() > 0.002);
    return Object.fromEntries(members.map(([name, member]) => [name, varied(member, fraction)]));
  }
  if (fraction() > 0.1) return value;
  if (typeof value === 'string') return fraction() < 0.1 ? '' : `${value}x`;
  if (typeof value === 'number') return fraction() < 0.1 ? 0 : value + 1;
  return typeof value === 'boolean' ? !value : value;
}

test('who creates an object of the same outline owns the same fields', () => {
  const ids = seededIds(1);
  let alike = 0;
  eachPair((one, _other, info) => {
    const other = varied(one, () => ids.fraction()) as JsonObject;
    if (!sameOutline(info.schema, one, other)) return;
    alike += Number(!deepEqual(one, other));
    const owners = (object: JsonObject): unknown => (trackUpdate(undefined, object, context(info, 'a')) as { metadata: object }).metadata;
    const fields = (object: JsonObject): unknown => (owners(object) as { managedFields?: unknown }).managedFields;
    same(fields(other), fields(one), info);
  });
  assert.ok(alike > 50, `${alike} pairs differed in values alone`);
});

test('sharing gives the same value, with the parts that are equal', () => {
  const ids = seededIds(2);
  eachPair((one, _other, info) => {
    const copy = parseExactly(JSON.stringify(one)) as JsonObject;
    assert.equal(sharing(one, copy), one);
    const text = JSON.stringify(varied(one, () => ids.fraction()));
    const next = parseExactly(text) as JsonObject;
    const shared = sharing(one, next);
    assert.equal(JSON.stringify(shared), text);
    assert.equal(JSON.stringify(next), text);
    for (const name of Object.keys(one))
      if (JSON.stringify(one[name]) === JSON.stringify(next[name])) assert.equal(shared[name], one[name]);
    same(shared, next, info);
  });
});

test('what a patch made is decoded the same whether its original is known or not', () =>
  eachPair((one, to, info) => {
    const decoded = (value: JsonObject, before?: JsonObject): JsonObject =>
      decodeValue<JsonObject>(value, info.schema, { fieldValidation: 'Strict', ...(before === undefined ? {} : { before }) }).object;
    const from = decoded(one);
    const patch = createTwoWayMergePatch(from, to, info.schema);
    for (const member of Object.keys(patch)) {
      const patched = strategicMergePatch(from, { [member]: patch[member] }, info.schema);
      assert.equal(JSON.stringify(decoded(patched, from)), JSON.stringify(decoded(patched)));
      for (const other of Object.keys(from)) if (patched[other] === from[other]) assert.equal(decoded(patched, from)[other], from[other]);
    }
  }));

test('an update leaves the same owners whether one like it was seen before or not', () =>
  eachPair((one, other, info) => {
    let live = trackUpdate(undefined, one, context(info, 'a'));
    for (const [i, manager] of ['b', 'a', 'b', 'c', 'b'].entries()) {
      const { managedFields } = live['metadata'] as JsonObject;
      const to = i % 2 === 0 ? other : one;
      const next = { ...to, metadata: { ...(to['metadata'] as JsonObject), managedFields } };
      const now = NOW + i * 1000;
      const [first, again] = [1, 2].map(() => trackUpdate(live, next, { ...context(info, manager), now })) as [JsonObject, JsonObject];
      // A copy's sets are no others' sets.
      const unseen = trackUpdate(structuredClone(live), structuredClone(next), { ...context(info, manager), now });
      same(first, unseen, info);
      same(again, unseen, info);
      live = again;
    }
  }));
