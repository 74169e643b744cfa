// The extension points of the scheduling framework, in the shape that columnar node state asks for: a plugin looks at a
// pod once and answers with something that is then asked node by node. Source: kube-scheduler/framework interface.go.
import type { Pod } from '#api/types.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import type { ClusterEvent } from './cluster-event.ts';
import type { Status } from './status.ts';

/** Highest score a node gets from one plugin after normalising. Source: MaxNodeScore. */
export const MAX_NODE_SCORE = 100;

/**
 * What an answer about a node depends on. `node`: on that node alone, so it is kept until the node changes.
 * `cluster`: on pods of other nodes too, so it is asked anew in every cycle.
 */
export type Scope = 'node' | 'cluster';

/** Hears of pods that come to and go from nodes, so that counts need not be made anew. */
export interface PodWatcher {
  /** `sign`: 1 for a pod that came to the node in `slot`, -1 for one that left. */
  podChanged(slot: number, pod: PodInfo, sign: 1 | -1): void;
}

export interface NodeFilter extends Partial<PodWatcher> {
  readonly scope: Scope;
  /** `undefined`: the pod may go to the node in `slot`. Statuses are shared objects. */
  check(slot: number): Status | undefined;
  /** At present every node would pass, so none need be asked. Only for the scope `cluster`. */
  isIdle?(): boolean;
  /**
   * Slots for which `check` may answer otherwise than when this was last called, apart from those that changed themselves.
   * Absent: any. Only for the scope `cluster`.
   */
  takeStale?(): Iterable<number> | 'all';
}

export type PreFilterResult =
  /** Nothing to filter for this pod. */
  | { readonly kind: 'skip' }
  | { readonly kind: 'rejected'; readonly status: Status }
  /** `nodeNames`: no other node can be right. */
  | { readonly kind: 'filter'; readonly filter: NodeFilter; readonly nodeNames?: ReadonlySet<string> };

/** The nodes that passed: `slots[0]` … `slots[count - 1]`. Never changed, so the same object means the same nodes. */
export interface Feasible {
  readonly slots: Int32Array;
  readonly count: number;
}

/**
 * How raw scores become 0 … MAX_NODE_SCORE. `none`: they are already. `ascending`: in proportion to the greatest.
 * `descending`: the greatest gets 0. Source: helper.DefaultNormalizeScore.
 */
export type Normalize = 'none' | 'ascending' | 'descending' | ((scores: Float64Array, feasible: Feasible) => void);

export interface NodeScore extends Partial<PodWatcher> {
  readonly scope: Scope;
  readonly normalize: Normalize;
  /** Told the feasible nodes before the first `score` of a cycle. Only for the scope `cluster`. */
  begin?(feasible: Feasible): void;
  /** At present every node would get the same, so none need be asked. Only for the scope `cluster`. */
  isIdle?(): boolean;
  score(slot: number): number;
  /** What `score` gives for each feasible node in order, where that is faster than asking one by one. */
  scoreAll?(feasible: Feasible, scores: Float64Array): void;
}

/** Whether a change can help `pod`, which this plugin refused. For an addition there is no `previous`, for a removal no `current`. */
export type QueueingHint = (pod: Pod, previous: unknown, current: unknown) => 'queue' | 'skip';

export interface EventHint {
  readonly event: ClusterEvent;
  /** Absent: always queue. */
  readonly hint?: QueueingHint;
}

/** What PostFilter is given. */
export interface Refusal {
  readonly pod: PodInfo;
  /** Why not the node in a slot. */
  statusOf(slot: number): Status;
  /** Slots that refused for a reason that goes away with pods. Holds until the next pod is placed. */
  readonly unschedulable: ArrayLike<number>;
  /** Asks all filters anew, in whatever circumstances a trial makes. */
  checkNow(slot: number): Status | undefined;
  /**
   * What `work` finds out about the node in a slot, perhaps kept from an earlier pod of this kind: it may depend on nothing
   * but that node, the kind of pod and `owner`.
   */
  keep<T extends object>(owner: object, slot: number, work: () => T): T;
  /** Whether a filtering plugin was asked about the pod at all: one before it may have refused the pod whatever the node. */
  isPrepared(plugin: string): boolean;
  /** What a trial must tell of its changes. */
  readonly watchers: readonly Partial<PodWatcher>[];
}

/** Pods that would have to go from a node. */
export interface NodeVictims {
  readonly node: string;
  /** From the most important down. */
  readonly victims: readonly PodInfo[];
  /** How many of them a disruption budget would have spared. */
  readonly violations: number;
}

export type PostFilterResult =
  /** `victims` are to go, and the pod waits for the room on `node`. */
  | {
      readonly kind: 'nominated';
      readonly node: string;
      readonly victims: readonly PodInfo[];
      /** The nodes it was chosen from. */
      readonly candidates: () => readonly NodeVictims[];
      /** The best of those that are left; there is at least one. */
      readonly choose: (left: readonly NodeVictims[]) => NodeVictims;
    }
  /** Plugins after it are not asked. */
  | { readonly kind: 'failed'; readonly message: string }
  /** `clear`: whatever node was nominated before does not help any more. */
  | { readonly kind: 'refused'; readonly message: string; readonly clear: boolean };

/** Where a pod was placed, for the extension points after that. */
export interface Placement {
  readonly pod: Pod;
  readonly node: string;
}

export interface Plugin {
  readonly name: string;
  /** What may make a pod schedulable that this plugin refused. */
  readonly events?: readonly EventHint[];
  /**
   * What of the pod this plugin's answers depend on: pods with equal values (as JSON) get equal answers. UNLIKE_ANY: no
   * other pod is like this one, which is also what a filtering or scoring plugin without it says. What it reads of the
   * cluster must be the same for one epoch. Source: SignPlugin.
   */
  sign?(pod: Pod, cluster: ClusterState): unknown;
  preEnqueue?(pod: Pod): Status | undefined;
  /** Whether `a` goes before `b`: negative, as in a comparator. */
  queueSort?(a: QueueOrder, b: QueueOrder): number;
  preFilter?(pod: PodInfo, cluster: ClusterState): PreFilterResult;
  /** `undefined`: it has nothing to say of such a pod. */
  postFilter?(refusal: Refusal, cluster: ClusterState): PostFilterResult | undefined;
  /** `undefined`: nothing to score for this pod. */
  preScore?(pod: PodInfo, cluster: ClusterState): NodeScore | undefined;
  /** False for pods of which preScore has nothing to say; absent: it may always have. */
  mayScore?(pod: Pod): boolean;
  reserve?(placement: Placement): Status | undefined;
  /** Undoes reserve; must bear being called without it. */
  unreserve?(placement: Placement): void;
  permit?(placement: Placement): Status | undefined;
  /** Whether preBind has something to do that takes time. Source: PreBindPreFlight. */
  willPreBind?(placement: Placement): boolean;
  preBind?(placement: Placement, signal: AbortSignal): Promise<Status | undefined>;
  bind?(placement: Placement, signal: AbortSignal): Promise<Status | undefined>;
  postBind?(placement: Placement): void;
}

/** What QueueSort plugins compare by. */
export interface QueueOrder {
  readonly priority: number;
  /** Milliseconds since the epoch when it came to the queue. */
  readonly timestamp: number;
}
