import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { Schema } from '#api/schema.ts';
import { toYaml } from '#apimachinery/yaml.ts';
import { Chunks } from './chunks.ts';
import { metadataBody, packed, prettyList, wholeBody, yamlList } from './list-parts.ts';

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

test('yamlList is made as it is read, and is the whole list in YAML', () => {
  const COUNT = 1_000;
  const item = (i: number): object => ({
    metadata: { name: `item-${i}`, annotations: i % 2 === 0 ? {} : { list: 'items: []\nrows: []\n' } },
    data: { text: 'items: []\n', lines: ['a', { b: 'items: []\n\nc' }], long: 'word '.repeat(50), 'odd: key': null },
  });
  let made = 0;
  const items = function* (): Generator<object> {
    for (; made < COUNT; made++) yield item(made);
  };
  const list = { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '7', continue: 'items: []\n' }, items: [] };
  const chunks = packed(yamlList(list, 'items', items()), new Chunks(4_096, 2));
  const texts = [(chunks.next().value as Buffer).toString()];
  assert.ok(made < COUNT / 10, String(made));
  for (const chunk of chunks) texts.push(chunk.toString());
  assert.equal(texts.join(''), toYaml({ ...list, items: Array.from({ length: COUNT }, (_, i) => item(i)) }));
  assert.equal(Buffer.concat([...packed(yamlList(list, 'items', []), new Chunks(4_096, 2))]).toString(), toYaml(list));
});

test('metadataBody is the list of metadata in protobuf', async () => {
  const objects = Array.from({ length: 300 }, (_, i) => ({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: `p${i}`, namespace: 'n', uid: 'u', resourceVersion: String(i), labels: { a: 'b' } },
    spec: { containers: [] },
  }));
  const items = objects.map((object) => ({ object }));
  const list = { items, revision: 9, continue: 'more', remainingItemCount: 3 };
  const served = { apiVersion: 'v1', view: (object: unknown) => object };
  const body = metadataBody(served as never, list as never, 'meta.k8s.io/v1');
  const bytes = Buffer.concat([...packed(await wholeBody(body), new Chunks(4_096, 2))]);
  const apiVersion = 'meta.k8s.io/v1';
  const whole = kubeProtobuf(new Schema()).encode({
    kind: 'PartialObjectMetadataList',
    apiVersion,
    metadata: { resourceVersion: '9', continue: 'more', remainingItemCount: 3 },
    items: objects.map(({ metadata }) => ({ kind: 'PartialObjectMetadata', apiVersion, metadata })),
  });
  assert.deepEqual(bytes, Buffer.from(whole));
});
