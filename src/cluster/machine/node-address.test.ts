import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesNow, nodeAddressProblem } from './node-address.ts';

for (const [address, kind] of [
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['0.0.0.0', 'unspecified'],
  ['169.254.1.1', 'link-local'],
  ['239.1.1.1', 'multicast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['fe80::1', 'link-local'],
  ['ff02::1', 'multicast'],
] as const) {
  test(`nodeAddressProblem tells a ${kind} address ${address}`, () =>
    assert.equal(
      nodeAddressProblem(address),
      `--node-ip ${address} is a ${kind} address, which no other machine could reach: give one of this machine's own`,
    ));
}

test('nodeAddressProblem takes addresses that others reach', () => {
  for (const address of ['10.0.0.1', '192.0.2.1', '128.0.0.1', '223.255.255.255', 'fd00::1', '10.0.0.1,2001:db8::1'])
    assert.equal(nodeAddressProblem(address), undefined);
});

test('nodeAddressProblem looks at the second address too', () => {
  assert.match(nodeAddressProblem('10.0.0.1,fe80::1') ?? '', /^--node-ip fe80::1 is a link-local address/);
});

for (const [stored, has, now] of [
  ['192.0.2.1', ['192.0.2.1', '198.51.100.7'], '192.0.2.1'],
  ['192.0.2.1', ['198.51.100.7'], '198.51.100.7'],
  ['192.0.2.1', [], '192.0.2.1'],
  ['192.0.2.1,2001:db8::1', ['192.0.2.1', '2001:db8::7'], '192.0.2.1,2001:db8::7'],
  ['2001:db8::1,192.0.2.1', ['192.0.2.9'], '2001:db8::1,192.0.2.9'],
] as const)
  test(`addressesNow of ${stored} on a machine with ${has.join(' and ') || 'none'} is ${now}`, () => {
    const primary = (family: string) => has.find((address) => address.includes(':') === (family === 'IPv6'));
    assert.equal(
      addressesNow(stored, (address) => has.includes(address as never), primary),
      now,
    );
  });
