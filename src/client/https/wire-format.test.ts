import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { deployments, nodes, pods } from '#api/resources.ts';
import { seededIds } from '#base/ids.ts';
import { ConnectionError } from '../contract.ts';
import { decodeAnswer, type HttpAnswer } from './answer.ts';
import { httpRequest, pathRequest } from './http-request.ts';
import { FrameError } from './bracket-scanner.ts';
import { JsonObjects } from './json-objects.ts';
import { planRetry } from './retry-plan.ts';
import { watchEvent } from './watch-frame.ts';

for (const c of [
  {
    name: 'a core object',
    request: { verb: 'get', resource: pods, namespace: 'ns', name: 'a' },
    want: ['GET', '/api/v1/namespaces/ns/pods/a'],
  },
  {
    name: 'a grouped list',
    request: { verb: 'list', resource: deployments, query: { labelSelector: 'a in (x,y)' } },
    want: ['GET', '/apis/apps/v1/deployments?labelSelector=a+in+%28x%2Cy%29'],
  },
  {
    name: 'a watch',
    request: { verb: 'watch', resource: nodes, query: { resourceVersion: '5' } },
    want: ['GET', '/api/v1/nodes?resourceVersion=5&watch=true'],
  },
  {
    name: 'a cluster-scoped object in a namespace',
    request: { verb: 'update', resource: nodes, namespace: 'ns', name: 'n' },
    want: ['PUT', '/api/v1/nodes/n'],
  },
  {
    name: 'a subresource',
    request: { verb: 'create', resource: pods, namespace: 'ns', name: 'a', subresource: 'binding' },
    want: ['POST', '/api/v1/namespaces/ns/pods/a/binding'],
  },
  {
    name: 'a name with strange characters',
    request: { verb: 'delete', resource: pods, namespace: 'ns', name: 'a/b?c' },
    want: ['DELETE', '/api/v1/namespaces/ns/pods/a%2Fb%3Fc'],
  },
  {
    name: 'a collection',
    request: { verb: 'deletecollection', resource: pods, namespace: 'ns' },
    want: ['DELETE', '/api/v1/namespaces/ns/pods'],
  },
] as const) {
  test(`httpRequest addresses ${c.name}`, () => {
    const { method, path } = httpRequest(c.request);
    assert.deepEqual([method, path], c.want);
  });
}

test('httpRequest sends a patch under its content type and refuses a name that is a path', () => {
  const sent = httpRequest({
    verb: 'patch',
    resource: pods,
    namespace: 'ns',
    name: 'a',
    body: { x: 1 },
    contentType: 'application/merge-patch+json',
  });
  assert.deepEqual([sent.body, sent.headers['content-type']], ['{"x":1}', 'application/merge-patch+json']);
  assert.throws(() => httpRequest({ verb: 'get', resource: pods, namespace: '..', name: 'a' }), TypeError);
});

const answer = (status: number, body: unknown, fields: Partial<HttpAnswer> = {}): HttpAnswer => ({
  status,
  contentType: typeof body === 'string' ? 'text/plain' : 'application/json',
  retryAfter: undefined,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  ...fields,
});
const getPod = httpRequest({ verb: 'get', resource: pods, namespace: 'ns', name: 'a' });

test('decodeAnswer gives an object, a success Status and plain text as they are', () => {
  assert.deepEqual(decodeAnswer(getPod, answer(200, { kind: 'Pod' })), { kind: 'Pod' });
  const success = { kind: 'Status', apiVersion: 'v1', status: 'Success' };
  assert.deepEqual(decodeAnswer(getPod, answer(200, success)), success);
  assert.equal(decodeAnswer(pathRequest('/readyz', {}), answer(200, 'ok')), 'ok');
});

test('decodeAnswer throws the StatusError that a Status stands for', () => {
  const refusal = new StatusError('NotFound', 'pods "a" not found', { name: 'a', kind: 'pods' });
  assert.throws(
    () => decodeAnswer(getPod, answer(404, refusal.toStatus())),
    (error) => isStatusError(error, 'NotFound') && error.message === refusal.message && error.code === 404 && error.details?.name === 'a',
  );
});

