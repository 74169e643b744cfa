import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from './ids.ts';
import { formatUtcSeconds, parseUtcSeconds } from './utc-seconds.ts';

test('formatUtcSeconds and parseUtcSeconds agree with Date over all years', () => {
  const ids = seededIds(1);
  const first = Date.parse('0000-01-01T00:00:00Z') / 1000;
  const last = Date.parse('9999-12-31T23:59:59Z') / 1000;
  for (let i = 0; i < 5000; i++) {
    const seconds = i === 0 ? first : i === 1 ? last : first + Math.floor(ids.fraction() * (last - first));
    const text = `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
    assert.equal(formatUtcSeconds(seconds), text);
    assert.equal(parseUtcSeconds(text), seconds);
  }
  for (const seconds of [first - 1, last + 1, 0.5, NaN, Infinity]) assert.throws(() => formatUtcSeconds(seconds), RangeError);
});

test('parseUtcSeconds knows leap days', () => {
  assert.equal(parseUtcSeconds('2024-02-29T00:00:00Z'), Date.UTC(2024, 1, 29) / 1000);
  for (const day of ['2023-02-29', '2024-02-30', '1900-02-29', '2024-04-31', '2024-13-01', '2024-00-10', '2024-01-00']) {
    assert.equal(parseUtcSeconds(`${day}T00:00:00Z`), undefined, day);
  }
});

for (const text of [
  '',
  '2026-01-02T03:04:05',
  '2026-01-02T03:04:05z',
  '2026-01-02 03:04:05Z',
  '2026-01-02T03:04:05.0Z',
  '2026-01-02T24:00:00Z',
  '2026-01-02T23:60:00Z',
  '2026-01-02T23:59:60Z',
  '2026-01-02T2a:59:00Z',
  '+026-01-02T03:04:05Z',
  '2026/01/02T03:04:05Z',
  '2026-01-02T03:04:05+',
  '٢٠٢٦-01-02T03:04:05Z',
]) {
  test(`parseUtcSeconds leaves ${JSON.stringify(text)} to others`, () => assert.equal(parseUtcSeconds(text), undefined));
}
