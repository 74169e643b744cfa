import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { NODE_ADD } from '../framework/cluster-event.ts';
import { timeEvents, timeHints } from './event-times.ts';
import { SchedulerMetrics } from './metrics.ts';

function setUp() {
  const lines: string[] = [];
  const metrics = new SchedulerMetrics();
  const options = {
    clock: systemClock,
    logger: createLogger((level, message, { error }) => void lines.push(`${level} ${message}: ${String(error)}`)),
    metrics,
  };
  return { lines, metrics, time: timeEvents(options), ask: timeHints(options) };
}

test('timeEvents times what is done about an event', () => {
  const { metrics, time } = setUp();
  let done = 0;
  time(NODE_ADD, () => void done++);
  assert.equal(done, 1);
  assert.match(metrics.expose(), /^scheduler_event_handling_duration_seconds_count\{event="NodeAdd"\} 1$/m);
});

test('timeHints times hints by their answers, and takes one that fails for a yes', () => {
  const { lines, metrics, ask } = setUp();
  const failing = (): never => {
    throw new Error('no such term');
  };
  const answers = [ask('Fit', NODE_ADD, () => 'skip'), ask('Fit', NODE_ADD, () => 'queue'), ask('Fit', NODE_ADD, failing)];
  assert.deepEqual(answers, ['skip', 'queue', 'queue']);
  for (const hint of ['QueueSkip', 'Queue', 'Error']) {
    const line = `scheduler_queueing_hint_execution_duration_seconds_count{event="NodeAdd",hint="${hint}",plugin="Fit"} 1\n`;
    assert.ok(metrics.expose().includes(line), hint);
  }
  assert.deepEqual(lines, ['error QueueingHintFn returns error: Error: no such term']);
});
