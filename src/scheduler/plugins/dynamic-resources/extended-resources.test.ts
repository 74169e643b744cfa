import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { pod } from '../../testing.ts';
import { extendedClaim, resourcesOfDevices } from './extended-resources.ts';
import { deviceClass } from './testing.ts';

const CARD = 'example.com/card';
const classOf = (name: string) => (name === CARD || name === 'deviceclass.resource.kubernetes.io/gpu' ? deviceClass('card') : undefined);
const asks = (name: string, cards: number, more: object = {}) => ({
  name,
  image: 'i',
  resources: { requests: { [CARD]: String(cards), cpu: '1' } },
  ...more,
});

function requestsOf(containers: readonly object[], initContainers: readonly object[] = []): readonly string[] {
  const asking = pod('p', {}, { containers, initContainers } as never);
  const { claim, mappings } = extendedClaim(asking, 'u', [CARD], classOf);
  const requests = (claim.spec.devices.requests ?? []).map(({ name, exactly }) => `${name}=${exactly?.count}`);
  return [...requests, ...mappings.map(({ containerName, requestName }) => `${containerName}:${requestName}`)];
}

for (const c of [
  {
    name: 'gives containers devices of their own',
    containers: [asks('a', 1), asks('b', 2)],
    want: ['container-0-request-1=1', 'container-1-request-1=2', 'a:container-0-request-1', 'b:container-1-request-1'],
  },
  {
    name: 'lets init containers use those of the containers after them',
    inits: [asks('init', 2)],
    containers: [asks('a', 1), asks('b', 2)],
    want: [
      'container-1-request-1=1',
      'container-2-request-1=2',
      'a:container-1-request-1',
      'b:container-2-request-1',
      'init:container-1-request-1',
      'init:container-2-request-1',
    ],
  },
  {
    name: 'asks once for what init containers need beyond, the most of them',
    inits: [asks('first', 3), asks('second', 4)],
    containers: [asks('a', 1)],
    want: [
      'container-1-request-1=3',
      'container-2-request-1=1',
      'a:container-2-request-1',
      'first:container-2-request-1',
      'first:container-1-request-1',
      'second:container-2-request-1',
      'second:container-1-request-1',
    ],
  },
  {
    name: 'counts sidecars among those that last',
    inits: [asks('side', 1, { restartPolicy: 'Always' }), asks('init', 1)],
    containers: [asks('a', 1)],
    want: [
      'container-0-request-1=1',
      'container-2-request-1=1',
      'side:container-0-request-1',
      'a:container-2-request-1',
      'init:container-2-request-1',
    ],
  },
]) {
  test(`extendedClaim ${c.name}`, () => assert.deepEqual(requestsOf(c.containers, c.inits), c.want));
}

test('resourcesOfDevices names what classes stand for, by their own names too, and nothing that is not asked for', () => {
  const of = (requests: Readonly<Record<string, string>>): readonly string[] => resourcesOfDevices(pod('p', requests) as Pod, classOf);
  assert.deepEqual(of({ cpu: '1' }), []);
  assert.deepEqual(of({ [CARD]: '0' }), []);
  assert.deepEqual(of({ 'example.com/other': '1' }), []);
  assert.deepEqual(of({ [CARD]: '1', 'deviceclass.resource.kubernetes.io/gpu': '1' }), ['deviceclass.resource.kubernetes.io/gpu', CARD]);
});
