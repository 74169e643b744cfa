import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chunks } from './chunks.ts';
import { packed, prettyList } from './list-parts.ts';

test('prettyList is made as it is read, so that others have their turns', () => {
  const COUNT = 1_000;
  let made = 0;
  const items = function* (): Generator<object> {
    for (; made < COUNT; made++) yield { metadata: { name: `item-${made}` }, data: { text: 'line\nof text' }, empty: {} };
  };
  const list = { kind: 'List', metadata: {}, items: [] as object[] };
  const chunks = packed(prettyList(list, items()), new Chunks(4_096, 2));
  const texts = [(chunks.next().value as Buffer).toString()];
  assert.ok(made < COUNT / 10, String(made));
  for (const chunk of chunks) texts.push(chunk.toString());
  made = 0;
  assert.equal(texts.join(''), `${JSON.stringify({ ...list, items: [...items()] }, undefined, 2)}\n`);
});
