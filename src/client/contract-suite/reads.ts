// Lists: selectors, pages and versions; and paths outside resources.
import assert from 'node:assert/strict';
import { configmaps } from '#api/resources.ts';
import type { Client } from '../contract.ts';
import { refused, type Declare } from './subject.ts';

async function make(
  client: Client,
  namespace: string,
  names: readonly string[],
  labels: Readonly<Record<string, string>> = { suite: 'yes' },
): Promise<void> {
  for (const name of names) await client.create(configmaps, { metadata: { name, namespace, labels } });
}

const namesOf = (list: { readonly items: readonly { readonly metadata: { readonly name: string } }[] }): string[] =>
  list.items.map(({ metadata }) => metadata.name);

export function declareLists(declare: Declare): void {
  declare('list gives the objects of a namespace in the order of their names', async ({ client, namespace }) => {
    await make(client, namespace, ['b', 'c', 'a']);
    const list = await client.list(configmaps, { namespace, labelSelector: 'suite=yes' });
    assert.deepEqual([list.kind, list.apiVersion, namesOf(list)], ['ConfigMapList', 'v1', ['a', 'b', 'c']]);
    assert.match(list.metadata.resourceVersion ?? '', /^\d+$/);
  });

  declare('list selects by labels', async ({ client, namespace }) => {
    await make(client, namespace, ['a'], { app: 'x', tier: 'web' });
    await make(client, namespace, ['b'], { app: 'y' });
    for (const [labelSelector, want] of [
      ['app=x', ['a']],
      ['app!=x,app', ['b']],
      ['app in (x, y)', ['a', 'b']],
      ['app,!tier', ['b']],
      ['app notin (x),app', ['b']],
    ] as const) {
      assert.deepEqual(namesOf(await client.list(configmaps, { namespace, labelSelector })), want, labelSelector);
    }
    await refused(client.list(configmaps, { namespace, labelSelector: 'app in x' }), 'BadRequest');
  });

  declare('list selects by name, and over all namespaces', async ({ client, namespace }) => {
    await make(client, namespace, ['a', 'b'], { in: namespace });
    assert.deepEqual(namesOf(await client.list(configmaps, { namespace, fieldSelector: 'metadata.name=b' })), ['b']);
    assert.deepEqual(namesOf(await client.list(configmaps, { labelSelector: `in=${namespace}` })), ['a', 'b']);
  });

  declare('list pages show one state, whatever is written meanwhile', async ({ client, namespace }) => {
    await make(client, namespace, ['a', 'b', 'c', 'd', 'e']);
    const scope = { namespace, labelSelector: 'suite=yes' };
    const first = await client.list(configmaps, { ...scope, limit: 2 });
    assert.deepEqual(namesOf(first), ['a', 'b']);
    await client.delete(configmaps, { name: 'd', namespace });
    await make(client, namespace, ['c1']);
    const second = await client.list(configmaps, { ...scope, limit: 2, continue: first.metadata.continue ?? '' });
    const third = await client.list(configmaps, { ...scope, limit: 2, continue: second.metadata.continue ?? '' });
    assert.deepEqual([namesOf(second), namesOf(third), third.metadata.continue ?? ''], [['c', 'd'], ['e'], '']);
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
  });

  declare('list at an exact version shows the past', async ({ client, namespace }) => {
    await make(client, namespace, ['a', 'b']);
    const scope = { namespace, labelSelector: 'suite=yes' };
    const { resourceVersion = '' } = (await client.list(configmaps, scope)).metadata;
    await client.delete(configmaps, { name: 'a', namespace });
    assert.deepEqual(namesOf(await client.list(configmaps, { ...scope, resourceVersion, resourceVersionMatch: 'Exact' })), ['a', 'b']);
    assert.deepEqual(namesOf(await client.list(configmaps, { ...scope, resourceVersion, resourceVersionMatch: 'NotOlderThan' })), ['b']);
  });

  declare('getPath answers outside resources', async ({ client }) => {
    const { major } = await client.getPath<{ readonly major: string }>('/version');
    assert.equal(major, '1');
    await refused(client.getPath('/no/such/path'), 'NotFound');
  });

  declare('a request with an aborted signal is not sent', async ({ client, namespace }) => {
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(client.list(configmaps, { namespace, signal }), reason);
    await assert.rejects(client.create(configmaps, { metadata: { name: 'a', namespace } }, { signal }), reason);
    await refused(client.get(configmaps, { name: 'a', namespace }), 'NotFound');
  });
}
