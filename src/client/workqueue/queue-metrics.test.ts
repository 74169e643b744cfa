import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { QueueMetrics } from './queue-metrics.ts';
import { WorkQueue } from './work-queue.ts';

test('QueueMetrics tells what each queue has, had and works on', async () => {
  const clock = new ManualClock();
  const metrics = new QueueMetrics();
  const queue = new WorkQueue<string>({ clock, metrics: metrics.of('replicaset') });
  metrics.follow('replicaset', queue);
  for (const item of ['a', 'b', 'c']) queue.add(item);
  clock.advance(2000);
  await queue.get();
  queue.addAfter('d', 1000);
  clock.advance(500);
  const lines = metrics.expose().split('\n');
  for (const line of [
    'workqueue_adds_total{name="replicaset"} 3',
    'workqueue_depth{name="replicaset"} 2',
    'workqueue_retries_total{name="replicaset"} 1',
    'workqueue_queue_duration_seconds_sum{name="replicaset"} 2',
    'workqueue_unfinished_work_seconds{name="replicaset"} 0.5',
    'workqueue_longest_running_processor_seconds{name="replicaset"} 0.5',
  ]) {
    assert.ok(lines.includes(line), line);
  }
  queue.done('a');
  assert.match(metrics.expose(), /workqueue_work_duration_seconds_count\{name="replicaset"\} 1\n/);
  // One that comes again counts on.
  new WorkQueue<string>({ clock, metrics: metrics.of('replicaset') }).add('x');
  assert.match(metrics.expose(), /workqueue_adds_total\{name="replicaset"\} 4\n/);
});
