import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestInfo } from '../request.ts';
import { RequestMetrics } from './requests.ts';

const about = (more: Partial<RequestInfo>): RequestInfo => ({
  path: '/api/v1/namespaces/default/pods',
  isResourceRequest: true,
  verb: 'list',
  apiPrefix: 'api',
  group: '',
  version: 'v1',
  namespace: 'default',
  resource: 'pods',
  subresource: '',
  name: '',
  rest: [],
  ...more,
});

function exposed(...infos: readonly RequestInfo[]): readonly string[] {
  const metrics = new RequestMetrics(({ resource, subresource }) => resource === 'pods' && ['', 'status'].includes(subresource));
  for (const info of infos) {
    metrics.observe({ info, query: new Map() as never, elapsedMs: 1, waitedMs: 0 }, 200, 1);
    metrics.terminated(info, 504);
    metrics.aborted(info);
  }
  return metrics
    .expose()
    .split('\n')
    .filter((line) => /^apiserver_request_(total|terminations_total|aborts_total)\{/.test(line));
}

test('requests for what is not served have no series: paths are made up without end', () => {
  assert.equal(exposed(about({})).length, 3);
  assert.deepEqual(exposed(about({ resource: 'things' }), about({ subresource: 'nothing' })), []);
});

test('methods that nobody knows are one series', () => {
  const made = ['brew', 'when', 'tea'].map((verb) => about({ isResourceRequest: false, verb, path: '/x', resource: '', version: '' }));
  const lines = exposed(...made).filter((line) => line.startsWith('apiserver_request_total'));
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /verb="other".* 3$/);
});
