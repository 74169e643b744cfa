import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastWords } from './last-words.ts';

const KEEPER = 'proa: the cluster process ended with 1; starting it again';

for (const c of [
  {
    name: 'the error of the log, without its stack',
    log: `{"level":50,"error":{"message":"disk is gone\\nmore"},"msg":"cannot run"}\n{"level":30,"msg":"stopped"}\n${KEEPER}\n`,
    words: 'disk is gone',
  },
  { name: 'what the log says of an error without one', log: '{"level":60,"msg":"no room"}\n', words: 'no room' },
  {
    name: 'what Node says of an uncaught error',
    log: `/src/x.ts:3\n  throw new Error('no');\n  ^\n\nTypeError: no\n    at main\n\nNode.js v26.1.0\n${KEEPER}\n`,
    words: 'TypeError: no',
  },
  {
    name: 'what Node says of a module that is missing',
    log: "Error [ERR_MODULE_NOT_FOUND]: Cannot find module 'x'\n    at y\n",
    words: "Error [ERR_MODULE_NOT_FOUND]: Cannot find module 'x'",
  },
  {
    name: 'what the launcher says',
    log: `proa: needs Node.js 24 or newer and found none\n${KEEPER}\n`,
    words: 'needs Node.js 24 or newer and found none',
  },
  {
    name: 'an end for want of memory',
    log: 'FATAL ERROR: Reached heap limit Allocation failed\n 1: 0xb7\n',
    words: 'FATAL ERROR: Reached heap limit Allocation failed',
  },
  {
    name: "containerd's own form",
    log: 'time="2026" level=fatal msg="failed to \\"load\\" plugin"\n',
    words: String.raw`failed to \"load\" plugin`,
  },
  { name: 'the last line, when none tells of an error', log: `starting\ncut short {"level":5\n${KEEPER}\n`, words: 'cut short {"level":5' },
  { name: 'nothing of an empty log', log: '', words: undefined },
]) {
  test(`lastWords gives ${c.name}`, () => assert.equal(lastWords(c.log), c.words));
}
