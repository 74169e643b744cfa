// How stable each figure of a server is promised to be, as its help begins.
// Source: StabilityLevel in apiserver and component-base; test/instrumentation/testdata/stable-metrics-list.yaml.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from '../testing.ts';
import { http1 } from '../testing/http.ts';

/** Those that a server shows which has answered one read. */
const STABLE = [
  'apiserver_current_inflight_requests',
  'apiserver_request_duration_seconds',
  'apiserver_request_total',
  'apiserver_response_sizes',
  'apiserver_storage_objects',
  'apiserver_storage_size_bytes',
];
const BETA = ['kubernetes_build_info'];

test('the help of each figure begins with how stable it is', async () => {
  const running = await startTestServer();
  try {
    await http1(running, '/api/v1/configmaps', { method: 'GET', headers: {} });
    const { body } = await http1(running, '/metrics', { method: 'GET', headers: {} });
    // What the runtime tells of its process is no figure of Kubernetes.
    const helps = [...body.toString().matchAll(/^# HELP (?!process_|nodejs_)(\S+) (?:\[(\S+)\])?/gm)];
    const of = (level: string | undefined): readonly string[] =>
      helps.flatMap(([, name = '', found]) => (found === level ? [name] : [])).toSorted();
    assert.deepEqual({ stable: of('STABLE'), beta: of('BETA'), none: of(undefined) }, { stable: STABLE, beta: BETA, none: [] });
    assert.ok(of('ALPHA').includes('apiserver_resource_objects'));
  } finally {
    await running.stop();
  }
});
