import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HealthFigures } from './health-figures.ts';

test('HealthFigures shows how each check went last, and how often it went how', () => {
  const figures = new HealthFigures();
  assert.equal(figures.expose(), '');
  figures.checked('readyz', 'etcd', true);
  figures.checked('readyz', 'etcd', false);
  figures.checked('livez', 'ping', true);
  assert.deepEqual(
    figures
      .expose()
      .split('\n')
      .filter((line) => !line.startsWith('#')),
    [
      'kubernetes_healthcheck{name="etcd",type="readyz"} 0',
      'kubernetes_healthcheck{name="ping",type="livez"} 1',
      'kubernetes_healthchecks_total{name="etcd",status="success",type="readyz"} 1',
      'kubernetes_healthchecks_total{name="etcd",status="error",type="readyz"} 1',
      'kubernetes_healthchecks_total{name="ping",status="success",type="livez"} 1',
      '',
    ],
  );
});
