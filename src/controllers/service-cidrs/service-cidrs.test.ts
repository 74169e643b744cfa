import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IPAddress, ServiceCIDR } from '#api/types.ts';
import { contains, isReleased } from './plan.ts';

for (const [cidr, inner, want] of [
  ['10.96.0.0/12', '10.96.0.1', true],
  ['10.96.0.0/12', '10.112.0.1', false],
  ['10.96.0.0/12', '10.97.0.0/16', true],
  ['10.97.0.0/16', '10.96.0.0/12', false],
  ['fd00::/108', 'fd00::1', true],
  ['10.96.0.0/12', 'fd00::1', false],
] as const) {
  test(`contains ${inner} in ${cidr}: ${want}`, () => assert.equal(contains(cidr, inner), want));
}

const range = (name: string, cidr: string): ServiceCIDR => ({ metadata: { name }, spec: { cidrs: [cidr] } }) as unknown as ServiceCIDR;
const address = (name: string): IPAddress => ({ metadata: { name } }) as unknown as IPAddress;

for (const [name, others, addresses, want] of [
  ['goes when no address is left', [], [], true],
  ['stays while an address is its own', [], ['10.0.0.9'], false],
  ['goes when another range holds its address', [range('wide', '10.0.0.0/8')], ['10.0.0.9'], true],
  ['does not care for addresses of others', [], ['10.9.0.1'], true],
] as const) {
  test(`isReleased: a range ${name}`, () => {
    const own = range('own', '10.0.0.0/24');
    assert.equal(isReleased(own, [own, ...others], addresses.map(address)), want);
  });
}
