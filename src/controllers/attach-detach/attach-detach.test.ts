import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachmentName, csiVolumeId, uniqueVolumeName } from '#api/csi.ts';
import type { Pod } from '#api/types.ts';
import { nextLook, type OnNode, planVolume, retryAfter, type Step, type VolumeFacts } from './plan.ts';

const NOW = 1_000_000;
const VOLUME: VolumeFacts = { name: 'pv', driver: 'disk.test', volumeHandle: 'h', exclusive: true };
const SHARED: VolumeFacts = { ...VOLUME, exclusive: false };
const PENDING = { kind: 'pending' } as const;
const ATTACHED = { kind: 'attached' } as const;
const GOING = { kind: 'going' } as const;

const pod = (name: string, namespace = 'ns'): Pod => ({ metadata: { name, namespace } }) as Pod;
type Fields = Omit<Partial<OnNode>, 'progress'> & { readonly progress?: Partial<OnNode['progress']> };
const on = (node: string, fields: Fields = {}): OnNode => ({
  node,
  pods: [],
  attachment: { kind: 'none' },
  reported: false,
  inUse: false,
  ready: true,
  outOfService: false,
  ...fields,
  progress: { failures: 0, multiAttachTold: false, ...fields.progress },
});
const has = (node: string, fields: Fields = {}): OnNode => on(node, { attachment: ATTACHED, reported: true, ...fields });

/** `KIND NODE …` of each step. */
const plan = (volume: VolumeFacts, nodes: readonly OnNode[], forceOnTimeout = true): readonly string[] =>
  planVolume(volume, nodes, { now: NOW, forceOnTimeout }).map(words);

function words(step: Step): string {
  const rest =
    step.kind === 'wait' && step.atMs !== undefined
      ? [`${step.atMs - NOW}`]
      : step.kind === 'detach' && step.forced !== undefined
        ? [step.forced]
        : step.kind === 'failed'
          ? [step.why]
          : step.kind === 'multi-attach'
            ? step.messages.map((each) => `${each.pod.metadata.name}: ${each.message}`)
            : [];
  return [step.kind, step.on.node, ...rest].join(' ');
}

const P = { pods: [pod('p')] };
const MINUTE = 60_000;

