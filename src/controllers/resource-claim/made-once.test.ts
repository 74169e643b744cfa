import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '#apimachinery/errors.ts';
import { pods, resourceclaims, resourceclaimtemplates } from '#api/resources.ts';
import type { ResourceClaim, ResourceClaimTemplate } from '#api/gen/resource-v1.ts';
import type { New, Pod } from '#api/types.ts';
import { type Simulation, simulate } from '../testing/simulation.ts';
import { resourceClaimPodController } from './pod-controller.ts';

const named = (name: string) => ({ name, namespace: 'ns' });
const pod: New<Pod> = {
  metadata: named('web'),
  spec: { containers: [{ name: 'c' }], resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'gpus' }] },
};

async function world(): Promise<Simulation> {
  const made = await simulate([resourceClaimPodController], 1);
  await made.client.create(resourceclaimtemplates, { metadata: named('gpus'), spec: { spec: {} } } as New<ResourceClaimTemplate>);
  return made;
}

const claimOf = ({ server }: Simulation): string | undefined =>
  server.stored(pods)[0]?.status.resourceClaimStatuses?.[0]?.resourceClaimName;
const claims = ({ server }: Simulation): readonly string[] => server.stored(resourceclaims).map(({ metadata }) => metadata.name);

for (const [what, fail] of [
  ['an answer that is lost', ({ server }) => server.loseNext({ verb: 'create', resource: 'resourceclaims' })],
  [
    'a name that cannot be written down',
    ({ server }) => server.failNext({ verb: 'patch', resource: 'pods' }, new StatusError('InternalError', 'no'), 3),
  ],
] as readonly (readonly [string, (world: Simulation) => void])[]) {
  test(`a pod has one claim of its template after ${what}, though claims are heard of late`, async () => {
    const made = await world();
    made.hold('resourceclaims');
    fail(made);
    await made.client.create(pods, pod);
    for (let i = 0; i < 10; i++) {
      await made.turns(10);
      made.clock.advance(1000);
    }
    const [name, ...others] = claims(made);
    assert.match(name ?? '', /^web-gpu-[a-z0-9]{5}$/);
    assert.deepEqual([others, claimOf(made)], [[], name]);
    await made.stop();
  });
}

test('a claim whose name somebody else has gets another one', async () => {
  const [first, second] = [await world(), await world()];
  const known = { ...pod, metadata: { ...named('web'), uid: 'u' }, status: { phase: 'Pending' } } as New<Pod>;
  first.server.seed(pods, known);
  await first.quiet();
  const [taken = ''] = claims(first);
  await second.client.create(resourceclaims, { metadata: named(taken), spec: {} } as New<ResourceClaim>);
  second.server.seed(pods, known);
  await second.quiet();
  assert.equal(second.server.writes().filter((write) => write.startsWith('create resourceclaims')).length, 3);
  assert.deepEqual(new Set(claims(second)), new Set([taken, claimOf(second)]));
  assert.notEqual(claimOf(second), taken);
  await Promise.all([first.stop(), second.stop()]);
});
