import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuery } from '../http/query.ts';
import type { RequestInfo } from '../request.ts';
import { isLongRunning, requestInfo } from './request-info.ts';

const resource = (part: Partial<RequestInfo>): Partial<RequestInfo> => ({
  isResourceRequest: true,
  apiPrefix: 'api',
  group: '',
  version: 'v1',
  namespace: '',
  name: '',
  subresource: '',
  rest: [],
  ...part,
});

const cases: readonly (readonly [method: string, target: string, info: Partial<RequestInfo>])[] = [
  ['GET', '/', { isResourceRequest: false, verb: 'get' }],
  ['POST', '/healthz', { isResourceRequest: false, verb: 'post' }],
  ['GET', '/api/v1', { isResourceRequest: false, verb: 'get' }],
  ['GET', '/apis/apps/v1', { isResourceRequest: false, verb: 'get' }],
  ['GET', '/api/v1/namespaces', resource({ verb: 'list', resource: 'namespaces' })],
  ['GET', '/api/v1/namespaces/a', resource({ verb: 'get', resource: 'namespaces', namespace: 'a', name: 'a' })],
  [
    'PUT',
    '/api/v1/namespaces/a/finalize',
    resource({ verb: 'update', resource: 'namespaces', namespace: 'a', name: 'a', subresource: 'finalize' }),
  ],
  [
    'PUT',
    '/api/v1/namespaces/a/status',
    resource({ verb: 'update', resource: 'namespaces', namespace: 'a', name: 'a', subresource: 'status' }),
  ],
  ['GET', '/api/v1/namespaces/a/pods', resource({ verb: 'list', resource: 'pods', namespace: 'a' })],
  ['GET', '/api/v1/namespaces/a/pods/', resource({ verb: 'list', resource: 'pods', namespace: 'a' })],
  ['HEAD', '/api/v1/namespaces/a/pods/b', resource({ verb: 'get', resource: 'pods', namespace: 'a', name: 'b' })],
  ['GET', '/api/v1/pods?watch=true', resource({ verb: 'watch', resource: 'pods' })],
  ['GET', '/api/v1/pods?watch=0', resource({ verb: 'list', resource: 'pods' })],
  [
    'GET',
    '/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Db',
    resource({ verb: 'list', resource: 'pods', namespace: 'a', name: 'b' }),
  ],
  ['GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3D..%2Fb', resource({ verb: 'list', resource: 'pods', namespace: 'a' })],
  ['GET', '/api/v1/watch/namespaces/a/pods', resource({ verb: 'watch', resource: 'pods', namespace: 'a' })],
  ['GET', '/api/v1/watch/namespaces/a/pods/b', resource({ verb: 'watch', resource: 'pods', namespace: 'a', name: 'b' })],
  ['DELETE', '/api/v1/namespaces/a/pods', resource({ verb: 'deletecollection', resource: 'pods', namespace: 'a' })],
  ['DELETE', '/api/v1/namespaces/a/pods/b', resource({ verb: 'delete', resource: 'pods', namespace: 'a', name: 'b' })],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/a/deployments/b/scale',
    resource({ apiPrefix: 'apis', group: 'apps', verb: 'patch', resource: 'deployments', namespace: 'a', name: 'b', subresource: 'scale' }),
  ],
  [
    'POST',
    '/api/v1/namespaces/a/services/b:http/proxy/x/y',
    resource({ verb: 'create', resource: 'services', namespace: 'a', name: 'b:http', subresource: 'proxy', rest: ['x', 'y'] }),
  ],
  [
    'GET',
    '/api/v1/nodes/n/proxy/stats/summary',
    resource({ verb: 'get', resource: 'nodes', name: 'n', subresource: 'proxy', rest: ['stats', 'summary'] }),
  ],
];

for (const [method, target, expected] of cases) {
  test(`requestInfo reads ${method} ${target}`, () => {
    const [path = '', query = ''] = target.split('?');
    const info = requestInfo(method, path, parseQuery(query));
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, info[key as keyof RequestInfo]])), expected);
  });
}

test('isLongRunning tells streams from requests with a deadline', () => {
  const long = (target: string): boolean =>
    isLongRunning(requestInfo('GET', target.split('?')[0] as string, parseQuery(target.split('?')[1] ?? '')));
  assert.deepEqual(
    [
      '/api/v1/pods?watch=1',
      '/api/v1/namespaces/a/pods/b/log',
      '/api/v1/namespaces/a/pods/b/exec',
      '/api/v1/pods',
      '/api/v1/namespaces/a/pods/b',
    ].map(long),
    [true, true, true, false, false],
  );
});
