import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configmaps } from '#api/resources.ts';
import { createClient } from '../client.ts';
import { ConnectionError, type Transport } from '../contract.ts';
import { fakeClient } from '../testing.ts';
import { fenced } from './fence.ts';

const made = { metadata: { name: 'a', namespace: 'ns' } };

test('fenced carries requests while the lead lasts, and none of any kind after it', async () => {
  const { server } = fakeClient();
  const lead = new AbortController();
  const client = createClient(fenced(server, lead.signal));
  await client.create(configmaps, made);
  const watched = (async () => {
    for await (const event of client.watch(configmaps, { namespace: 'ns' })) assert.equal(event.type, 'ADDED');
  })().catch(() => undefined);
  lead.abort(new Error('the lead was lost'));
  await assert.rejects(client.delete(configmaps, made.metadata), ConnectionError);
  await assert.rejects(client.get(configmaps, made.metadata), ConnectionError);
  await assert.rejects(client.getPath('/version'), ConnectionError);
  await watched; // it has an end
  assert.equal(server.stored(configmaps).length, 1);
});

test('fenced gives up a request that is under way when the lead is lost', async () => {
  const lead = new AbortController();
  const silent: Transport = {
    request: async ({ signal }) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
    watch: () => {
      throw new Error('nobody watches here');
    },
    getPath: async () => undefined,
    close: async () => {},
  };
  const writing = createClient(fenced(silent, lead.signal)).create(configmaps, made);
  lead.abort(new Error('the lead was lost'));
  await assert.rejects(writing, { message: 'the lead was lost' });
});
