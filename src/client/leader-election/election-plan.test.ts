import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '#api/types.ts';
import { observe, planAttempt, planClaim, released, type Candidate, type Observed } from './election-plan.ts';

const WALL = Date.UTC(2026, 0, 1, 12);
const NOW = '2026-01-01T12:00:00.000000Z';
const EARLIER = '2026-01-01T11:00:00.000000Z';
const me: Candidate = { identity: 'me', leaseDurationMs: 15_000, now: 100_000, wallMs: WALL };

const lease = (spec: Partial<Lease['spec']>, uid = 'u'): Lease =>
  ({
    kind: 'Lease',
    apiVersion: 'coordination.k8s.io/v1',
    metadata: { name: 'l', namespace: 'ns', uid, resourceVersion: '1', creationTimestamp: '' },
    spec: { leaseDurationSeconds: 15, acquireTime: EARLIER, renewTime: EARLIER, leaseTransitions: 3, ...spec },
  }) as Lease;
const seen = (spec: Partial<Lease['spec']>, at: number): Observed => ({ lease: lease(spec), at });

for (const c of [
  { name: 'reads before the first sight', observed: undefined, kind: 'read' },
  { name: 'reads while another holds it', observed: seen({ holderIdentity: 'other' }, 99_000), kind: 'read' },
  { name: 'renews without reading while it is valid', observed: seen({ holderIdentity: 'me' }, 85_001), kind: 'renew' },
  { name: 'reads when its own claim ran out', observed: seen({ holderIdentity: 'me' }, 85_000), kind: 'read' },
]) {
  test(`planAttempt ${c.name}`, () => assert.equal(planAttempt(c.observed, me).kind, c.kind));
}

const taken = { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime: NOW, acquireTime: NOW };
for (const c of [
  { name: 'creates a missing lease', observed: undefined, want: { kind: 'create', spec: { ...taken, leaseTransitions: 0 } } },
  { name: 'waits while another is alive', observed: seen({ holderIdentity: 'other' }, 85_001), want: { kind: 'wait', holder: 'other' } },
  {
    name: 'takes over from one that fell silent',
    observed: seen({ holderIdentity: 'other' }, 85_000),
    want: { kind: 'update', spec: { ...taken, leaseTransitions: 4 } },
  },
  {
    name: 'takes a released lease at once',
    observed: seen({ holderIdentity: '', leaseDurationSeconds: 1 }, 99_999),
    want: { kind: 'update', spec: { ...taken, leaseTransitions: 4 } },
  },
  {
    name: 'keeps the acquire time of its own',
    observed: seen({ holderIdentity: 'me' }, 1),
    want: { kind: 'update', spec: { ...taken, acquireTime: EARLIER, leaseTransitions: 3 } },
  },
]) {
  test(`planClaim ${c.name}`, () => assert.deepEqual(planClaim(c.observed, me), c.want));
}

test('observe measures the age of a lease from the first sight of its state, not by its own times', () => {
  const first = observe(undefined, lease({ holderIdentity: 'other' }), 10);
  assert.equal(observe(first, lease({ holderIdentity: 'other' }), 5_000).at, 10);
  assert.equal(observe(first, lease({ holderIdentity: 'other', renewTime: NOW }), 5_000).at, 5_000);
  assert.equal(observe(first, lease({ holderIdentity: 'other' }, 'made again'), 5_000).at, 5_000);
});

test('released gives up only what is held', () => {
  assert.equal(released(lease({ holderIdentity: 'other' }), 'me', WALL), undefined);
  assert.deepEqual(released(lease({ holderIdentity: 'me' }), 'me', WALL), {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    renewTime: NOW,
    acquireTime: NOW,
    leaseTransitions: 3,
  });
});
