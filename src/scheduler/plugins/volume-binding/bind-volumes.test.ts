// What changes while the writes of a binding are under way. What changes later: ./volume-binding.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentvolumeclaims, persistentvolumes } from '#api/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/types.ts';
import { withAnnotation } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { ManualClock } from '#base/clock.ts';
import { fakeClient, type FakeTransport } from '#client/testing.ts';
import { node, pod } from '../../testing.ts';
import { bindVolumes, type BindVolumesDeps, type Concerned, decided } from './bind-volumes.ts';

const NODE = node('n');

function seedClaim(server: FakeTransport, name: string): PersistentVolumeClaim {
  const claim = { metadata: { name, namespace: 'ns', uid: name }, spec: {}, status: { phase: 'Pending' } };
  return server.seed(persistentvolumeclaims, claim as never)[0] as PersistentVolumeClaim;
}
function seedVolume(server: FakeTransport, name: string): PersistentVolume {
  const volume = { metadata: { name, uid: name }, spec: {}, status: { phase: 'Available' } };
  return server.seed(persistentvolumes, volume as never)[0] as PersistentVolume;
}
const asBound = (claim: PersistentVolumeClaim): PersistentVolumeClaim => ({
  ...withAnnotation(claim, ANNOTATION.bindCompleted, 'yes'),
  spec: { ...claim.spec, volumeName: 'v' },
});

/** Sees what the server has at any time. */
function depsOver(more: Partial<BindVolumesDeps['storage']> = {}) {
  const { client, server } = fakeClient();
  const listeners = new Set<(object: Concerned) => void>();
  const storage = {
    claim: (_, name) => server.stored(persistentvolumeclaims).find(({ metadata }) => metadata.name === name),
    volume: (name) => server.stored(persistentvolumes).find(({ metadata }) => metadata.name === name),
    ...more,
  } as BindVolumesDeps['storage'];
  const deps: BindVolumesDeps = {
    client,
    clock: new ManualClock(),
    storage,
    node: () => NODE,
    onChange(changed) {
      listeners.add(changed);
      return () => void listeners.delete(changed);
    },
  };
  return { server, deps, tell: (object: Concerned) => listeners.forEach((listener) => listener(object)) };
}

const bind = (decision: ReturnType<typeof decided>, deps: BindVolumesDeps) =>
  bindVolumes({ pod: pod('p'), node: 'n', decision, timeoutMs: 1000, signal: new AbortController().signal }, deps);

test('bindVolumes gives up when the provisioner gave a claim back before another was written', async () => {
  const { server, deps } = depsOver();
  const claims = [seedClaim(server, 'a'), seedClaim(server, 'b')];
  const answer = server.holdNext({ verb: 'update', name: 'b' });
  const bound = bind(decided({ bindings: [], provisions: claims }, 'n'), deps);
  await new Promise(setImmediate);
  server.change(persistentvolumeclaims, 'a', 'ns', (claim) => ({ ...claim, metadata: { ...claim.metadata, annotations: { other: '' } } }));
  answer();
  assert.equal(await bound, 'binding volumes: provisioning failed for PVC "a"');
});

test('bindVolumes gives up when a volume was given back before another was written', async () => {
  const { server, deps } = depsOver();
  const bindings = ['a', 'b'].map((name) => ({ claim: seedClaim(server, name), volume: seedVolume(server, name) }));
  const answer = server.holdNext({ verb: 'update', name: 'b' });
  const bound = bind(decided({ bindings, provisions: [] }, 'n'), deps);
  await new Promise(setImmediate);
  server.change(persistentvolumes, 'a', undefined, ({ spec: { claimRef: _, ...spec }, ...volume }) => ({ ...volume, spec }));
  answer();
  assert.equal(await bound, 'binding volumes: ClaimRef got reset for pv "a"');
});

test('bindVolumes does not judge what it has not been told of yet', async () => {
  let known: PersistentVolumeClaim | undefined;
  const { server, deps, tell } = depsOver({ claim: () => known });
  known = seedClaim(server, 'c');
  seedVolume(server, 'v');
  const bound = bind(decided({ bindings: [], provisions: [known] }, 'n'), deps);
  await new Promise(setImmediate);
  tell(known);
  known = server.change(persistentvolumeclaims, 'c', 'ns', asBound);
  tell(known);
  assert.equal(await bound, undefined);
});