for (const [status, text, reason, message] of [
  [401, 'Unauthorized', 'Unauthorized', 'the server has asked for the client to provide credentials (get pods a)'],
  [403, 'go away', 'Forbidden', 'go away (get pods a)'],
  [404, '404 page not found', 'NotFound', 'the server could not find the requested resource (get pods a)'],
  [502, 'bad gateway', 'InternalError', 'an error on the server ("bad gateway") has prevented the request from succeeding (get pods a)'],
  [503, 'down', 'ServiceUnavailable', 'the server is currently unable to handle the request (get pods a)'],
  [418, 'tea', '', 'the server responded with the status code 418 but did not return more information (get pods a)'],
] as const) {
  test(`decodeAnswer makes a Status of a bare ${status}`, () => {
    assert.throws(
      () => decodeAnswer(getPod, answer(status, text)),
      (error) => isStatusError(error) && error.reason === reason && error.message === message && error.code === status,
    );
  });
}

test('decodeAnswer refuses a success that is no JSON', () => {
  assert.throws(() => decodeAnswer(getPod, answer(200, '{"kind":', { contentType: 'application/json' })), StatusError);
});

const parsed = (bytes: Buffer, sizes: () => number): unknown[] => {
  const stream = new JsonObjects(1 << 20);
  const found: unknown[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = sizes();
    found.push(...stream.push(bytes.subarray(at, at + size)));
    at += size;
  }
  assert.equal(stream.atBoundary, true);
  return found;
};

test('JsonObjects finds objects with and without newlines, wherever chunks end', () => {
  const objects = [{ a: 1 }, { b: 'x}{"\\' }, {}, { c: [{ d: 'é漢' }, []] }, { e: '\n' }];
  for (const separator of ['', '\n', ' \r\n', '\n\n']) {
    for (const indent of [0, 2]) {
      const bytes = Buffer.from(objects.map((object) => JSON.stringify(object, undefined, indent)).join(separator) + separator);
      for (let size = 1; size <= bytes.length; size++)
        assert.deepEqual(
          parsed(bytes, () => size),
          objects,
          JSON.stringify([separator, indent, size]),
        );
    }
  }
});

test('JsonObjects takes newlines between some objects only', () => {
  const bytes = Buffer.from('{"a":1}{"b":2}\n{"c":\n{}}{"d":4}\n\n{"e":5}');
  for (let size = 1; size <= bytes.length; size++)
    assert.deepEqual(
      parsed(bytes, () => size),
      [{ a: 1 }, { b: 2 }, { c: {} }, { d: 4 }, { e: 5 }],
    );
});

test('JsonObjects gives an object as soon as its last byte is there', () => {
  const stream = new JsonObjects(100);
  assert.deepEqual(stream.push(Buffer.from('{"a":{}')), []);
  assert.deepEqual(stream.push(Buffer.from('}')), [{ a: {} }]);
  assert.deepEqual(stream.push(Buffer.from('\n{"b":2}\n')), [{ b: 2 }]);
});

test('JsonObjects agrees with JSON for random objects and random chunks', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const ids = seededIds(seed);
    const value = (depth: number): unknown => {
      const dice = ids.fraction();
      if (depth > 3 || dice < 0.4) return dice < 0.1 ? 7 : Buffer.from(ids.bytes(6)).toString('latin1') + '"\\{}[]\n';
      if (dice < 0.6) return Array.from({ length: 3 }, () => value(depth + 1));
      return Object.fromEntries(Array.from({ length: 3 }, (_, i) => [`k${i}"`, value(depth + 1)]));
    };
    const objects = Array.from({ length: 5 }, () => ({ v: value(0) }));
    const separators = ['', '\n', ' '];
    const bytes = Buffer.from(
      objects.map((object, i) => JSON.stringify(object, undefined, seed % 3) + (separators[(seed + i) % 3] as string)).join(''),
    );
    assert.deepEqual(
      parsed(bytes, () => 1 + Math.floor(ids.fraction() * 40)),
      objects,
      `seed ${seed}`,
    );
  }
});

