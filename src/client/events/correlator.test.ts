import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventCorrelator, type EventDraft } from './correlator.ts';

const draft = (fields: Partial<EventDraft> = {}): EventDraft => ({
  metadata: { name: 'web.1', namespace: 'ns' },
  involvedObject: { kind: 'Pod', namespace: 'ns', name: 'web', uid: 'u' },
  source: { component: 'kubelet', host: 'n1' },
  reason: 'Pulled',
  message: 'pulled',
  type: 'Normal',
  count: 1,
  firstTimestamp: '2026-01-01T00:00:00Z',
  lastTimestamp: '2026-01-01T00:00:00Z',
  ...fields,
});

test('EventCorrelator counts the same event up under its first name', () => {
  const correlator = new EventCorrelator();
  assert.deepEqual(correlator.correlate(draft(), 0, 'x'), { kind: 'create', event: draft() });
  const later = draft({
    metadata: { name: 'web.2', namespace: 'ns' },
    firstTimestamp: '2026-01-01T00:01:00Z',
    lastTimestamp: '2026-01-01T00:01:00Z',
  });
  const second = correlator.correlate(later, 60_000, 'x');
  assert.deepEqual(second, {
    kind: 'count',
    event: draft({ count: 2, lastTimestamp: '2026-01-01T00:01:00Z' }),
    patch: { count: 2, lastTimestamp: '2026-01-01T00:01:00Z', message: 'pulled' },
  });
});

test('EventCorrelator tells events of another part of the object apart', () => {
  const correlator = new EventCorrelator();
  const of = (fieldPath: string) => draft({ involvedObject: { kind: 'Pod', name: 'web', fieldPath } });
  assert.equal(correlator.correlate(of('spec.containers{a}'), 0, 'x').kind, 'create');
  assert.equal(correlator.correlate(of('spec.containers{b}'), 0, 'x').kind, 'create');
});

test('EventCorrelator folds the tenth different message, and those after it, into one event', () => {
  const correlator = new EventCorrelator();
  const results = Array.from({ length: 12 }, (_, i) => correlator.correlate(draft({ message: `m${i}` }), i * 1000, `combined.${i}`));
  assert.deepEqual(
    results.slice(0, 10).map(({ kind }) => kind),
    Array.from({ length: 10 }, () => 'create'),
  );
  const tenth = results[9];
  assert.ok(tenth?.kind === 'create');
  assert.deepEqual([tenth.event.metadata.name, tenth.event.message], ['combined.9', '(combined from similar events): m9']);
  const twelfth = results[11];
  assert.ok(twelfth?.kind === 'count');
  assert.deepEqual(
    [twelfth.event.metadata.name, twelfth.patch.count, twelfth.patch.message],
    ['combined.9', 3, '(combined from similar events): m11'],
  );
});

test('EventCorrelator goes on folding as long as the pauses are shorter', () => {
  const correlator = new EventCorrelator();
  const kinds = Array.from({ length: 11 }, (_, i) => correlator.correlate(draft({ message: `m${i}` }), i * 300_000, 'combined').kind);
  assert.deepEqual(kinds.slice(9), ['create', 'count']);
});

test('EventCorrelator does not fold a message it knows, once there are many', () => {
  const correlator = new EventCorrelator();
  for (let i = 0; i < 10; i++) correlator.correlate(draft({ message: `m${i}` }), 0, 'combined');
  const again = correlator.correlate(draft({ message: 'm5' }), 1000, 'combined');
  assert.ok(again.kind === 'count');
  assert.deepEqual([again.patch.message, again.patch.count], ['m5', 2]);
});

test('EventCorrelator stops folding after ten quiet minutes', () => {
  const correlator = new EventCorrelator();
  for (let i = 0; i < 10; i++) correlator.correlate(draft({ message: `m${i}` }), 0, 'combined');
  const fresh = correlator.correlate(draft({ message: 'new' }), 600_001, 'combined');
  assert.ok(fresh.kind === 'create');
  assert.equal(fresh.event.message, 'new');
});

test('EventCorrelator lets 25 events about one object pass at once and then one every five minutes', () => {
  const correlator = new EventCorrelator();
  const kinds = Array.from({ length: 27 }, () => correlator.correlate(draft(), 0, 'x').kind);
  assert.deepEqual([kinds.filter((kind) => kind !== 'skip').length, kinds.at(-1)], [25, 'skip']);
  assert.equal(correlator.correlate(draft({ involvedObject: { kind: 'Pod', name: 'other' } }), 0, 'x').kind, 'create');
  assert.equal(correlator.correlate(draft(), 299_000, 'x').kind, 'skip');
  const later = correlator.correlate(draft(), 301_000, 'x');
  assert.ok(later.kind === 'count');
  assert.equal(later.patch.count, 29);
});
