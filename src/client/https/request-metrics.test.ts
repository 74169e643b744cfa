import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { ConnectionError } from '../contract.ts';
import { RequestMetrics } from './request-metrics.ts';
import { httpsTransport } from './transport.ts';

test('RequestMetrics count answers, retries and what had no answer', () => {
  const metrics = new RequestMetrics();
  const attempt = { method: 'GET', host: 'h:6443', status: 200, seconds: 0.05, again: false };
  metrics.attempted(attempt);
  metrics.attempted({ ...attempt, status: 429 });
  metrics.attempted({ ...attempt, status: 200, again: true });
  metrics.attempted({ ...attempt, method: 'POST', status: undefined, seconds: 3 });
  const lines = metrics.expose().split('\n');
  for (const line of [
    'rest_client_requests_total{code="200",host="h:6443",method="GET"} 2',
    'rest_client_requests_total{code="429",host="h:6443",method="GET"} 1',
    'rest_client_requests_total{code="<error>",host="h:6443",method="POST"} 1',
    'rest_client_request_retries_total{code="200",host="h:6443",verb="GET"} 1',
    'rest_client_request_duration_seconds_bucket{host="h:6443",verb="GET",le="0.1"} 3',
    'rest_client_request_duration_seconds_bucket{host="h:6443",verb="POST",le="2"} 0',
    'rest_client_request_duration_seconds_count{host="h:6443",verb="POST"} 1',
  ]) {
    assert.ok(lines.includes(line), `${line} in\n${lines.join('\n')}`);
  }
});

test('a transport counts what it asks, also when nobody is there', async (t) => {
  const metrics = new RequestMetrics();
  const clock = new ManualClock();
  const transport = httpsTransport({ server: 'https://127.0.0.1:1', clock, logger: silentLogger, metrics });
  t.after(() => transport.close());
  await assert.rejects(transport.getPath('/version', {}), ConnectionError);
  assert.match(metrics.expose(), /^rest_client_requests_total\{code="<error>",host="127\.0\.0\.1:1",method="GET"\} 1$/m);
});
