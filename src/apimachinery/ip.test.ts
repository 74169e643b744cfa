import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Path } from './field-path.ts';
import {
  canonicalCidrErrors,
  canonicalIpErrors,
  cidrWarnings,
  formatCidr,
  formatIp,
  ipErrors,
  ipWarnings,
  isDualStack,
  isIpv6,
  parseCidr,
  parseIp,
} from './ip.ts';

for (const [text, shown] of [
  ['1.2.3.4', '1.2.3.4'],
  ['010.0.0.1', '10.0.0.1'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['::', '::'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
] as const) {
  test(`parseIp reads ${text}`, () => {
    const ip = parseIp(text);
    assert.ok(ip);
    assert.equal(formatIp(ip), shown);
  });
}

test('parseIp reads over zeros before four digits, which no address may have', () => {
  const text = '02001:db8::0001';
  assert.equal(formatIp(parseIp(text) as NonNullable<ReturnType<typeof parseIp>>), '2001:db8::1');
  assert.deepEqual(
    ipErrors(Path.of('x'), text).map(({ detail }) => detail),
    ['must not have leading 0s'],
  );
  assert.equal(parseIp('12001:db8::1'), undefined);
});

for (const text of ['', '1.2.3', '1.2.3.256', '1:2:3', ':::', 'a.b.c.d', '1.2.3.4/8', '2001:db8::g']) {
  test(`parseIp refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseIp(text), undefined);
    assert.equal(ipErrors(Path.of('x'), text).length, 1);
  });
}

test('parseCidr keeps the address and cuts the network', () => {
  const cidr = parseCidr('10.1.2.3/8');
  assert.ok(cidr);
  assert.equal(formatIp(cidr.ip), '10.1.2.3');
  assert.equal(formatCidr(cidr), '10.0.0.0/8');
  for (const text of ['10.0.0.0', '10.0.0.0/33', '::/129', '10.0.0.0/-1', 'x/8']) assert.equal(parseCidr(text), undefined, text);
});

test('canonical checks take one form of an address only', () => {
  const at = Path.of('x');
  assert.deepEqual(canonicalIpErrors(at, '2001:db8::1'), []);
  assert.equal(canonicalIpErrors(at, '2001:DB8::1').length, 1);
  assert.deepEqual(canonicalCidrErrors(at, '10.0.0.0/8'), []);
  assert.equal(canonicalCidrErrors(at, '10.0.0.1/8').length, 1);
});

test('isDualStack and isIpv6 tell families apart', () => {
  assert.equal(isIpv6('::1'), true);
  assert.equal(isIpv6('10.0.0.0/8'), false);
  assert.equal(isDualStack(['1.2.3.4', '::1']), true);
  assert.equal(isDualStack(['1.2.3.4', '5.6.7.8']), false);
});

test('ipWarnings and cidrWarnings name the form to use', () => {
  assert.deepEqual(ipWarnings(Path.of('x'), '010.0.0.1'), ['x: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"']);
  assert.deepEqual(ipWarnings(Path.of('x'), '10.0.0.1'), []);
  assert.deepEqual(cidrWarnings(Path.of('x'), '10.0.0.1/8'), [
    'x: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
  ]);
});
