// pure
// What one pass does for a StatefulSet: the smallest ordinals first when it creates, the largest first when it deletes.
// Source: stateful_set_control.go updateStatefulSet.
import { scaledValue } from '#api/int-or-percent.ts';
import { isPodAvailable, isPodReady, isPodTerminal } from '#api/pods.ts';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, StatefulSet } from '#api/types.ts';
import {
  type ClaimDraft,
  claimsOf,
  identityMatches,
  isInRange,
  newPod,
  ordinalOf,
  type PodDraft,
  revisionOf,
  startOrdinal,
  storageMatches,
  withIdentity,
} from './identity.ts';
import { claimOwners, isStaleClaim } from './retention.ts';

export interface Revision {
  readonly name: string;
  readonly template: PodTemplateSpec;
}

/** Everything one decision may look at. */
export interface Observed {
  readonly set: StatefulSet;
  /** Pods of the set, named after it. */
  readonly pods: readonly Pod[];
  claim(name: string): PersistentVolumeClaim | undefined;
  readonly current: Revision;
  readonly update: Revision;
  /** How many replicas an update may take at a time, or which share; undefined: one, whatever state the others are in. */
  readonly maxUnavailable: number | string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export type Action =
  /** Its claims first, those of them that are missing. */
  | { readonly kind: 'create'; readonly pod: PodDraft; readonly claims: readonly ClaimDraft[] }
  | { readonly kind: 'delete'; readonly pod: Pod; readonly why: 'failed' | 'scale-down' | 'update' }
  | { readonly kind: 'make-claims'; readonly pod: Pod; readonly claims: readonly ClaimDraft[] }
  | { readonly kind: 'update'; readonly pod: Pod; readonly claims: readonly ClaimDraft[] }
  | { readonly kind: 'own-claim'; readonly claim: PersistentVolumeClaim };

export interface Plan {
  /** Done in order; a phase begins when all of the one before have succeeded. */
  readonly phases: readonly (readonly Action[])[];
  /** Whether the actions of a phase are independent of each other. */
  readonly parallel: boolean;
  /** What an update has to keep to; absent where it is not its turn, where no number is given, or pods are updated by hand. */
  readonly disruption?: Disruption;
}

export interface Disruption {
  /** How many replicas may be missing or not available. */
  readonly maxUnavailable: number;
  /** How many are. */
  readonly unavailable: number;
}

/** One ordinal and the pod that has it, or will. */
interface Slot {
  readonly ordinal: number;
  readonly pod: Pod | undefined;
  readonly revision: string;
}

const isTerminating = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined;

const isRunningAndReady = (pod: Pod): boolean => pod.status.phase === 'Running' && isPodReady(pod);

export function planStatefulSet(observed: Observed): Plan {
  const { set, pods } = observed;
  const parallel = set.spec.podManagementPolicy === 'Parallel';
  if (set.metadata.deletionTimestamp !== undefined) return { phases: [], parallel };
  const slots = slotsOf(observed);
  const condemned = pods
    .filter((pod) => !isInRange(set, ordinalOf(pod) ?? -1))
    .toSorted((a, b) => (ordinalOf(b) ?? 0) - (ordinalOf(a) ?? 0));

  const replicas = planReplicas(slots, observed, parallel);
  if (replicas.stop) return { phases: [replicas.actions], parallel };
  const claims = condemned.flatMap((pod) => ownClaims(pod, ordinalOf(pod) ?? 0, observed));
  const removal = planCondemned(condemned, slots, observed, parallel);
  if (removal.stop) return { phases: [replicas.actions, claims, removal.actions], parallel };
  if (set.spec.updateStrategy.type === 'OnDelete') return { phases: [replicas.actions, claims, removal.actions], parallel };
  const before = [replicas.actions, claims, removal.actions];
  const { maxUnavailable } = observed;
  if (maxUnavailable === undefined) return { phases: [...before, planUpdateOfOne(slots, observed)], parallel };
  const disruption = disruptionOf(slots, maxUnavailable, observed);
  return { phases: [...before, planUpdate(slots, observed, disruption)], parallel, disruption };
}

function slotsOf({ set, pods, current, update }: Observed): readonly Slot[] {
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(pod), pod]));
  const start = startOrdinal(set);
  return Array.from({ length: set.spec.replicas }, (_, index) => {
    const ordinal = start + index;
    const pod = byOrdinal.get(ordinal);
    return { ordinal, pod, revision: pod === undefined ? newRevisionOf(ordinal, set, current, update).name : revisionOf(pod) };
  });
}

