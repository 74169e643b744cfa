import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { ReloadMetrics } from './reload-metrics.ts';

test('ReloadMetrics counts changes that were taken and those that were not, and when', async () => {
  const clock = new ManualClock(1_000_000);
  const metrics = new ReloadMetrics('authorization', clock);
  assert.equal(metrics.expose(), '');
  await metrics.counting(() => {});
  clock.advance(2_000);
  await assert.rejects(
    metrics.counting(() => {
      throw new Error('no such key');
    }),
    /no such key/,
  );
  const lines = metrics.expose().split('\n');
  assert.deepEqual(
    lines.filter((line) => line.startsWith('apiserver_')),
    [
      'apiserver_authorization_config_controller_automatic_reloads_total{apiserver_id_hash="",status="success"} 1',
      'apiserver_authorization_config_controller_automatic_reloads_total{apiserver_id_hash="",status="failure"} 1',
      'apiserver_authorization_config_controller_automatic_reload_last_timestamp_seconds{apiserver_id_hash="",status="success"} 1000',
      'apiserver_authorization_config_controller_automatic_reload_last_timestamp_seconds{apiserver_id_hash="",status="failure"} 1002',
    ],
  );
});
