import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, humanDuration, parseDuration, parseDurationNs, shortHumanDuration } from './duration.ts';
import { formatMicroTime, formatTime, normalizeMicroTime, normalizeTime, parseTime } from './time.ts';

for (const text of [
  '2026-02-28T23:59:59Z',
  '2024-02-29T00:00:00Z',
  '2026-12-31T12:00:00Z',
  '1000-01-01T00:00:00Z',
  '0099-03-01T00:00:00Z',
]) {
  test(`parseTime and normalizeTime read ${text} as Date does`, () => {
    assert.deepEqual([parseTime(text), normalizeTime(text)], [new Date(text).getTime(), text]);
  });
}

test('parseTime reads zones and fractions; formatTime writes UTC seconds', () => {
  assert.equal(formatTime(parseTime('2026-01-02T03:04:05Z')), '2026-01-02T03:04:05Z');
  assert.equal(normalizeTime('2026-01-02T03:04:05.999+02:30'), '2026-01-02T00:34:05Z');
  assert.equal(parseTime('1970-01-01T00:00:01.25Z'), 1250);
  assert.equal(normalizeTime('0001-01-01T00:00:00Z'), '0001-01-01T00:00:00Z');
});

test('micro times have six digits', () => {
  assert.equal(normalizeMicroTime('2026-01-02T03:04:05.123456Z'), '2026-01-02T03:04:05.123456Z');
  assert.equal(normalizeMicroTime('2026-01-02T03:04:05,123456+01:00'), '2026-01-02T02:04:05.123456Z');
  assert.equal(formatMicroTime(1250), '1970-01-01T00:00:01.250000Z');
});

for (const [text, unread, as] of [
  ['2026-01-02T03:04:05Z', 'Z', '.000000'],
  ['2026-01-02T03:04:05.1Z', '.1Z', '.000000'],
  ['2026-01-02T03:04:05.123456789Z', '789Z', 'Z07:00'],
]) {
  test(`normalizeMicroTime refuses ${text}`, () => {
    const message = `parsing time "${text}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "${unread}" as "${as}"`;
    assert.throws(() => normalizeMicroTime(text as string), { name: 'TimeError', message });
  });
}

for (const [text, message] of [
  ['yesterday', 'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"'],
  ['2026-13x', 'parsing time "2026-13x": month out of range'],
  ['2026-01-31T10:00:61x', 'parsing time "2026-01-31T10:00:61x": second out of range'],
  ['2026-01-02', 'parsing time "2026-01-02" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'],
  ['2026-01-02T03:04:05', 'parsing time "2026-01-02T03:04:05" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00"'],
  ['2026-13-02T03:04:05Z', 'parsing time "2026-13-02T03:04:05Z": month out of range'],
  ['2026-02-29T03:04:05Z', 'parsing time "2026-02-29T03:04:05Z": day out of range'],
  ['2026-01-02T03:04:05Zx', 'parsing time "2026-01-02T03:04:05Zx": extra text: "x"'],
] as const) {
  test(`parseTime refuses ${text}`, () => assert.throws(() => parseTime(text), { message }));
}

for (const [text, canonical, human, short] of [
  ['0', '0s', '0s', '0s'],
  ['1.5h', '1h30m0s', '90m', '1h'],
  ['-3ms', '-3ms', '0s', '0s'],
  ['-3s', '-3s', '<invalid>', '<invalid>'],
  ['330s', '5m30s', '5m30s', '5m'],
  ['119s', '1m59s', '119s', '1m'],
  ['76h', '76h0m0s', '3d4h', '3d'],
  ['17544h', '17544h0m0s', '2y1d', '2y'],
  ['999ns', '999ns', '0s', '0s'],
  ['1µs1ns', '1.001µs', '0s', '0s'],
] as const) {
  test(`durations read and show ${text}`, () => {
    const ms = parseDuration(text);
    assert.deepEqual([formatDuration(ms), humanDuration(ms), shortHumanDuration(ms)], [canonical, human, short]);
  });
}

for (const [text, message] of [
  ['', 'time: invalid duration ""'],
  ['1', 'time: missing unit in duration "1"'],
  ['1hµs', 'time: unknown unit "h\\xc2\\xb5s" in duration "1h\\xc2\\xb5s"'],
  ['99999999999999999999-1h', 'time: invalid duration "99999999999999999999-1h"'],
  ['1x', 'time: unknown unit "x" in duration "1x"'],
  ['.s', 'time: invalid duration ".s"'],
  ['100000000000h', 'time: invalid duration "100000000000h"'],
] as const) {
  test(`parseDurationNs refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseDurationNs(text), { message }));
}