/** What a replica that is missing is made of: below the partition stays what was. */
function newRevisionOf(ordinal: number, { spec, status, ...set }: StatefulSet, current: Revision, update: Revision): Revision {
  const { type, rollingUpdate } = spec.updateStrategy;
  const first = startOrdinal({ ...set, spec, status });
  const keeps =
    rollingUpdate === undefined
      ? type === 'RollingUpdate' && ordinal < first + (status.currentReplicas ?? 0)
      : ordinal < first + (rollingUpdate.partition ?? 0);
  return keeps ? current : update;
}

interface Step {
  readonly actions: readonly Action[];
  /** Nothing further this pass. */
  readonly stop: boolean;
}

function planReplicas(slots: readonly Slot[], observed: Observed, parallel: boolean): Step {
  const actions: Action[] = [];
  for (const slot of slots) {
    const step = planReplica(slot, observed, parallel);
    actions.push(...step.actions);
    if (step.stop && !parallel) return { actions, stop: true };
  }
  return { actions, stop: false };
}

/** Source: processReplica. */
function planReplica({ ordinal, pod }: Slot, observed: Observed, parallel: boolean): Step {
  const { set, current, update, now } = observed;
  if (pod === undefined) return { actions: createReplica(ordinal, observed, newRevisionOf(ordinal, set, current, update)), stop: true };
  if (isPodTerminal(pod)) return { actions: isTerminating(pod) ? [] : [{ kind: 'delete', pod, why: 'failed' }], stop: true };

  const claims = claimsOf(set, ordinal);
  const actions: Action[] = [];
  if (pod.status.phase === 'Pending' && claims.some(({ metadata }) => observed.claim(metadata.name) === undefined))
    actions.push({ kind: 'make-claims', pod, claims });
  const mustWait = isTerminating(pod) || !isRunningAndReady(pod) || !isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);
  if (mustWait && !parallel) return { actions, stop: true };
  if (!identityMatches(set, pod) || !storageMatches(set, pod, ordinal))
    actions.push({ kind: 'update', pod: withIdentity(set, pod, ordinal), claims });
  actions.push(...ownClaims(pod, ordinal, observed));
  return { actions, stop: false };
}

function createReplica(ordinal: number, { set, claim }: Observed, revision: Revision): readonly Action[] {
  const pod = newPod(set, revision.template, revision.name, ordinal);
  const replica = { metadata: { name: pod.metadata.name, uid: '' } };
  const drafts = claimsOf(set, ordinal);
  const present = drafts.flatMap((draft) => claim(draft.metadata.name) ?? []);
  if (present.some((found) => isStaleClaim(found, set, replica))) return []; // its removal brings the set back
  const claims = drafts.map((draft) => {
    const ownerReferences = claimOwners({ metadata: draft.metadata as PersistentVolumeClaim['metadata'] }, set, replica, ordinal);
    return ownerReferences.length === 0 ? draft : { ...draft, metadata: { ...draft.metadata, ownerReferences } };
  });
  return [...ownersOf(present, set, replica, ordinal), { kind: 'create', pod, claims }];
}

/** Brings the owners of a replica's claims in line with the retention policy. */
function ownClaims(pod: Pod, ordinal: number, { set, claim }: Observed): readonly Action[] {
  const present = claimsOf(set, ordinal).flatMap(({ metadata }) => claim(metadata.name) ?? []);
  return ownersOf(present, set, pod, ordinal);
}

