import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CronError, isTimeZone, parseCron } from './cron.ts';

const values = (schedule: string, field: 'minute' | 'hour' | 'dayOfMonth' | 'month' | 'dayOfWeek'): readonly number[] => {
  const parsed = parseCron(schedule);
  assert.equal(parsed.form, 'fields');
  return [...(parsed as Extract<typeof parsed, { form: 'fields' }>)[field].values].toSorted((a, b) => a - b);
};

test('parseCron reads ranges, steps, lists and names', () => {
  assert.deepEqual(values('*/20 * * * *', 'minute'), [0, 20, 40]);
  assert.deepEqual(values('5/25 * * * *', 'minute'), [5, 30, 55]);
  assert.deepEqual(values('1-9/4,30 * * * *', 'minute'), [1, 5, 9, 30]);
  assert.deepEqual(values('0 0 * jan,DEC *', 'month'), [1, 12]);
  assert.deepEqual(values('0 0 ? * mon-wed', 'dayOfWeek'), [1, 2, 3]);
  assert.deepEqual(values('@weekly', 'dayOfWeek'), [0]);
  assert.deepEqual(parseCron('@every 90s'), { form: 'every', interval: 90_000 });
});

test('parseCron knows a star from all values', () => {
  const schedule = parseCron('0 0 * * 0-6');
  assert.ok(schedule.form === 'fields' && schedule.dayOfMonth.any && !schedule.dayOfWeek.any);
});

for (const [schedule, message] of [
  ['', 'empty spec string'],
  ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
  ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
  ['@never', 'unrecognized descriptor: @never'],
  ['TZ=Nowhere/x * * * * *', 'provided bad location Nowhere/x: unknown time zone Nowhere/x'],
] as const) {
  test(`parseCron refuses ${JSON.stringify(schedule)}`, () => {
    assert.throws(
      () => parseCron(schedule),
      (error) => error instanceof CronError && error.message === message,
    );
  });
}

test('isTimeZone knows the IANA names', () => {
  assert.deepEqual(['Europe/Berlin', 'UTC', 'America/New_York', 'Nowhere', 'europe/berlin'].map(isTimeZone), [
    true,
    true,
    true,
    false,
    false,
  ]);
});
