import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internalError } from '#apimachinery/errors.ts';
import { pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { fakeClient } from '#client/testing.ts';
import { noMetrics } from '../metrics/metrics.ts';
import { pod } from '../testing.ts';
import { Evictor } from './evictor.ts';

function setUp(...placed: readonly Pod[]) {
  const { client, server } = fakeClient();
  server.seed(pods, ...placed);
  const activated: string[] = [];
  const told: string[] = [];
  const observed: (readonly [string, number])[] = [];
  const evictor = new Evictor({
    client,
    clock: systemClock,
    logger: silentLogger,
    metrics: { ...noMetrics, observe: (name, _, value) => void observed.push([name, value]) },
    pods: { get: (name: string) => server.stored(pods).find(({ metadata }) => metadata.name === name) } as never,
    cancelBinding: () => false,
    activate: (uids) => void activated.push(...uids),
  });
  const events = { event: ({ metadata }: { metadata: { name: string } }) => void told.push(metadata.name) } as never;
  const evict = (victims: readonly Pod[], displaced: readonly Pod[] = []): boolean =>
    evictor.evict({ preemptor: pod('high'), node: 'n', victims, displaced, events });
  const going = () => server.stored(pods).flatMap(({ metadata }) => (metadata.deletionTimestamp === undefined ? [] : [metadata.name]));
  return { evictor, server, activated, told, observed, evict, going };
}

const low = (name: string, more: object = {}): Pod => pod(name, {}, { nodeName: 'n' }, more);

// Source: executor.go prepareCandidateAsync.
test('Evictor evicts though a less important pod cannot be told that its room is gone, and tries the preemptor again', async () => {
  const waiting = pod('waiting', {}, {}, { status: { nominatedNodeName: 'n' } });
  const { evictor, server, activated, going, evict } = setUp(low('a'), low('b'), waiting);
  server.failNext({ verb: 'patch', resource: 'pods', name: 'waiting' }, internalError(new Error('etcd is away')));
  assert.equal(evict([low('a'), low('b')], [waiting]), true);
  assert.equal(evictor.isPreempting('high'), true);
  await evictor.settled();
  assert.deepEqual([going(), activated, evictor.isPreempting('high')], [['a', 'b'], ['high'], false]);
});

test('Evictor spares the last victim when another could not be evicted', async () => {
  const { evictor, server, activated, told, going, evict } = setUp(low('a'), low('b'), low('c'));
  server.failNext({ verb: 'delete', resource: 'pods', name: 'a' }, internalError(new Error('etcd is away')));
  evict([low('a'), low('b'), low('c')]);
  await evictor.settled();
  assert.deepEqual([going(), told, activated], [['b'], ['b'], ['high']]);
});

test('Evictor takes a victim that is gone for evicted', async () => {
  const { evictor, activated, told, going, evict } = setUp(low('b'));
  evict([low('a'), low('b')]);
  await evictor.settled();
  assert.deepEqual([going(), told, activated], [['b'], ['b'], []]);
});

test('Evictor has nothing to do where all victims go already, and counts all of them otherwise', async () => {
  const leaving = low('a', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } });
  const { evictor, observed, evict, server } = setUp(leaving, low('b'));
  assert.equal(evict([leaving]), false);
  assert.deepEqual([server.actions.length, observed, evictor.isPreempting('high')], [0, [], false]);
  assert.equal(evict([leaving, low('b')]), true);
  await evictor.settled();
  assert.deepEqual(observed[0], ['scheduler_preemption_victims', 2]);
});
