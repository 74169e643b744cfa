// Cases of upstream's tables: objects in, what is to be done out; numbers are upstream's. Source: pkg/controller/volume/persistentvolume
// binder_test.go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/types.ts';
import { reserve } from '#api/volumes.ts';
import { boundTo } from './bound.ts';
import { planClaim } from './plan-claim.ts';
import { planVolume, unbound } from './plan-volume.ts';

const COMPLETED = 'pv.kubernetes.io/bind-completed';
const BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';

interface VolumeShape {
  readonly name?: string;
  readonly size?: string;
  /** `name/uid` of the claim it is kept for. */
  readonly claim?: string;
  readonly phase?: PersistentVolume['status']['phase'];
  readonly storageClass?: string;
  readonly mode?: 'Block';
  readonly access?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly notes?: readonly string[];
  readonly policy?: string;
  readonly deleted?: boolean;
}

function volume(shape: VolumeShape = {}): PersistentVolume {
  const { name = 'v', size = '1Gi', claim, phase = 'Available', storageClass, mode, access = ['ReadWriteOnce'], labels } = shape;
  const [claimName, uid] = claim?.split('/') ?? [];
  return {
    metadata: {
      name,
      labels,
      annotations: Object.fromEntries((shape.notes ?? []).map((key) => [key, 'yes'])),
      ...(shape.deleted === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      capacity: { storage: size },
      accessModes: access,
      persistentVolumeReclaimPolicy: shape.policy ?? 'Retain',
      ...(claimName === undefined ? {} : { claimRef: { namespace: 'ns', name: claimName, ...(uid === undefined ? {} : { uid }) } }),
      ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
      ...(mode === undefined ? {} : { volumeMode: mode }),
    },
    status: { phase },
  } as unknown as PersistentVolume;
}

interface ClaimShape {
  readonly size?: string;
  readonly volumeName?: string;
  readonly storageClass?: string;
  readonly mode?: 'Block';
  readonly selector?: Readonly<Record<string, string>>;
  readonly notes?: readonly string[];
}

/** `c` with the uid `u`. */
function claim({ size = '1Gi', volumeName, storageClass = '', mode, selector, notes = [] }: ClaimShape = {}): PersistentVolumeClaim {
  return {
    metadata: { name: 'c', namespace: 'ns', uid: 'u', annotations: Object.fromEntries(notes.map((key) => [key, 'yes'])) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      storageClassName: storageClass,
      ...(volumeName === undefined ? {} : { volumeName }),
      ...(mode === undefined ? {} : { volumeMode: mode }),
      ...(selector === undefined ? {} : { selector: { matchLabels: selector } }),
    },
    status: { phase: 'Pending' },
  } as unknown as PersistentVolumeClaim;
}

/** What becomes of the claim: `bind v`, `pending`, `pending FailedBinding`, `lost ClaimLost`. */
function outcome(of: PersistentVolumeClaim, volumes: readonly PersistentVolume[]): string {
  const plan = planClaim({
    claim: of,
    named: volumes.find(({ metadata }) => metadata.name === of.spec.volumeName),
    candidates: volumes,
    storageClass: undefined,
    defaultClass: undefined,
    waiting: [],
  });
  if (plan.kind === 'bind') return `bind ${plan.volume.metadata.name}`;
  const notice = plan.kind === 'pending' || plan.kind === 'lost' ? plan.notice : undefined;
  return notice === undefined ? plan.kind : `${plan.kind} ${notice.reason}`;
}

const done = { volumeName: 'v', notes: [COMPLETED] };

for (const { name, of = {}, volumes = [], becomes } of [
  { name: '1-1 the only volume', volumes: [{}], becomes: 'bind v' },
  { name: 'no volume', becomes: 'pending FailedBinding' },
  { name: 'the smallest that fits', volumes: [{ name: 'b', size: '10Gi' }, { name: 'a' }], becomes: 'bind a' },
  { name: 'none is large enough', of: { size: '2Gi' }, volumes: [{}], becomes: 'pending FailedBinding' },
  {
    name: 'one kept for it by name before a smaller one',
    volumes: [{ name: 'small' }, { name: 'kept', size: '10Gi', claim: 'c' }],
    becomes: 'bind kept',
  },
  { name: 'one kept for it by uid', volumes: [{ name: 'small' }, { name: 'kept', size: '10Gi', claim: 'c/u' }], becomes: 'bind kept' },
  { name: 'one kept for a claim of that name before', volumes: [{ claim: 'c/other' }], becomes: 'pending FailedBinding' },
  { name: 'a volume that was bound in a pass that broke off', volumes: [{ claim: 'c/u', phase: 'Bound' }], becomes: 'bind v' },
  { name: 'one kept for it that is too small', of: { size: '2Gi' }, volumes: [{ claim: 'c' }], becomes: 'pending FailedBinding' },
  {
    name: 'one kept for it of another class',
    of: { storageClass: '' },
    volumes: [{ claim: 'c', storageClass: 'gold' }],
    becomes: 'bind v',
  },
  { name: 'labels that match', of: { selector: { a: 'b' } }, volumes: [{ labels: { a: 'b' } }], becomes: 'bind v' },
  { name: 'labels that do not match', of: { selector: { a: 'b' } }, volumes: [{}], becomes: 'pending FailedBinding' },
  {
    name: 'the smallest whose labels match',
    of: { selector: { a: 'b' } },
    volumes: [{ name: 'small' }, { name: 'matching', size: '10Gi', labels: { a: 'b' } }],
    becomes: 'bind matching',
  },
  { name: 'one kept for it, whatever its labels', of: { selector: { a: 'b' } }, volumes: [{ claim: 'c' }], becomes: 'bind v' },
  { name: 'one that is being deleted', volumes: [{ deleted: true }], becomes: 'pending FailedBinding' },
  { name: 'one that was released', volumes: [{ phase: 'Released' }], becomes: 'pending FailedBinding' },
  { name: 'one that is not known to be free yet', volumes: [{ phase: 'Pending' }], becomes: 'pending FailedBinding' },
  { name: 'one without the access asked for', volumes: [{ access: ['ReadOnlyMany'] }], becomes: 'pending FailedBinding' },
  { name: 'one with more access than asked for', volumes: [{ access: ['ReadOnlyMany', 'ReadWriteOnce'] }], becomes: 'bind v' },
  { name: 'a block device for files', volumes: [{ mode: 'Block' }], becomes: 'pending FailedBinding' },
  { name: 'files for a block device', of: { mode: 'Block' }, volumes: [{}], becomes: 'pending FailedBinding' },
  { name: 'a block device for a block device', of: { mode: 'Block' }, volumes: [{ mode: 'Block' }], becomes: 'bind v' },
  {
    name: 'one of its class, not a smaller one without',
    of: { storageClass: 'gold', size: '1Gi' },
    volumes: [{ name: 'none' }, { name: 'gold', size: '10Gi', storageClass: 'gold' }],
    becomes: 'bind gold',
  },
  {
    name: 'one without a class, not a smaller one of a class',
    volumes: [
      { name: 'gold', storageClass: 'gold' },
      { name: 'none', size: '10Gi' },
    ],
    becomes: 'bind none',
  },
  {
    name: 'no one of another class',
    of: { storageClass: 'gold' },
    volumes: [{ storageClass: 'silver' }],
    becomes: 'pending ProvisioningFailed',
  },

  { name: '2-1 it names a volume that is not there', of: { volumeName: 'v' }, becomes: 'pending' },
  { name: '2-3 it names a free volume', of: { volumeName: 'v' }, volumes: [{}], becomes: 'bind v' },
  { name: 'it names a volume kept for it', of: { volumeName: 'v' }, volumes: [{ claim: 'c' }], becomes: 'bind v' },
  { name: 'it names a volume bound to it', of: { volumeName: 'v' }, volumes: [{ claim: 'c/u' }], becomes: 'bind v' },
  { name: 'it names a volume bound to another', of: { volumeName: 'v' }, volumes: [{ claim: 'd/x' }], becomes: 'pending FailedBinding' },
  {
    name: 'the controller named a volume bound to another',
    of: { volumeName: 'v', notes: [BY_CONTROLLER] },
    volumes: [{ claim: 'd/x' }],
    becomes: 'pending FailedBinding',
  },
  {
    name: '2-8 it names a volume whose labels do not match',
    of: { volumeName: 'v', selector: { a: 'b' } },
    volumes: [{}],
    becomes: 'bind v',
  },
  { name: 'it names a volume that is too small', of: { volumeName: 'v', size: '2Gi' }, volumes: [{}], becomes: 'pending VolumeMismatch' },
  {
    name: 'it names a volume of another class',
    of: { volumeName: 'v' },
    volumes: [{ storageClass: 'gold' }],
    becomes: 'pending VolumeMismatch',
  },
  { name: 'it names a block device for files', of: { volumeName: 'v' }, volumes: [{ mode: 'Block' }], becomes: 'pending VolumeMismatch' },
  {
    name: 'it names a volume without the access asked for',
    of: { volumeName: 'v' },
    volumes: [{ access: ['ReadOnlyMany'] }],
    becomes: 'pending VolumeMismatch',
  },

  { name: '3-1 it was bound and names no volume', of: { notes: [COMPLETED] }, volumes: [{}], becomes: 'lost ClaimLost' },
  { name: '3-2 it was bound and its volume is gone', of: done, becomes: 'lost ClaimLost' },
  { name: '3-3 it was bound and its volume knows nothing of it', of: done, volumes: [{}], becomes: 'bind v' },
  {
    name: '3-4 it was bound and its volume is of a claim of that name before',
    of: done,
    volumes: [{ claim: 'c/x' }],
    becomes: 'lost ClaimMisbound',
  },
  { name: 'it was bound and its volume says so', of: done, volumes: [{ claim: 'c/u', phase: 'Bound' }], becomes: 'bind v' },
  { name: '3-6 it was bound and its volume is of another', of: done, volumes: [{ claim: 'd/x' }], becomes: 'lost ClaimMisbound' },
  { name: '3-7 it was bound, whatever the labels', of: { ...done, selector: { a: 'b' } }, volumes: [{ claim: 'c/u' }], becomes: 'bind v' },
] as readonly { name: string; of?: ClaimShape; volumes?: readonly VolumeShape[]; becomes: string }[])
  test(`a claim, ${name}: ${becomes}`, () => {
    assert.equal(outcome(claim(of), volumes.map(volume)), becomes);
  });

test('a claim that names a volume bound to another tells so in upstream words', () => {
  const named = volume({ claim: 'd/x' });
  const observed = {
    claim: claim({ volumeName: 'v' }),
    named,
    candidates: [],
    storageClass: undefined,
    defaultClass: undefined,
    waiting: [],
  };
  assert.deepEqual(planClaim(observed), {
    kind: 'pending',
    notice: { type: 'Warning', reason: 'FailedBinding', message: 'volume "v" already bound to a different claim.' },
  });
});

const notesOf = ({ metadata }: PersistentVolume | PersistentVolumeClaim): readonly string[] => Object.keys(metadata.annotations ?? {});

for (const { name, of, with: kept, onVolume, onClaim } of [
  { name: '1-1 both found each other', of: claim(), with: volume(), onVolume: [BY_CONTROLLER], onClaim: [BY_CONTROLLER, COMPLETED] },
  {
    name: 'the volume was kept by its owner',
    of: claim(),
    with: volume({ claim: 'c' }),
    onVolume: [],
    onClaim: [BY_CONTROLLER, COMPLETED],
  },
  { name: '2-3 the claim named it', of: claim({ volumeName: 'v' }), with: volume(), onVolume: [BY_CONTROLLER], onClaim: [COMPLETED] },
  { name: 'both named each other', of: claim({ volumeName: 'v' }), with: volume({ claim: 'c' }), onVolume: [], onClaim: [COMPLETED] },
])
  test(`whose doing a binding was, ${name}`, () => {
    const reserved = reserve(kept, of);
    const bound = boundTo(of, reserved);
    assert.deepEqual([notesOf(reserved), notesOf(bound).toSorted()], [onVolume, onClaim.toSorted()]);
    assert.deepEqual([reserved.spec.claimRef?.uid, bound.spec.volumeName], ['u', 'v']);
    assert.equal(reserve(reserved, of), reserved, 'a second pass writes nothing');
    assert.equal(boundTo(bound, reserved), bound, 'a second pass writes nothing');
  });

for (const { name, of, with: found, becomes } of [
  { name: '4-1 free', of: {}, becomes: 'Available' },
  { name: '4-2 kept by name', of: { claim: 'c' }, becomes: 'Available' },
  { name: '4-3 its claim is gone', of: { claim: 'c/u', phase: 'Bound' }, becomes: 'Released' },
  { name: '4-5 its claim does not know yet', of: { claim: 'c/u' }, with: {}, becomes: 'wait' },
  { name: '4-6 its claim names it', of: { claim: 'c/u' }, with: { volumeName: 'v' }, becomes: 'Bound' },
  { name: '4-7 its claim is bound elsewhere', of: { claim: 'c/u' }, with: { volumeName: 'w' }, becomes: 'unbind' },
  { name: 'its claim wants a block device', of: { claim: 'c/u' }, with: { mode: 'Block' }, becomes: 'mismatch' },
  {
    name: 'made for a claim that is bound elsewhere',
    of: { claim: 'c/u', notes: [PROVISIONED_BY], policy: 'Delete' },
    with: { volumeName: 'w' },
    becomes: 'Released',
  },
  { name: 'released and retained', of: { claim: 'c/u', phase: 'Released' }, becomes: 'wait' },
  {
    name: 'released, of a policy nobody knows',
    of: { claim: 'c/u', phase: 'Released', policy: 'Unknown' },
    becomes: 'Failed VolumeUnknownReclaimPolicy',
  },
  {
    name: 'released, without a recycler',
    of: { claim: 'c/u', phase: 'Released', policy: 'Recycle' },
    becomes: 'Failed VolumeFailedRecycle',
  },
  { name: 'released, without a deleter', of: { claim: 'c/u', phase: 'Released', policy: 'Delete' }, becomes: 'Failed VolumeFailedDelete' },
  { name: 'released, on its way out', of: { claim: 'c/u', phase: 'Released', policy: 'Delete', deleted: true }, becomes: 'wait' },
] as readonly { name: string; of: VolumeShape; with?: ClaimShape; becomes: string }[])
  test(`a volume, ${name}: ${becomes}`, () => {
    const plan = planVolume(volume(of), found === undefined ? undefined : claim(found));
    const told = plan.kind === 'phase' ? [plan.phase, plan.notice?.reason].filter(Boolean).join(' ') : plan.kind;
    assert.equal(told, becomes);
  });

for (const { name, of, claimRef } of [
  { name: '4-7 what the controller did is undone whole', of: { claim: 'c/u', notes: [BY_CONTROLLER] }, claimRef: undefined },
  { name: '4-8 what its owner reserved keeps the name', of: { claim: 'c/u' }, claimRef: { namespace: 'ns', name: 'c' } },
])
  test(`a volume that is freed: ${name}`, () => {
    const free = unbound(volume(of));
    assert.deepEqual(free.spec.claimRef, claimRef);
    assert.deepEqual(notesOf(free), []);
    assert.deepEqual(planVolume(free, undefined), { kind: 'phase', phase: 'Available' });
  });
