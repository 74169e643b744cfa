import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterCIDRsOf, serviceCIDRsOf } from './cluster-cidrs.ts';
import { Flags } from './flags.ts';

const flags = (given: Readonly<Record<string, string>>): Flags =>
  new Flags('controller-manager', { kubeconfig: 'f', 'root-ca-file': 'f', ...given });
const of = (given: Readonly<Record<string, string>>) => clusterCIDRsOf(flags(given));
const SERVICES = 'service-cluster-ip-range';
const SIZE = 'node-cidr-mask-size';
const BOTH = { 'cluster-cidr': 'fd00::/56,10.0.0.0/8' };
const SIX = { 'cluster-cidr': 'fd00::/56' };

for (const [given, expected] of [
  [{}, [{ cidr: '10.244.0.0/16', nodeMaskSize: 24 }]],
  [{ [SIZE]: '25' }, [{ cidr: '10.244.0.0/16', nodeMaskSize: 25 }]],
  [{ [`${SIZE}-ipv4`]: '26' }, [{ cidr: '10.244.0.0/16', nodeMaskSize: 26 }]],
  [SIX, [{ cidr: 'fd00::/56', nodeMaskSize: 64 }]],
  [{ ...SIX, [SIZE]: '60' }, [{ cidr: 'fd00::/56', nodeMaskSize: 60 }]],
  [
    { ...BOTH, [`${SIZE}-ipv6`]: '72' },
    [
      { cidr: 'fd00::/56', nodeMaskSize: 72 },
      { cidr: '10.0.0.0/8', nodeMaskSize: 24 },
    ],
  ],
] as const) {
  test(`the networks of pods by ${JSON.stringify(given)}`, () => assert.deepEqual(of(given), expected));
}

for (const [given, message] of [
  [{ 'cluster-cidr': '10.0.0.0/8,11.0.0.0/8' }, /^--cluster-cidr 10\.0\.0\.0\/8,11\.0\.0\.0\/8 has two networks of one family/],
  [{ ...BOTH, [SIZE]: '24' }, /^usage of --node-cidr-mask-size is not allowed with dual-stack clusters$/],
  [{ [SIZE]: '24', [`${SIZE}-ipv4`]: '24' }, /^usage of --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6 is not allowed if/],
  [{ ...SIX, [`${SIZE}-ipv4`]: '24' }, /^usage of --node-cidr-mask-size-ipv4 is not allowed for a single-stack IPv6 cluster$/],
  [{ [`${SIZE}-ipv6`]: '64' }, /^usage of --node-cidr-mask-size-ipv6 is not allowed for a single-stack IPv4 cluster$/],
] as const) {
  test(`the networks of pods are refused: ${message}`, () => assert.throws(() => of(given), { name: 'CommandError', message }));
}

test('the networks of Services are none, one, or one of each family', () => {
  assert.deepEqual(serviceCIDRsOf(flags({})), []);
  assert.deepEqual(serviceCIDRsOf(flags({ [SERVICES]: '10.96.0.0/12,fd00:96::/112' })), ['10.96.0.0/12', 'fd00:96::/112']);
  assert.throws(() => serviceCIDRsOf(flags({ [SERVICES]: '10.96.0.1/12' })), {
    name: 'CommandError',
    message: /^--service-cluster-ip-range 10\.96\.0\.1\/12 is not an IP network/,
  });
});
