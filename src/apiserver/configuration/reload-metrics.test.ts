import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { ReloadMetrics } from './reload-metrics.ts';

const hash = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const NAME = 'apiserver_authorization_config_controller_';
const SERVER = `apiserver_id_hash="${hash('apiserver-x')}"`;

const make = (clock: ManualClock, content: string) => new ReloadMetrics({ what: 'authorization', clock, serverId: 'apiserver-x', content });
const lines = (metrics: ReloadMetrics): readonly string[] =>
  metrics
    .expose()
    .split('\n')
    .filter((line) => line.startsWith(NAME))
    .map((line) => line.slice(NAME.length));
const info = (content: string): string => `last_config_info{${SERVER},hash="${hash(content)}"} 1`;

test('ReloadMetrics counts changes that were taken and those that were not, when, and what is in force', async () => {
  const clock = new ManualClock(1_000_000);
  const metrics = make(clock, 'first');
  assert.deepEqual(lines(metrics), [info('first')]);
  await metrics.counting('second', () => {});
  clock.advance(2_000);
  await assert.rejects(
    metrics.counting('third', () => {
      throw new Error('no such key');
    }),
    /no such key/,
  );
  clock.advance(1_000);
  metrics.unreadable();
  assert.deepEqual(lines(metrics), [
    `automatic_reloads_total{${SERVER},status="success"} 1`,
    `automatic_reloads_total{${SERVER},status="failure"} 2`,
    `automatic_reload_last_timestamp_seconds{${SERVER},status="success"} 1000`,
    `automatic_reload_last_timestamp_seconds{${SERVER},status="failure"} 1003`,
    info('second'),
  ]);
});

test('ReloadMetrics shows nothing where no file is followed', () => assert.equal(make(new ManualClock(), '').expose(), ''));
