import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import { resourceclaims } from '#api/resources.ts';
import { systemClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { ConnectionError } from '#client/contract.ts';
import { fakeClient } from '#client/testing.ts';
import { noMetrics } from '../../metrics/metrics.ts';
import { pod } from '../../testing.ts';
import { ClaimLost, ClaimWriter } from './claim-writer.ts';
import { extendedClaim } from './extended-resources.ts';
import { deviceClass } from './testing.ts';

const CARD = 'example.com/card';
const SIGNAL = new AbortController().signal;

function writer() {
  const { client, server } = fakeClient();
  return { server, writer: new ClaimWriter({ client, clock: systemClock, ids: seededIds(1), logger: silentLogger, metrics: noMetrics }) };
}

const draft = (name: string, cards: string): ResourceClaim =>
  extendedClaim(pod(name, { [CARD]: cards }), 'u', [CARD], () => deviceClass('card')).claim;

test('ClaimWriter makes one claim for the extended resources of a pod, though it was not told that it had', async () => {
  const { server, writer: claims } = writer();
  server.loseNext({ verb: 'create', resource: 'resourceclaims' });
  await assert.rejects(claims.make(draft('p', '1'), SIGNAL), ConnectionError);
  const made = await claims.make(draft('p', '1'), SIGNAL);
  assert.match(made.metadata.name, /^p-extended-resources-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.deepEqual(
    server.stored(resourceclaims).map(({ metadata }) => metadata.uid),
    [made.metadata.uid],
  );
  assert.notEqual((await claims.make(draft('q', '1'), SIGNAL)).metadata.uid, made.metadata.uid);
});

test('ClaimWriter does away with a claim of an attempt before that asks for something else', async () => {
  const { server, writer: claims } = writer();
  const before = await claims.make(draft('p', '1'), SIGNAL);
  await assert.rejects(claims.make(draft('p', '2'), SIGNAL), ClaimLost);
  const made = await claims.make(draft('p', '2'), SIGNAL);
  assert.notEqual(made.metadata.uid, before.metadata.uid);
  assert.equal(server.stored(resourceclaims).length, 1);
});

test('ClaimWriter leaves a claim of its name to others whose it is', async () => {
  const { server, writer: claims } = writer();
  const { metadata } = await claims.make(draft('p', '1'), SIGNAL);
  server.change(
    resourceclaims,
    metadata.name,
    'ns',
    (claim) => ({ ...claim, metadata: { ...claim.metadata, ownerReferences: [] } }) as never,
  );
  const made = await claims.make(draft('p', '1'), SIGNAL);
  assert.notEqual(made.metadata.name, metadata.name);
  assert.match(made.metadata.name, /^p-extended-resources-/);
  assert.equal(server.stored(resourceclaims).length, 2);
});

test('ClaimWriter makes a claim anew when the removal of an attempt before is over, and not before', async () => {
  const { server, writer: claims } = writer();
  const before = await claims.make(draft('p', '1'), SIGNAL);
  const goOn = server.holdNext({ verb: 'get', resource: 'resourceclaims' });
  claims.remove(before);
  const attempt = claims
    .make(draft('p', '1'), SIGNAL)
    .then((made) => claims.reserve(made, pod('p'), { devices: { results: [] } } as never));
  // All that it can do meanwhile.
  await new Promise(setImmediate);
  goOn();
  const reserved = await attempt;
  await claims.settled();
  assert.deepEqual(server.stored(resourceclaims), [reserved]);
});

test('ClaimWriter waits for the removal of an attempt before no longer than it may', async () => {
  const { server, writer: claims } = writer();
  const before = await claims.make(draft('p', '1'), SIGNAL);
  const goOn = server.holdNext({ verb: 'get', resource: 'resourceclaims' });
  claims.remove(before);
  const gone = new AbortController();
  const attempt = claims.make(draft('p', '1'), gone.signal);
  gone.abort(new Error('the pod is gone'));
  await assert.rejects(attempt, /the pod is gone/);
  goOn();
  await claims.settled();
  assert.deepEqual(server.stored(resourceclaims), []);
});
