// What a run of the tests amounts to, and the lines that say so.

/** Tests by outcome; a test that was skipped, cancelled or left as todo did not pass. */
export interface Tally {
  readonly tests: number;
  readonly suites: number;
  readonly passed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly skipped: number;
  readonly todo: number;
}

export const EMPTY_TALLY: Tally = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };

export const addTallies = (a: Tally, b: Tally): Tally => combined(a, b, 1);
export const subtractTallies = (a: Tally, b: Tally): Tally => combined(a, b, -1);

function combined(a: Tally, b: Tally, sign: 1 | -1): Tally {
  return {
    tests: a.tests + sign * b.tests,
    suites: a.suites + sign * b.suites,
    passed: a.passed + sign * b.passed,
    failed: a.failed + sign * b.failed,
    cancelled: a.cancelled + sign * b.cancelled,
    skipped: a.skipped + sign * b.skipped,
    todo: a.todo + sign * b.todo,
  };
}

/** Tests that did not show what they are there to show. Skipping is among them: a run proves only what it ran. */
export function unproven({ failed, cancelled, skipped, todo }: Tally): number {
  return failed + cancelled + skipped + todo;
}

/** The closing lines: node's own form, then one plain line. `durationMs` in milliseconds. */
export function closingLines(tally: Tally, durationMs: number): string[] {
  return [
    `# tests ${tally.tests}`,
    `# suites ${tally.suites}`,
    `# pass ${tally.passed}`,
    `# fail ${tally.failed}`,
    `# cancelled ${tally.cancelled}`,
    `# skipped ${tally.skipped}`,
    `# todo ${tally.todo}`,
    `# duration_ms ${Math.round(durationMs)}`,
    '',
    `${tally.passed} passed, ${unproven(tally)} failed`,
  ];
}
