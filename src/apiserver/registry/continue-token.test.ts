import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '#apimachinery/errors.ts';
import { continueAfter, decodeContinue, encodeContinue } from './continue-token.ts';

test('a continue token says what was put into it', () => {
  assert.deepEqual(decodeContinue(continueAfter('ns/a', 7)), { revision: 7, start: 'ns/a\0' });
  assert.deepEqual(decodeContinue(encodeContinue({ revision: -1, start: 'ns/a' })), { revision: -1, start: 'ns/a' });
  assert.deepEqual(JSON.parse(Buffer.from(continueAfter('a', 3), 'base64url').toString()), { v: 'meta.k8s.io/v1', rv: 3, start: 'a\0' });
});

const token = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

for (const [name, text] of Object.entries({
  'no base64': '!',
  'no JSON': Buffer.from('{').toString('base64url'),
  'another version': token({ v: 'v9', rv: 1, start: 'a' }),
  'no revision': token({ v: 'meta.k8s.io/v1', start: 'a' }),
  'no start': token({ v: 'meta.k8s.io/v1', rv: 1, start: '' }),
  'a start above the resource': token({ v: 'meta.k8s.io/v1', rv: 1, start: '../secrets/x' }),
  'a start with an empty part': token({ v: 'meta.k8s.io/v1', rv: 1, start: 'a//b' }),
})) {
  test(`decodeContinue refuses a token with ${name}`, () => {
    assert.throws(
      () => decodeContinue(text),
      (error) =>
        error instanceof StatusError && error.code === 400 && error.message.startsWith('invalid continue token: continue key is not valid'),
    );
  });
}
