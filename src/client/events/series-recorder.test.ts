import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { eventsEvents } from '#api/resources.ts';
import { fakeClient } from '../testing.ts';
import { SeriesEventRecorder } from './series-recorder.ts';

const MINUTE = 60_000;
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'ns', uid: 'u', resourceVersion: '7' } };
const other = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'db', namespace: 'ns', uid: 'v', resourceVersion: '8' } };

function setUp() {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const { client, server } = fakeClient({ clock });
  const stop = new AbortController();
  const options = {
    client,
    component: 'default-scheduler',
    host: 'n1',
    clock,
    ids: seededIds(1),
    logger: silentLogger,
    signal: stop.signal,
  };
  const recorder = new SeriesEventRecorder(options);
  const fail = (note = 'no nodes'): void => recorder.event(pod, 'Warning', 'FailedScheduling', note, { action: 'Scheduling' });
  const stored = async () => {
    await recorder.flush();
    return server.stored(eventsEvents).map(({ note, series }) => [note, series?.count, series?.lastObservedTime]);
  };
  return { clock, client, server, stop, recorder, fail, stored };
}

test('SeriesEventRecorder writes what upstream writes', async () => {
  const { server, recorder } = setUp();
  recorder.event(pod, 'Normal', 'Preempted', 'Preempted by a pod', { action: 'Preempting', related: other });
  await recorder.flush();
  const [event] = server.stored(eventsEvents);
  const { apiVersion, kind, metadata, ...rest } = event as NonNullable<typeof event>;
  const nanos = (BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n).toString(16);
  assert.deepEqual([apiVersion, kind, metadata.name, metadata.namespace], ['events.k8s.io/v1', 'Event', `web.${nanos}`, 'ns']);
  assert.deepEqual(rest, {
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'default-scheduler',
    reportingInstance: 'default-scheduler-n1',
    action: 'Preempting',
    reason: 'Preempted',
    regarding: { kind: 'Pod', apiVersion: 'v1', name: 'web', namespace: 'ns', uid: 'u', resourceVersion: '7' },
    related: { kind: 'Pod', apiVersion: 'v1', name: 'db', namespace: 'ns', uid: 'v', resourceVersion: '8' },
    note: 'Preempted by a pod',
    type: 'Normal',
  });
});

test('SeriesEventRecorder makes one series of what happens again, and writes its count at the beginning and at the end', async () => {
  const { clock, fail, stored, server } = setUp();
  fail();
  assert.deepEqual(await stored(), [['no nodes', undefined, undefined]]);
  clock.advance(MINUTE);
  fail('no nodes at all');
  assert.deepEqual(await stored(), [['no nodes', 2, '2026-01-01T00:01:00.000000Z']]);
  for (let i = 0; i < 3; i++) fail();
  assert.deepEqual(await stored(), [['no nodes', 2, '2026-01-01T00:01:00.000000Z']]);
  clock.advance(12 * MINUTE);
  assert.deepEqual(await stored(), [['no nodes', 5, '2026-01-01T00:01:00.000000Z']]);
  fail();
  assert.equal((await stored()).length, 2, 'another begins');
  assert.equal(server.actions.filter(({ verb }) => verb === 'patch').length, 2);
});

test('SeriesEventRecorder keeps a series that goes on from expiring, and makes it again when it has', async () => {
  const { clock, client, fail, stored, server } = setUp();
  fail();
  fail();
  for (let minute = 0; minute < 36; minute += 3) {
    clock.advance(3 * MINUTE);
    fail();
  }
  assert.equal((await stored())[0]?.[1], 11);
  const [event] = server.stored(eventsEvents);
  await client.delete(eventsEvents, event?.metadata ?? { name: '' });
  clock.advance(12 * MINUTE);
  assert.deepEqual(await stored(), [['no nodes', 14, '2026-01-01T00:36:00.000000Z']]);
});

test('SeriesEventRecorder leaves no timer behind', async () => {
  const { clock, fail, stop, recorder } = setUp();
  fail();
  await recorder.flush();
  stop.abort();
  assert.equal(clock.pending, 0);
});