function ownersOf(
  present: readonly PersistentVolumeClaim[],
  set: StatefulSet,
  pod: { readonly metadata: { readonly name: string; readonly uid: string } },
  ordinal: number,
): readonly Action[] {
  return present.flatMap((claim) => {
    const before = claim.metadata.ownerReferences ?? [];
    const ownerReferences = claimOwners({ metadata: { ...claim.metadata, ownerReferences: before } }, set, pod, ordinal);
    return ownerReferences === before
      ? []
      : [{ kind: 'own-claim' as const, claim: { ...claim, metadata: { ...claim.metadata, ownerReferences } } }];
  });
}

const isUnavailable = (pod: Pod, { set, now }: Observed): boolean =>
  isTerminating(pod) || !isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);

/** Replicas beyond the wanted number, the largest ordinal first. Source: processCondemned. */
function planCondemned(condemned: readonly Pod[], slots: readonly Slot[], observed: Observed, parallel: boolean): Step {
  if (parallel) {
    const victims = condemned.filter((pod) => !isTerminating(pod));
    return { actions: victims.map((pod) => ({ kind: 'delete', pod, why: 'scale-down' })), stop: false };
  }
  const [pod] = condemned;
  if (pod === undefined) return { actions: [], stop: false };
  const first = slots.find((slot) => slot.pod === undefined || isUnavailable(slot.pod, observed));
  const firstUnavailable = first === undefined ? condemned.findLast((one) => isUnavailable(one, observed)) : first.pod;
  const healthy = isRunningAndReady(pod) && !isUnavailable(pod, observed);
  if (isTerminating(pod) || (!healthy && pod !== firstUnavailable)) return { actions: [], stop: true };
  return { actions: [{ kind: 'delete', pod, why: 'scale-down' }], stop: true };
}

/** Source: getStatefulSetMaxUnavailable. */
function disruptionOf(slots: readonly Slot[], maxUnavailable: number | string, observed: Observed): Disruption {
  return {
    maxUnavailable: Math.max(1, scaledValue(maxUnavailable, observed.set.spec.replicas, 'down')),
    unavailable: slots.filter(({ pod }) => pod === undefined || isUnavailable(pod, observed)).length,
  };
}

/** Those an update may reach, the largest ordinal first. */
const updatable = (slots: readonly Slot[], { set }: Observed): readonly Slot[] =>
  slots.slice(set.spec.updateStrategy.rollingUpdate?.partition ?? 0).toReversed();

const isOlder = ({ pod, revision }: Slot, { update }: Observed): boolean =>
  pod !== undefined && revision !== update.name && !isTerminating(pod);

/**
 * Deletes the first pod of an older revision, whatever state it and those below it are in, once all above it are available. Source:
 * updateStatefulSet without MaxUnavailableStatefulSet.
 */
function planUpdateOfOne(slots: readonly Slot[], observed: Observed): readonly Action[] {
  const first = updatable(slots, observed).find(
    (slot) => slot.pod === undefined || isOlder(slot, observed) || isUnavailable(slot.pod, observed),
  );
  return first?.pod === undefined || !isOlder(first, observed) ? [] : [{ kind: 'delete', pod: first.pod, why: 'update' }];
}

/** Deletes as many pods of older revisions as may be missing at a time. Source: updateStatefulSetAfterInvariantEstablished. */
function planUpdate(slots: readonly Slot[], observed: Observed, { maxUnavailable, unavailable }: Disruption): readonly Action[] {
  return updatable(slots, observed)
    .flatMap((slot) => (slot.pod === undefined || !isOlder(slot, observed) ? [] : [slot.pod]))
    .slice(0, Math.max(0, maxUnavailable - unavailable))
    .map((pod) => ({ kind: 'delete', pod, why: 'update' }));
}
