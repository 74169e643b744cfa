import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionError } from '#client/contract.ts';
import { CommandError, plainly } from './command-error.ts';

for (const [error, says] of [
  [new CommandError('no'), 'no'],
  [Object.assign(new Error('listen'), { code: 'EADDRINUSE', address: '::', port: 6443 }), ':::6443 is taken by another program'],
  [
    new ConnectionError('GET https://192.0.2.1:6443/api: connect ECONNREFUSED 192.0.2.1:6443'),
    'the API server does not answer (GET https://192.0.2.1:6443/api: connect ECONNREFUSED 192.0.2.1:6443): see proa status',
  ],
  [new TypeError('a bug'), undefined],
  ['no error at all', undefined],
] as const) {
  test(`plainly says of ${String(error)}: ${says}`, () => assert.equal(plainly(error), says));
}
