import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import type { Secret } from '#api/types.ts';
import { detachedSignature, signedData, signingToken, untilExpired } from './tokens.ts';

const NOW = Date.UTC(2026, 0, 1);
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const secret = (data: Readonly<Record<string, string>>, name = 'bootstrap-token-abcdef'): Secret =>
  ({
    metadata: { name, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
  }) as unknown as Secret;

const TOKEN = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true' };

for (const [name, given, want] of [
  ['a whole token', secret(TOKEN), 'abcdef'],
  ['a token that has not expired', secret({ ...TOKEN, expiration: '2026-01-01T00:00:01Z' }), 'abcdef'],
  ['nothing of one that has', secret({ ...TOKEN, expiration: '2025-12-31T23:59:59Z' }), undefined],
  ['nothing of one that may not sign', secret({ ...TOKEN, 'usage-bootstrap-signing': 'false' }), undefined],
  ['nothing of one under another name', secret(TOKEN, 'bootstrap-token-ghijkl'), undefined],
  ['nothing without a secret part', secret({ ...TOKEN, 'token-secret': 'short' }), undefined],
] as const) {
  test(`signingToken takes ${name}`, () => assert.equal(signingToken(given, NOW)?.id, want));
}

test('untilExpired counts down, and takes a time that cannot be read for one that is over', () => {
  assert.deepEqual(
    [{}, { expiration: '2026-01-01T00:00:01Z' }, { expiration: 'soon' }].map((data) => untilExpired(secret(data), NOW)),
    [undefined, 1000, 0],
  );
});

test('detachedSignature is a JWS of the content that leaves the content out', () => {
  const [header = '', content, signature] = detachedSignature('hello', { id: 'abcdef', secret: 'key' }).split('.');
  assert.deepEqual([Buffer.from(header, 'base64url').toString(), content], ['{"alg":"HS256","kid":"abcdef"}', '']);
  const whole = `${header}.${Buffer.from('hello').toString('base64url')}`;
  assert.equal(signature, createHmac('sha256', 'key').update(whole).digest('base64url'));
});

test('signedData takes signatures of tokens that are gone off', () => {
  const data = { kubeconfig: 'k', 'jws-kubeconfig-gone00': 'x', other: 'y' };
  assert.deepEqual(Object.keys(signedData(data, [{ id: 'abcdef', secret: 's' }])).toSorted(), [
    'jws-kubeconfig-abcdef',
    'kubeconfig',
    'other',
  ]);
  assert.deepEqual(Object.keys(signedData({ 'jws-kubeconfig-abcdef': 'x' }, [{ id: 'abcdef', secret: 's' }])), []);
});
