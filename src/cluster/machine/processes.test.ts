import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityOf, isRunning, processIdentity } from './processes.ts';

const stat = (state: string, threads: number): string =>
  `42 (a (b) c) ${state} 1 42 42 0 -1 4194304 97 0 0 0 0 0 0 0 20 0 ${threads} 0 5429582 3133440 394`;

for (const [what, line, identity] of [
  ['runs', stat('S', 11), '5429582'],
  ['has ended and was not asked about yet', stat('Z', 1), ''],
  ['has ended but for some of its threads, which still hold its ports', stat('Z', 3), '5429582'],
] as const) {
  test(`identityOf a process that ${what}`, () => assert.equal(identityOf(line), identity));
}

test('this process runs, and none with its pid that began at another time', () => {
  const identity = processIdentity(process.pid);
  assert.match(identity, /^\d+$/);
  assert.equal(isRunning(process.pid, identity), true);
  assert.equal(isRunning(process.pid, `${identity}0`), false);
});