test('JsonObjects refuses what is no object and what is too large, and knows an unfinished end', () => {
  for (const bad of ['oops\n', '}', '"text', '{"a":]}']) {
    assert.throws(() => new JsonObjects(100).push(Buffer.from(`${bad}}`)), FrameError, bad);
  }
  const stream = new JsonObjects(10);
  stream.push(Buffer.from('{"a":'));
  assert.equal(stream.atBoundary, false);
  assert.throws(() => stream.push(Buffer.from('"0123456789"')), FrameError);
  const nested = new JsonObjects(10);
  nested.push(Buffer.from('{"a":{}'));
  assert.throws(() => nested.push(Buffer.from('"0123456789"')), FrameError);
});

test('watchEvent reads changes and bookmarks', () => {
  assert.deepEqual(watchEvent({ type: 'ADDED', object: { kind: 'Pod' } }), { type: 'ADDED', object: { kind: 'Pod' } });
  assert.deepEqual(watchEvent({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } }), {
    type: 'BOOKMARK',
    resourceVersion: '7',
    initialEventsEnd: false,
  });
  const end = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '7', annotations: { 'k8s.io/initial-events-end': 'true' } } } };
  assert.deepEqual(watchEvent(end), { type: 'BOOKMARK', resourceVersion: '7', initialEventsEnd: true });
});

test('watchEvent throws the StatusError of an ERROR event and takes nonsense as a broken connection', () => {
  const gone = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason: 'Expired',
    message: 'too old resource version: 1 (5)',
    code: 410,
  };
  assert.throws(
    () => watchEvent({ type: 'ERROR', object: gone }),
    (error) => isStatusError(error, 'Expired') && error.code === 410,
  );
  assert.throws(() => watchEvent({ type: 'SURPRISE', object: {} }), ConnectionError);
  assert.throws(() => watchEvent([]), ConnectionError);
});

for (const c of [
  {
    name: 'waits as told after 429',
    method: 'POST',
    attempt: { kind: 'answered', status: 429, retryAfter: 2 },
    retries: 0,
    want: { kind: 'retry', afterMs: 2000 },
  },
  {
    name: 'waits a minute at most',
    method: 'GET',
    attempt: { kind: 'answered', status: 503, retryAfter: 3600 },
    retries: 0,
    want: { kind: 'retry', afterMs: 60_000 },
  },
  {
    name: 'takes a 500 without Retry-After as the answer',
    method: 'GET',
    attempt: { kind: 'answered', status: 500, retryAfter: undefined },
    retries: 0,
    want: { kind: 'settle' },
  },
  {
    name: 'takes a 409 as the answer',
    method: 'PUT',
    attempt: { kind: 'answered', status: 409, retryAfter: 1 },
    retries: 0,
    want: { kind: 'settle' },
  },
  {
    name: 'stops after ten retries',
    method: 'GET',
    attempt: { kind: 'answered', status: 429, retryAfter: 1 },
    retries: 10,
    want: { kind: 'settle' },
  },
  {
    name: 'repeats a write that was never processed',
    method: 'POST',
    attempt: { kind: 'not-processed' },
    retries: 0,
    want: { kind: 'retry', afterMs: 0 },
  },
  {
    name: 'repeats a read whose connection broke',
    method: 'GET',
    attempt: { kind: 'broken' },
    retries: 0,
    want: { kind: 'retry', afterMs: 1000 },
  },
  {
    name: 'does not repeat a write whose connection broke',
    method: 'PATCH',
    attempt: { kind: 'broken' },
    retries: 0,
    want: { kind: 'settle' },
  },
  { name: 'does not repeat where nothing listens', method: 'GET', attempt: { kind: 'unreachable' }, retries: 0, want: { kind: 'settle' } },
] as const) {
  test(`planRetry ${c.name}`, () => assert.deepEqual(planRetry(c.method, c.attempt, c.retries), c.want));
}