for (const [name, volume, nodes, want] of [
  ['is attached where a pod wants it', VOLUME, [on('a', P)], ['attach a']],
  ['is waited for', VOLUME, [on('a', { ...P, attachment: PENDING, progress: { attachingSince: NOW - 5 } })], ['wait a 119995']],
  ['of an attachment that was found is waited for', VOLUME, [on('a', { ...P, attachment: PENDING })], ['attach a']],
  ['that is attached is told', VOLUME, [on('a', { ...P, attachment: ATTACHED })], ['attached a']],
  ['that is there rests', VOLUME, [has('a', P)], ['steady a']],
  ['that the driver lost is attached again', VOLUME, [on('a', { ...P, reported: true })], ['attach a']],
  [
    'that cannot be attached says why',
    VOLUME,
    [on('a', { ...P, attachment: { kind: 'pending', error: 'no room' }, progress: { attachingSince: NOW } })],
    ['failed a no room'],
  ],
  [
    'that failed waits before it fails again',
    VOLUME,
    [on('a', { ...P, attachment: { kind: 'pending', error: 'no room' }, progress: { failures: 1, retryAt: NOW + 500 } })],
    ['wait a 500'],
  ],
  [
    'that takes two minutes has failed',
    VOLUME,
    [on('a', { ...P, attachment: PENDING, progress: { attachingSince: NOW - 2 * MINUTE } })],
    ['failed a timed out waiting for external-attacher of disk.test CSI driver to attach volume h'],
  ],
  ['that goes and is wanted again fails', VOLUME, [on('a', { ...P, attachment: GOING })], ['failed a volume attachment is being deleted']],
  ['that nobody wants goes', VOLUME, [has('a')], ['detach a']],
  ['that was never attached goes too', VOLUME, [on('a', { attachment: PENDING })], ['detach a']],
  ['is forgotten when it is gone', VOLUME, [on('a')], ['forget a']],
  ['that goes is waited for', VOLUME, [on('a', { attachment: GOING })], ['wait a']],
  ['stays while a ready node uses it', VOLUME, [has('a', { inUse: true, progress: { unwantedSince: NOW - 7 * MINUTE } })], ['wait a']],
  [
    'stays on a node that is not ready for six minutes',
    VOLUME,
    [has('a', { inUse: true, ready: false, progress: { unwantedSince: NOW - MINUTE } })],
    ['wait a 300000'],
  ],
  [
    'is taken from a node that is not ready after six minutes',
    VOLUME,
    [has('a', { inUse: true, ready: false, progress: { unwantedSince: NOW - 6 * MINUTE } })],
    ['detach a timeout'],
  ],
  ['is taken from a node out of service at once', VOLUME, [has('a', { inUse: true, outOfService: true })], ['detach a out-of-service']],
  ['that moves leaves before it comes, silently', VOLUME, [has('a'), on('b', P)], ['detach a', 'wait b']],
  ['that leaves is waited for', VOLUME, [on('a', { attachment: GOING }), on('b', P)], ['wait a', 'wait b']],
  [
    'that another node cannot let go of is not attached',
    VOLUME,
    [has('a', { inUse: true }), on('b', P)],
    [
      'wait a',
      `multi-attach b p: Multi-Attach error for volume "pv" Volume is already exclusively attached to one node and can't be attached to another`,
    ],
  ],
  [
    'says once who has it',
    VOLUME,
    [
      has('a', { pods: [pod('x'), pod('y'), pod('z', 'far')] }),
      on('b', P),
      on('c', { pods: [pod('q')], progress: { multiAttachTold: true } }),
    ],
    [
      'steady a',
      'multi-attach b p: Multi-Attach error for volume "pv" Volume is already used by pod(s) x, y and 1 pod(s) in different namespaces',
      'wait c',
    ],
  ],
  [
    'does not name pods of other namespaces',
    VOLUME,
    [has('a', { pods: [pod('x', 'far')] }), on('b', P)],
    ['steady a', 'multi-attach b p: Multi-Attach error for volume "pv" Volume is already used by 1 pod(s) in different namespaces'],
  ],
  [
    'that fails on one node goes to another that wants it, once it has left the first',
    VOLUME,
    [on('a', { pods: [pod('x')], attachment: PENDING, progress: { failures: 1, retryAt: NOW + 500 } }), on('b', P)],
    ['yield a', 'wait b'],
  ],
  ['that two nodes want comes to one first', VOLUME, [on('a', P), on('b', P)], ['attach a', 'wait b']],
  ['that many may have is attached everywhere', SHARED, [has('a', P), on('b', P)], ['steady a', 'attach b']],
] as const) {
  test(`planVolume: a volume ${name}`, () => assert.deepEqual(plan(volume, nodes), want));
}

test('planVolume: without force a volume stays, however long', () => {
  const used = has('a', { inUse: true, ready: false, progress: { unwantedSince: 0 } });
  assert.deepEqual(plan(VOLUME, [used], false), ['wait a']);
});

test('nextLook is the first moment at which time alone changes something', () => {
  const late = has('a', { inUse: true, ready: false, progress: { unwantedSince: NOW } });
  const soon = on('b', { ...P, progress: { failures: 3, retryAt: NOW + 2_000 } });
  assert.equal(nextLook(planVolume(SHARED, [late, soon], { now: NOW, forceOnTimeout: true })), NOW + 2_000);
  assert.equal(nextLook([]), Infinity);
});

test('retryAfter doubles up to two minutes', () => {
  assert.deepEqual([1, 2, 3, 9].map(retryAfter), [500, 1_000, 2_000, 122_000]);
});

test('names of volumes and attachments are those that attachers look for', () => {
  const id = { driver: 'disk.test', volumeHandle: 'a/b^c' };
  assert.equal(uniqueVolumeName(id), 'kubernetes.io/csi/disk.test^a/b^c');
  assert.deepEqual(csiVolumeId('kubernetes.io/csi/disk.test^a/b^c'), id);
  assert.equal(csiVolumeId('kubernetes.io/iscsi/x'), undefined);
  // sha256sum of "hdisk.testn1"
  assert.equal(
    attachmentName({ driver: 'disk.test', volumeHandle: 'h' }, 'n1'),
    'csi-efd4aa8280e526550c8f49599249d7f688476d14bddc822490eb53588f900705',
  );
});
