import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEtcd } from './etcd.ts';

/** A call of etcd's JSON gateway. */
async function call(endpoint: string, path: string, body: Record<string, string>): Promise<Record<string, unknown>> {
  const response = await fetch(`${endpoint}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>;
}

const KEY = btoa('key');
const VALUE = btoa('value');

test('etcd serves, starts empty, and keeps what it acknowledged when it is killed', async (t) => {
  const etcd = await startEtcd(t);
  assert.equal((await call(etcd.endpoint, 'range', { key: KEY }))['count'], undefined);
  await call(etcd.endpoint, 'put', { key: KEY, value: VALUE });

  await etcd.kill();
  await assert.rejects(call(etcd.endpoint, 'range', { key: KEY }));
  await etcd.restart();
  const { kvs } = await call(etcd.endpoint, 'range', { key: KEY });
  assert.equal((kvs as { value: string }[])[0]?.value, VALUE);
});

test('two etcds know nothing of each other', async (t) => {
  const [one, two] = await Promise.all([startEtcd(t), startEtcd(t)]);
  await call(one.endpoint, 'put', { key: KEY, value: VALUE });
  assert.equal((await call(two.endpoint, 'range', { key: KEY }))['count'], undefined);
});

test('etcd that does not start is an error with what it said', async (t) => {
  await assert.rejects(startEtcd(t, { args: ['--no-such-flag'] }), /no-such-flag/);
});
