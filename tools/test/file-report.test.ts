import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROOT } from '../node.mjs';
import { FileReport } from './file-report.ts';

/** An error as node:test hands it over. */
function failure(cause: unknown, failureType = 'testCodeFailure'): Error {
  return Object.assign(new Error('test failed', { cause }), { failureType });
}

test('FileReport of a file that passed is one line, whatever it printed', () => {
  const report = new FileReport('a.test.ts');
  report.outcome('test:pass', { name: 'works', nesting: 0, line: 3, details: {} });
  report.output('noise\n');
  assert.deepEqual(report.lines(1, 4.4), ['✔ a.test.ts (1 tests, 4 ms)']);
  assert.deepEqual(report.failures, []);
});

test('FileReport shows what a failed test threw, where, and the output of its file', () => {
  const report = new FileReport('a.test.ts');
  report.outcome('test:fail', { name: 'works', nesting: 1, line: 3, details: { error: failure(new TypeError('boom')) } });
  report.outcome('test:fail', { name: 'parent', nesting: 0, details: { error: failure(undefined, 'subtestsFailed') } });
  report.output('noise\n');
  const text = report.lines(2, 1).join('\n');
  assert.deepEqual(report.failures, ['a.test.ts:3 works']);
  assert.match(text, /^✖ a\.test\.ts/);
  assert.match(text, /TypeError: boom/);
  assert.match(text, /\n {4}noise$/);
  assert.doesNotMatch(text, /node:internal/);
});

for (const mark of [{ skip: true }, { skip: 'no root' }, { todo: true }]) {
  test(`FileReport counts ${JSON.stringify(mark)} as not passed`, () => {
    const report = new FileReport('a.test.ts');
    report.outcome('test:pass', { name: 'works', nesting: 0, details: {}, ...mark });
    assert.equal(report.failures.length, 1);
  });
}

test('FileReport names what a file imports where a test or a hook of the file is defined there, and counts hooks that failed', () => {
  const report = new FileReport('a.test.ts');
  const suite = `${ROOT}suite.ts`;
  report.outcome('test:fail', { name: 'works', nesting: 0, file: suite, line: 3, details: { error: failure(new Error('boom')) } });
  report.outcome('test:fail', {
    name: suite,
    nesting: 0,
    file: suite,
    line: 9,
    details: { error: failure(new Error('left'), 'hookFailed') },
  });
  report.outcome('test:fail', { name: 'own', nesting: 0, file: `${ROOT}a.test.ts`, line: 5, details: { error: failure(new Error('no')) } });
  assert.deepEqual(report.failures, ['a.test.ts (suite.ts:3) works', 'a.test.ts (suite.ts:9) hook of the file', 'a.test.ts:5 own']);
  assert.equal(report.hookFailures, 1);
});

test('FileReport names a file that held no test', () => {
  const report = new FileReport('a.test.ts');
  report.hollow();
  assert.deepEqual(report.failures, ['a.test.ts has no test']);
});
