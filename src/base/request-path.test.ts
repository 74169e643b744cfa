import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestPath } from './request-path.ts';

for (const [target, path] of [
  ['/healthz', '/healthz'],
  ['/metrics?a=/b', '/metrics'],
  [undefined, '/'],
  ['//', '//'],
  ['//healthz', '//healthz'],
  ['///[', '///['],
  ['http://node:10256/healthz?', '/healthz'],
  ['http://[', 'http://['],
  ['*', '*'],
  ['?', '?'],
] as const)
  test(`requestPath of ${target}`, () => assert.equal(requestPath(target), path));
