import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuantity, Quantity, quantityFromJson, quantityMilliValue, quantityValue } from './quantity.ts';
import { QuantityError } from './quantity-text.ts';

// Expected values: apimachinery v0.36 resource.ParseQuantity(text).String(), Value(), MilliValue().
for (const [text, canonical, value, milli] of [
  ['0', '0', 0, 0],
  ['100m', '100m', 1, 100],
  ['1500m', '1500m', 2, 1500],
  ['1.5', '1500m', 2, 1500],
  ['0.5', '500m', 1, 500],
  ['2', '2', 2, 2000],
  ['1000', '1k', 1000, 1e6],
  ['1Gi', '1Gi', 2 ** 30, 2 ** 30 * 1000],
  ['1.5Gi', '1536Mi', 1.5 * 2 ** 30, 1.5 * 2 ** 30 * 1000],
  ['1024Ki', '1Mi', 2 ** 20, 2 ** 20 * 1000],
  ['1001Ki', '1001Ki', 1001 * 1024, 1001 * 1024 * 1000],
  ['0.5Ki', '512', 512, 512000],
  ['0.1Ki', '102400m', 103, 102400],
  ['12e6', '12e6', 12e6, 12e9],
  ['1E3', '1E3', 1000, 1e6],
  ['1e4', '10e3', 10000, 1e7],
  ['100n', '100n', 1, 1],
  ['0.0000000001', '1n', 1, 1],
  ['-1.5', '-1500m', -2, -1500],
  ['+5', '+5', 5, 5000],
  ['0100', '0100', 100, 100000],
  ['00.10', '100m', 1, 100],
  ['.', '0', 0, 0],
  ['m', '0', 0, 0],
  ['9Ei', '9223372036854775807', 2 ** 63, 2 ** 63 * 1000],
  ['1234567890123456768', '1234567890123456768', 1234567890123456768, 1234567890123456768 * 1000],
] as const) {
  test(`parseQuantity reads ${text}`, () => {
    const quantity = parseQuantity(text);
    assert.deepEqual([quantity.toString(), quantity.value(), quantity.milliValue()], [canonical, value, milli]);
  });
}

for (const [text, message] of [
  ['', /^quantities must match the regular expression '/],
  ['1.2.3', /^quantities must match/],
  ['1 Gi', /^quantities must match/],
  ['1x', /^quantities must match/],
  ['1i', /^unable to parse quantity's suffix$/],
  ['1K', /^unable to parse quantity's suffix$/],
  ['1e', /^unable to parse quantity's suffix$/],
  ['1e99999999999999999999', /^unable to parse quantity's suffix$/],
  ['Pi', /^unable to parse numeric part of quantity$/],
] as const) {
  test(`parseQuantity refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseQuantity(text),
      (error: unknown) => error instanceof QuantityError && message.test(error.message),
    );
  });
}

test('Quantity adds and subtracts exactly across formats, in the format of the left side', () => {
  const sum = (a: string, b: string): string => parseQuantity(a).add(parseQuantity(b)).toString();
  assert.equal(sum('100m', '1'), '1100m');
  assert.equal(sum('1Gi', '1G'), '2073741824');
  assert.equal(sum('1Gi', '512Mi'), '1536Mi');
  assert.equal(sum('0', '1Gi'), '1Gi');
  assert.equal(sum('12345678901234567', '1n'), '12345678901234567000000001n');
  assert.equal(parseQuantity('1').sub(parseQuantity('1Ki')).toString(), '-1023');
});

test('Quantity cmp orders by value, whatever the format', () => {
  const sorted = ['-1', '0', '1n', '999m', '1', '1k', '1Ki', '1G', '1Gi', '1e20'];
  for (const [i, a] of sorted.entries()) {
    for (const [j, b] of sorted.entries()) assert.equal(parseQuantity(a).cmp(parseQuantity(b)), Math.sign(i - j), `${a} ${b}`);
  }
});

test('Quantity survives exponents nobody can have', () => {
  const huge = parseQuantity('1e1000000000');
  assert.equal(huge.cmp(parseQuantity('1Ei')), 1);
  assert.equal(huge.neg().cmp(parseQuantity('1')), -1);
  assert.equal(huge.value(), Infinity);
  assert.equal(huge.add(parseQuantity('1')).cmp(huge), 0);
});

test('Quantity canonical form is a fixed point and keeps the value', () => {
  for (let i = -3000; i < 3000; i += 7) {
    for (const suffix of ['', 'm', 'Ki', 'Mi', 'k', 'G', 'e3', 'u']) {
      const quantity = parseQuantity(`${i}${suffix}`);
      const again = parseQuantity(quantity.toString());
      assert.equal(again.toString(), quantity.toString());
      assert.equal(again.cmp(quantity), 0);
    }
  }
});

test('Quantity helpers read what JSON and stored objects hold', () => {
  assert.equal(quantityFromJson(' 1Gi ').toString(), '1Gi');
  assert.equal(quantityFromJson(0.5).toString(), '500m');
  assert.equal(quantityValue(undefined), 0);
  assert.equal(quantityMilliValue('250m'), 250);
  assert.equal(Quantity.of(2 ** 30, 'BinarySI').toString(), '1Gi');
  assert.equal(Quantity.milli(1500).toString(), '1500m');
  assert.equal(Quantity.of(3).mul(7).toString(), '21');
  assert.equal(parseQuantity('1001m').roundUp(0).toString(), '2');
  assert.equal(JSON.stringify({ q: parseQuantity('0.5') }), '{"q":"500m"}');
});
