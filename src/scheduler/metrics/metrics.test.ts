import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodes, pods } from '#api/resources.ts';
import { node, pod, startScheduler } from '../testing.ts';
import { attemptsLabel, SchedulerMetrics } from './metrics.ts';

test('SchedulerMetrics has attempts, times, queues and the cache of a scheduler that runs', async () => {
  const metrics = new SchedulerMetrics();
  const running = await startScheduler(
    (server) => {
      server.seed(nodes, node('n'));
      server.seed(pods, pod('fits', { cpu: '1' }), pod('huge', { cpu: '9' }), pod('gated', {}, { schedulingGates: [{ name: 'g' }] }));
    },
    { metrics },
  );
  const has = (line: RegExp): true | undefined => (line.test(metrics.expose()) ? true : undefined);
  for (const line of [
    /^scheduler_schedule_attempts_total\{profile="default-scheduler",result="scheduled"\} 1$/m,
    /^scheduler_schedule_attempts_total\{profile="default-scheduler",result="unschedulable"\} 1$/m,
    /^scheduler_scheduling_attempt_duration_seconds_count\{profile="default-scheduler",result="scheduled"\} 1$/m,
    /^scheduler_scheduling_algorithm_duration_seconds_count 2$/m,
    /^scheduler_pod_scheduling_sli_duration_seconds_count\{attempts="1"\} 1$/m,
    /^scheduler_pod_scheduling_attempts_bucket\{le="1"\} 1$/m,
    /^scheduler_preemption_attempts_total 1$/m,
    /^scheduler_pending_pods\{queue="unschedulable"\} 1$/m,
    /^scheduler_pending_pods\{queue="gated"\} 1$/m,
    /^scheduler_unschedulable_pods\{plugin="NodeResourcesFit",profile="default-scheduler"\} 1$/m,
    /^scheduler_unschedulable_pods\{plugin="SchedulingGates",profile="default-scheduler"\} 1$/m,
    /^scheduler_queue_incoming_pods_total\{event="UnschedulablePodAdd",queue="active"\} 2$/m,
    /^scheduler_queue_incoming_pods_total\{event="ScheduleAttemptFailure",queue="unschedulable"\} 1$/m,
    /^scheduler_framework_extension_point_duration_seconds_count\{extension_point="Filter",profile="default-scheduler",status="Unschedulable"\} 1$/m,
    /^scheduler_framework_extension_point_duration_seconds_count\{extension_point="Bind",profile="default-scheduler",status="Success"\} 1$/m,
    /^scheduler_plugin_execution_duration_seconds_count\{extension_point="Filter",plugin="NodeResourcesFit",status="(Success|UnschedulableAndUnresolvable)"\} [1-9]/m,
    /^scheduler_plugin_evaluation_total\{extension_point="PreFilter",plugin="NodeResourcesFit",profile="default-scheduler"\} 2$/m,
    /^scheduler_plugin_evaluation_total\{extension_point="Filter",plugin="NodeResourcesFit",profile="default-scheduler"\} 2$/m,
    /^scheduler_event_handling_duration_seconds_count\{event="UnschedulablePodAdd"\} 3$/m,
    /^scheduler_event_handling_duration_seconds_count\{event="NodeAdd"\} 1$/m,
    /^# HELP scheduler_schedule_attempts_total \[STABLE\] /m,
    /^# HELP scheduler_plugin_evaluation_total \[BETA\] /m,
    /^# HELP scheduler_cache_size \[ALPHA\] /m,
    /^scheduler_cache_size\{type="nodes"\} 1$/m,
    /^scheduler_cache_size\{type="pods"\} 1$/m,
    /^scheduler_goroutines\{operation="binding"\} 0$/m,
  ]) {
    await running.until(() => has(line));
  }
  assert.match(metrics.exposePodResources(), /^kube_pod_resource_request\{.*pod="huge",.*resource="cpu",.*unit="cores"\} 9$/m);
  await running.stop();
  // Nothing waits where nothing runs; what was counted stays.
  assert.doesNotMatch(metrics.expose(), /scheduler_pending_pods/);
  assert.match(metrics.expose(), /scheduler_schedule_attempts_total/);
});

test('SchedulerMetrics tells attempts apart by whether pods of the kind came before', async () => {
  const metrics = new SchedulerMetrics();
  const running = await startScheduler(
    (server) => {
      server.seed(nodes, node('n'));
      server.seed(pods, ...['a', 'b', 'c'].map((name) => pod(name, { cpu: '1' })), pod('other', { cpu: '100m' }));
    },
    { metrics },
  );
  await running.until(() => (running.server.stored(pods).every(({ spec }) => spec.nodeName === 'n') ? true : undefined));
  const text = metrics.expose();
  assert.match(text, /^scheduler_batch_attempts_total\{profile="default-scheduler",result="no_hint"\} 2$/m);
  assert.match(text, /^scheduler_batch_attempts_total\{profile="default-scheduler",result="hint_used"\} 2$/m);
  await running.stop();
});

test('SchedulerMetrics has preemptions that were carried out', async () => {
  const metrics = new SchedulerMetrics();
  const running = await startScheduler(
    (server) => {
      server.seed(nodes, node('n'));
      server.seed(pods, pod('low', { cpu: '3' }, { nodeName: 'n', priority: 0 }), pod('high', { cpu: '3' }, { priority: 9 }));
    },
    { metrics },
  );
  const line = /^scheduler_preemption_goroutines_execution_total\{result="success"\} 1$/m;
  await running.until(() => (line.test(metrics.expose()) ? true : undefined));
  assert.match(metrics.expose(), /^scheduler_preemption_goroutines_duration_seconds_count\{result="success"\} 1$/m);
  await running.stop();
});

test('attemptsLabel tells attempts apart up to fifteen', () =>
  assert.deepEqual([1, 14, 15, 99].map(attemptsLabel), ['1', '14', '15+', '15+']));
