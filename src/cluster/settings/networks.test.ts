import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipPort } from './networks.ts';

const usual = { host: '127.0.0.1', port: 10_249 };

for (const [text, read] of [
  ['', usual],
  ['0.0.0.0:9000', { host: '0.0.0.0', port: 9000 }],
  ['192.0.2.1', { host: '192.0.2.1', port: 10_249 }],
  ['[2001:DB8::1]:9000', { host: '2001:db8::1', port: 9000 }],
  ['::', { host: '::', port: 10_249 }],
] as const)
  test(`ipPort reads ${text === '' ? 'no text as the usual one' : text}`, () =>
    assert.deepEqual(ipPort(usual)(text), { ok: true, value: read }));

for (const text of [
  'localhost:9000',
  ':9000',
  '0.0.0.0:0',
  '0.0.0.0:65536',
  '0.0.0.0:',
  '[192.0.2.1]:9000',
  '2001:db8::1:x',
  '192.0.2.1:9000/',
])
  test(`ipPort refuses ${text}`, () =>
    assert.deepEqual(ipPort(usual)(text), { ok: false, why: `${text} is no address and port such as 127.0.0.1:10249` }));
