import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TypeSchema } from '#apimachinery/type-schema.ts';
import { seededIds } from '#base/ids.ts';
import { inOrder } from './member-order.ts';
import { Schema } from './schema.ts';
import { Generator } from './testing/generate.ts';

/** Members backwards, at every depth. */
function backwards(value: unknown, type: TypeSchema): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (type.shape === 'list') return (value as readonly unknown[]).map((item) => backwards(item, type.items));
  if (type.shape === 'map')
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([key, item]) => [key, backwards(item, type.values)]),
    );
  if (type.shape !== 'object') return value;
  const members = Object.entries(value).map(([name, member]) => {
    const field = type.fields.get(name);
    return [name, field === undefined ? member : backwards(member, field.type)] as const;
  });
  return Object.fromEntries(members.toReversed());
}

test('inOrder gives every type the order of its fields, and what has it is left alone', () => {
  for (const info of new Schema({ serves: () => true }).resources()) {
    const generator = new Generator(seededIds(info.kind.length));
    for (let i = 0; i < 5; i++) {
      const object = generator.object(info, info.schema);
      assert.equal(inOrder(object, info.schema), object);
      assert.equal(JSON.stringify(inOrder(backwards(object, info.schema) as object, info.schema)), JSON.stringify(object));
    }
  }
});

test('inOrder of an object that shares parts with an ordered one gives it the order of its fields', () => {
  for (const info of new Schema({ serves: () => true }).resources()) {
    const generator = new Generator(seededIds(info.kind.length));
    const before = generator.object(info, info.schema);
    for (let i = 0; i < 5; i++) {
      const object = generator.object(info, info.schema);
      const turned = backwards(object, info.schema) as Record<string, unknown>;
      // Of some the new parts, of others the old ones.
      const mixed = Object.entries(turned).map(([name, part], at) => [name, at % 2 === i % 2 ? part : before[name as keyof object]]);
      const changed = Object.fromEntries(mixed.filter(([, part]) => part !== undefined)) as object;
      assert.equal(JSON.stringify(inOrder(changed, info.schema, before)), JSON.stringify(inOrder(changed, info.schema)));
    }
  }
});
