import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods, resourcequotas } from '#api/resources.ts';
import type { ResourceQuota } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import { ConnectionError } from '#client/contract.ts';
import { fakeClient } from '#client/testing.ts';
import { MemoryReader } from '../../authorization/testing.ts';
import { write } from '../testing.ts';
import { resourceQuota } from './plugin.ts';

const STATUS = { verb: 'update', resource: 'resourcequotas', subresource: 'status' } as const;

/** A server with quotas, and a cache that has of it what `see` was last called for. */
function setUp(...quotas: { readonly name: string; readonly hard: object; readonly used: object }[]) {
  const clock = new ManualClock();
  const { client, server } = fakeClient({ clock });
  const reader = new MemoryReader();
  const see = (): void => {
    for (const quota of server.stored(resourcequotas)) reader.put(resourcequotas, quota);
  };
  for (const { name, hard, used } of quotas) {
    server.seed(resourcequotas, { metadata: { name, namespace: 'a' }, spec: { hard: hard as never }, status: { hard, used } as never });
  }
  see();
  const plugin = resourceQuota({ reader, clock, client: () => client });
  const create = async (name: string, dryRun = false): Promise<void> => {
    const object = { metadata: { name, namespace: 'a' }, spec: { containers: [{ name: 'c' }] }, status: {} };
    return plugin.validate({ ...write(pods, { object: object as never }), dryRun });
  };
  const used = (name = 'q'): unknown => server.stored(resourcequotas).find(({ metadata }) => metadata.name === name)?.status.used;
  return { clock, server, reader, see, plugin, create, used };
}

const TWO = { name: 'q', hard: { pods: '2' }, used: { pods: '0' } };
const exceeded = (used: number) => ({
  reason: 'Forbidden',
  message: new RegExp(`exceeded quota: q, requested: pods=1, used: pods=${used}, limited: pods=2`),
});

test('ResourceQuota writes what a pod takes before it goes on', async () => {
  const { create, used, server } = setUp(TWO);
  await create('one');
  assert.deepEqual(used(), { pods: '1' });
  await create('two');
  await assert.rejects(create('three'), exceeded(2));
  assert.deepEqual(server.writes(), ['update resourcequotas/status a/q', 'update resourcequotas/status a/q']);
});

test('ResourceQuota charges many writes with one, and refuses those too many', async () => {
  const { create, used, server } = setUp(TWO);
  const release = server.holdNext(STATUS);
  const first = create('first');
  const others = ['b', 'c', 'd'].map((name) => create(name));
  release();
  const [, ...settled] = await Promise.allSettled([first, ...others]);
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected'],
  );
  assert.deepEqual(used(), { pods: '2' });
  assert.equal(server.writes().length, 2);
});

test('ResourceQuota forgets what it wrote once the cache is newer', async () => {
  const { create, server, see } = setUp(TWO);
  await create('one');
  server.change(resourcequotas, 'q', 'a', (quota: ResourceQuota) => ({ ...quota, status: { ...quota.status, used: { pods: '0' } } }));
  see();
  await create('two');
  await create('three');
  await assert.rejects(create('four'), exceeded(2));
});

test('ResourceQuota writes again after another did', async () => {
  const { create, used, server, reader, see } = setUp(TWO);
  server.change(resourcequotas, 'q', 'a', (quota: ResourceQuota) => ({ ...quota, status: { ...quota.status, used: { pods: '1' } } }));
  reader.onCatchUp = see;
  await create('one');
  assert.deepEqual(used(), { pods: '2' });
});

test('ResourceQuota refuses what another took meanwhile', async () => {
  const { create, used, server, reader, see } = setUp(TWO);
  server.change(resourcequotas, 'q', 'a', (quota: ResourceQuota) => ({ ...quota, status: { ...quota.status, used: { pods: '2' } } }));
  reader.onCatchUp = see;
  await assert.rejects(create('one'), exceeded(2));
  assert.deepEqual(used(), { pods: '2' });
});

test('ResourceQuota charges a quota once, though another had to be written again', async () => {
  const { create, used, server } = setUp(TWO, { ...TWO, name: 'r' });
  server.failNext((request) => request.name === 'r', new StatusError('Conflict', 'changed'));
  await create('one');
  assert.deepEqual([used('q'), used('r')], [{ pods: '1' }, { pods: '1' }]);
});

for (const error of [new StatusError('Conflict', 'changed'), new ConnectionError('gone')]) {
  test(`ResourceQuota gives up after four times ${error.name}`, async () => {
    const { create, used, server } = setUp(TWO);
    server.failNext(STATUS, error, 4);
    await assert.rejects(create('one'), error);
    assert.deepEqual(used(), { pods: '0' });
    await create('two');
    assert.deepEqual(used(), { pods: '1' }, 'the next starts anew');
  });
}

test('ResourceQuota hands an unforeseen error to whoever waits', async () => {
  const { create, server } = setUp(TWO);
  server.failNext(STATUS, new TypeError('odd'));
  await assert.rejects(create('one'), /odd/);
  await create('two');
});

test('ResourceQuota only looks at a dry run', async () => {
  const { create, used, server } = setUp({ ...TWO, used: { pods: '1' } });
  await create('one', true);
  await create('two', true);
  assert.deepEqual([used(), server.writes()], [{ pods: '1' }, []]);
});

test('ResourceQuota lets a write wait for ten seconds', async () => {
  const { create, clock, server } = setUp(TWO);
  const release = server.holdNext(STATUS);
  const late = create('late');
  clock.advance(10_000);
  await assert.rejects(late, /resource quota evaluation timed out/);
  release();
  await create('next');
  assert.equal(clock.pending, 0);
});

test('ResourceQuota looks neither at namespaces without quotas nor at objects without namespace', () => {
  const { plugin, reader } = setUp(TWO);
  const pod = { metadata: { name: 'p', namespace: 'b' }, spec: {}, status: {} } as never;
  assert.equal(plugin.validate(write(pods, { object: pod })), undefined);
  assert.equal(plugin.validate(write(pods, { object: pod, namespace: '' })), undefined);
  reader.remove(resourcequotas, 'q', 'a');
  assert.equal(plugin.validate(write(pods, { object: pod, namespace: 'a' })), undefined);
});
