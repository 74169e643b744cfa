import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { createLogger } from '#base/log.ts';
import { StatusError, tooManyRequests } from '#apimachinery/errors.ts';
import { events } from '#api/resources.ts';
import { fakeClient } from '../testing.ts';
import { QueueingEventRecorder } from './event-recorder.ts';

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'ns', uid: 'u', resourceVersion: '7' } };

function setUp() {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const { client, server } = fakeClient({ clock });
  const stop = new AbortController();
  const lines: string[] = [];
  const reports: unknown[] = [];
  const logger = createLogger((level, message, fields) => {
    lines.push(`${level} ${message}`);
    if (message === 'events given up') reports.push(fields['count']);
  });
  const recorder = new QueueingEventRecorder({
    client,
    component: 'kubelet',
    host: 'n1',
    clock,
    ids: seededIds(1),
    logger,
    signal: stop.signal,
  });
  return { clock, client, server, stop, lines, reports, recorder };
}

test('EventRecorder writes what upstream writes', async () => {
  const { server, recorder } = setUp();
  recorder.event(pod, 'Normal', 'Started', 'Started container c', { fieldPath: 'spec.containers{c}', annotations: { a: 'b' } });
  await recorder.flush();
  const [event] = server.stored(events);
  const nanos = (BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n).toString(16);
  assert.equal(event?.metadata.name, `web.${nanos}`);
  const { apiVersion, kind, metadata, ...rest } = event;
  assert.deepEqual([apiVersion, kind, metadata.namespace, metadata.annotations], ['v1', 'Event', 'ns', { a: 'b' }]);
  assert.deepEqual(rest, {
    involvedObject: {
      kind: 'Pod',
      apiVersion: 'v1',
      name: 'web',
      namespace: 'ns',
      uid: 'u',
      resourceVersion: '7',
      fieldPath: 'spec.containers{c}',
    },
    reason: 'Started',
    message: 'Started container c',
    source: { component: 'kubelet', host: 'n1' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:00:00Z',
    count: 1,
    type: 'Normal',
    reportingComponent: 'kubelet',
    reportingInstance: 'n1',
  });
});

test('EventRecorder names two events of one moment differently and a subject that is no DNS name by a UUID', async () => {
  const { server, recorder } = setUp();
  recorder.event(pod, 'Normal', 'A', 'a');
  recorder.event(pod, 'Normal', 'B', 'b');
  recorder.event({ ...pod, metadata: { name: 'Not_DNS', namespace: 'ns' } }, 'Normal', 'C', 'c');
  await recorder.flush();
  const names = server.stored(events).map(({ metadata }) => metadata.name);
  assert.equal(new Set(names).size, 3);
  assert.equal(names.filter((name) => /^[0-9a-f]{8}-/.test(name)).length, 1);
});

test('EventRecorder puts the event of a cluster-scoped object into default', async () => {
  const { server, recorder } = setUp();
  recorder.event({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }, 'Normal', 'NodeReady', 'ready');
  await recorder.flush();
  assert.equal(server.stored(events)[0]?.metadata.namespace, 'default');
});

test('EventRecorder counts a repeated event up, and makes it again when it has expired', async () => {
  const { clock, server, recorder } = setUp();
  for (let i = 0; i < 3; i++) {
    recorder.event(pod, 'Warning', 'BackOff', 'back-off');
    await recorder.flush();
    clock.advance(1000);
  }
  const [event] = server.stored(events);
  assert.deepEqual([event?.count, event?.firstTimestamp, event?.lastTimestamp], [3, '2026-01-01T00:00:00Z', '2026-01-01T00:00:02Z']);
  server.erase(events, event?.metadata.name ?? '', 'ns');
  recorder.event(pod, 'Warning', 'BackOff', 'back-off');
  await recorder.flush();
  const again = server.stored(events);
  assert.deepEqual(
    again.map(({ metadata, count }) => [metadata.name, count]),
    [[event?.metadata.name, 4]],
  );
});

test('EventRecorder tries again while the server is away or full, and keeps the order', async () => {
  const { clock, server, recorder } = setUp();
  server.setOffline(true);
  recorder.event(pod, 'Normal', 'A', 'a');
  recorder.event(pod, 'Normal', 'B', 'b');
  await turn();
  server.setOffline(false);
  server.failNext({ verb: 'create' }, tooManyRequests('later', 1));
  clock.advance(10_000);
  await turn();
  clock.advance(10_000);
  await recorder.flush();
  assert.deepEqual(
    server.stored(events).map(({ reason }) => reason),
    ['A', 'B'],
  );
  assert.equal(recorder.dropped, 0);
});

test('EventRecorder gives up after twelve tries', async () => {
  const { clock, server, recorder, lines } = setUp();
  server.setOffline(true);
  recorder.event(pod, 'Normal', 'A', 'a');
  for (let tries = 1; tries <= 12; tries++) {
    await turn();
    assert.equal(recorder.dropped, tries === 12 ? 1 : 0);
    clock.advance(10_000);
  }
  await recorder.flush();
  assert.deepEqual(lines, ['error events given up']);
});

test('EventRecorder does not repeat what the server refuses', async () => {
  const { server, recorder, lines } = setUp();
  server.failNext({ verb: 'create' }, new StatusError('Forbidden', 'no', { causes: [{ reason: 'NamespaceTerminating' }] }));
  server.failNext({ verb: 'create' }, new StatusError('Invalid', 'bad'));
  recorder.event(pod, 'Normal', 'A', 'a');
  recorder.event(pod, 'Normal', 'B', 'b');
  await recorder.flush();
  assert.deepEqual([recorder.dropped, lines], [2, ['debug event refused', 'error events given up']]);
});

test('EventRecorder drops what does not fit its queue and says how much', async () => {
  const { server, recorder } = setUp();
  const release = server.holdNext({ verb: 'create' });
  for (let i = 0; i < 1500; i++) recorder.event({ ...pod, metadata: { ...pod.metadata, name: `p${i}` } }, 'Normal', 'A', 'a');
  assert.equal(recorder.dropped, 500);
  release();
  await recorder.flush();
  assert.equal(server.stored(events).length, 1000);
});

test('EventRecorder says once a minute how many events are lost, and at its end', async () => {
  const { clock, server, stop, recorder, reports } = setUp();
  const lose = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      server.failNext({ verb: 'create' }, new StatusError('Invalid', 'bad'));
      recorder.event({ ...pod, metadata: { name: `p${i}` } }, 'Normal', 'A', `${i}`);
    }
    await recorder.flush();
  };
  await lose(300);
  assert.deepEqual(reports, [1]);
  clock.advance(60_000);
  assert.deepEqual(reports, [1, 299]);
  clock.advance(600_000);
  assert.deepEqual(reports, [1, 299], 'nothing is said of nothing');
  await lose(1);
  await lose(5);
  stop.abort();
  assert.deepEqual([reports, clock.pending, recorder.dropped], [[1, 299, 1, 5], 0, 306]);
});

test('EventRecorder does not wait for retries once it is stopped', async () => {
  const { clock, server, stop, recorder } = setUp();
  server.setOffline(true);
  recorder.event(pod, 'Normal', 'A', 'a');
  await turn();
  stop.abort();
  await recorder.flush();
  assert.deepEqual([recorder.dropped, clock.pending], [1, 0]);
});
