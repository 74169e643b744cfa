import assert from 'node:assert/strict';

const AROUND = 60;

/** As assert.equal; long texts differ in one place, and the message shows that place. */
export function assertSameText(actual: string, expected: string): void {
  if (actual === expected) return;
  let at = 0;
  while (actual[at] === expected[at]) at++;
  const from = Math.max(0, at - AROUND);
  assert.fail(`…${actual.slice(from, at + AROUND)}…\nis not\n…${expected.slice(from, at + AROUND)}…`);
}
