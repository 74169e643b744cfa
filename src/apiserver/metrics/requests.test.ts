import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Query, RequestInfo } from '../request.ts';
import { RequestMetrics } from './requests.ts';

const queryOf = (...dryRun: readonly string[]): Query => ({ get: () => dryRun[0], getAll: () => dryRun, has: () => dryRun.length > 0 });
const NO_QUERY = queryOf();

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
    metrics.observe({ info, query: NO_QUERY, isApply: false, elapsedMs: 1, waitedMs: 0 }, 200, 1);
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

for (const [name, info, more, labels] of [
  ['a patch', { verb: 'patch', name: 'p' }, {}, ['PATCH', 'resource', '']],
  ['an apply', { verb: 'patch', name: 'p' }, { isApply: true }, ['APPLY', 'resource', '']],
  ['what is created has a name, though its path has none', { verb: 'create' }, {}, ['POST', 'resource', '']],
  ['a deletion of many', { verb: 'deletecollection' }, {}, ['DELETE', 'namespace', '']],
  ['a list across namespaces', { namespace: '' }, {}, ['LIST', 'cluster', '']],
  ['a dry run', { verb: 'delete', name: 'p' }, { query: queryOf('All') }, ['DELETE', 'resource', 'All']],
  ['a dry run that is none', { verb: 'delete', name: 'p' }, { query: queryOf('Some') }, ['DELETE', 'resource', 'invalid']],
  ['HEAD of a page', { isResourceRequest: false, verb: 'head', resource: '', version: '' }, {}, ['GET', '', '']],
  ['OPTIONS of a page', { isResourceRequest: false, verb: 'options', resource: '', version: '' }, {}, ['other', '', '']],
] as const)
  test(`labels of ${name}`, () => {
    const metrics = new RequestMetrics(() => true);
    metrics.observe({ info: about(info), query: NO_QUERY, isApply: false, elapsedMs: 1, waitedMs: 0, ...more }, 200, 1);
    const text = metrics.expose();
    const [, dryRun] = /^apiserver_request_total\{.*dry_run="(\w*)"/m.exec(text) ?? [];
    const [, scope, verb] = /^apiserver_request_total\{.*scope="(\w*)".*verb="(\w+)"/m.exec(text) ?? [];
    assert.deepEqual([verb, scope, dryRun], labels);
    // What is only tried says nothing of how fast writes are.
    assert.equal(text.includes('apiserver_request_sli_duration_seconds'), dryRun === '');
  });
