import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointPort, Endpoints, EndpointSubset } from '#api/types.ts';
import { planSlices } from '../endpointslice/plan.ts';
import { MAX_PER_SUBSET, mirrorSource, mirrorTargets } from './plan.ts';

const byHand = (subsets: readonly EndpointSubset[]): Endpoints =>
  ({ apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'db', namespace: 'ns', uid: 'u' }, subsets }) as unknown as Endpoints;

const at = (...ips: readonly string[]) => ips.map((ip) => ({ ip }));
const http: EndpointPort = { name: 'http', port: 80, protocol: 'TCP' };
const https: EndpointPort = { name: 'https', port: 443, protocol: 'TCP' };
const many = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `10.1.${Math.floor(i / 250)}.${i % 250}`);

/** `family ports addresses`, `!` before one that is not ready. */
function mirrored(subsets: readonly EndpointSubset[]): readonly string[] {
  const source = byHand(subsets);
  return planSlices(mirrorSource(source), mirrorTargets(source).targets, [], MAX_PER_SUBSET)
    .create.map(({ addressType, ports, endpoints }) => {
      const those = (endpoints ?? []).map(
        ({ addresses, conditions }) => `${conditions?.ready === false ? '!' : ''}${(addresses ?? []).join()}`,
      );
      const shown = those.length > 5 ? `${those.length} of them` : those.join();
      return `${addressType} ${(ports ?? []).map(({ port }) => port).join()} ${shown}`;
    })
    .toSorted();
}

interface Case {
  readonly what: string;
  readonly subsets: readonly EndpointSubset[];
  readonly slices: readonly string[];
}

for (const { what, subsets, slices } of [
  { what: 'no subsets', subsets: [], slices: [] },
  {
    what: 'a subset: one slice for each family',
    subsets: [{ addresses: at('10.0.0.1', 'fd00::1'), notReadyAddresses: at('10.0.0.2'), ports: [http] }],
    slices: ['IPv4 80 10.0.0.1,!10.0.0.2', 'IPv6 80 fd00::1'],
  },
  {
    what: 'hundreds of addresses: still one slice',
    subsets: [{ addresses: at(...many(450)), ports: [http] }],
    slices: ['IPv4 80 450 of them'],
  },
  {
    what: 'more than a thousand addresses: the first thousand, those that are ready first',
    subsets: [{ addresses: at(...many(900)), notReadyAddresses: at(...many(1100).slice(900)), ports: [http] }],
    slices: ['IPv4 80 1000 of them'],
  },
  {
    what: 'subsets with the same addresses: one slice with all the ports',
    subsets: [
      { addresses: at('10.0.0.1'), ports: [http] },
      { addresses: at('10.0.0.1'), ports: [https] },
    ],
    slices: ['IPv4 80,443 10.0.0.1'],
  },
  {
    what: 'subsets with the same port: one slice, and who is not ready in one of them is not',
    subsets: [
      { addresses: at('10.0.0.1', '10.0.0.2'), ports: [http] },
      { addresses: at('10.0.0.3'), notReadyAddresses: at('10.0.0.2'), ports: [http] },
    ],
    slices: ['IPv4 80 10.0.0.1,10.0.0.3,!10.0.0.2'],
  },
  {
    what: 'subsets that share one of their ports: a slice for each port',
    subsets: [
      { addresses: at('10.0.0.1'), ports: [http, https] },
      { addresses: at('10.0.0.2'), ports: [http] },
    ],
    slices: ['IPv4 443 10.0.0.1', 'IPv4 80 10.0.0.1,10.0.0.2'],
  },
  {
    what: 'addresses that tell no port',
    subsets: [{ addresses: at('10.0.0.1') }, { addresses: at('10.0.0.2') }],
    slices: ['IPv4  10.0.0.1,10.0.0.2'],
  },
] satisfies readonly Case[])
  test(`what is mirrored of ${what}`, () => assert.deepEqual(mirrored(subsets), slices));

test('addresses beyond a thousand of a subset are told', () => {
  assert.equal(mirrorTargets(byHand([{ addresses: at(...many(1100)), ports: [http] }])).skipped, 100);
  const inTwo = [many(600), many(1100).slice(600)].map((ips) => ({ addresses: at(...ips), ports: [http] }));
  assert.equal(mirrorTargets(byHand(inTwo)).skipped, 100);
});
