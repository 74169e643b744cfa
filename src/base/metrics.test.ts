import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CounterFamily, exponentialBuckets, gauge, GaugeFamily, HistogramFamily } from './metrics.ts';

test('a counter and a gauge are shown by their label values, from their first use on', () => {
  const family = new CounterFamily('things_total', 'Things.', ['kind', 'size']);
  assert.equal(family.expose(), '');
  family.of('a', 'big').add();
  family.of('a', 'big').add(2);
  family.of('b', '').add(0);
  assert.equal(
    family.expose(),
    '# HELP things_total [ALPHA] Things.\n# TYPE things_total counter\nthings_total{kind="a",size="big"} 3\nthings_total{kind="b",size=""} 0\n',
  );
  const level = new GaugeFamily('level', 'Level.');
  level.of().set(5);
  level.of().add(-2);
  assert.equal(level.expose(), '# HELP level [ALPHA] Level.\n# TYPE level gauge\nlevel 3\n');
  level.forget();
  assert.equal(level.expose(), '');
});

for (const [help, shown] of [
  ['Things.', '[ALPHA] Things.'],
  ['[BETA] Things.', '[BETA] Things.'],
  ['[STABLE] Things.', '[STABLE] Things.'],
  ['[sic] Things.', '[ALPHA] [sic] Things.'],
] as const) {
  test(`a metric is promised nothing of unless its help says so: ${help}`, () => {
    assert.equal(gauge('g', help, [], [[[], 1]]), `# HELP g ${shown}\n# TYPE g gauge\ng 1\n`);
  });
}

test('a histogram counts a value in its bucket and all above; bounds are inclusive', () => {
  const family = new HistogramFamily('took_seconds', 'Times.', ['verb'], [0.5, 1]);
  for (const value of [0.5, 0.75, 3]) family.of('GET').observe(value);
  assert.deepEqual(family.expose().split('\n').slice(2, -1), [
    'took_seconds_bucket{verb="GET",le="0.5"} 1',
    'took_seconds_bucket{verb="GET",le="1"} 2',
    'took_seconds_bucket{verb="GET",le="+Inf"} 3',
    'took_seconds_sum{verb="GET"} 4.25',
    'took_seconds_count{verb="GET"} 3',
  ]);
});

test('label values are escaped as the format wants it', () => {
  assert.equal(gauge('g', 'G.', ['v'], [[['a"b\\c\nd\te'], 1]]).split('\n')[2], 'g{v="a\\"b\\\\c\\nd\te"} 1');
});

test('series made up by callers are bounded, and what is over is still safe to count', () => {
  const family = new CounterFamily('made_up_total', 'Made up.', ['name']);
  for (let i = 0; i < 10_050; i++) family.of(`name-${i}`).add();
  assert.equal(family.expose().trimEnd().split('\n').length, 2 + 10_000);
});

test('exponential buckets have round bounds', () => {
  assert.deepEqual(exponentialBuckets(0.001, 2, 4), [0.001, 0.002, 0.004, 0.008]);
  assert.deepEqual(exponentialBuckets(1_000, 10, 3), [1_000, 10_000, 100_000]);
});
