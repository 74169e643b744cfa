// What `proa why` answers, on the command line and at /proa/why.
import type { PlacementExplanation } from '#scheduler/explain/explain-placement.ts';

export type CauseKind =
  /** It is ready, or has done its work. */
  | 'none'
  | 'scheduling'
  | 'image'
  | 'configuration'
  | 'volume'
  | 'sandbox'
  | 'crash'
  | 'probe'
  | 'readiness-gate'
  | 'node'
  /** The kubelet or an eviction ended it. */
  | 'ended'
  /** It was never made: quota, admission. */
  | 'refused'
  | 'starting';

export interface Evidence {
  /** Where it was read: `condition Ready`, `event FailedMount`, `container web, last state`, `log of web`. */
  readonly source: string;
  readonly text: string;
  /** RFC 3339. */
  readonly time?: string;
}

export interface Cause {
  readonly kind: CauseKind;
  /** One sentence. */
  readonly summary: string;
  /** Of the container it is about. */
  readonly container?: string;
  /** What keeps a pod that is being deleted: finalizers, or a node that cannot say that it has stopped. */
  readonly heldBy?: 'finalizers' | 'unready-node';
  readonly evidence: readonly Evidence[];
  /** When it began, as far as is known. RFC 3339. */
  readonly since?: string;
}

/** Something that was changed before it began. */
export interface PrecedingChange {
  /** `Deployment web, revision 3`, `ConfigMap settings`, `Node n`. */
  readonly object: string;
  readonly time: string;
  /** `spec.containers[web].image: nginx:1 → nginx:2`; empty when only the time is known. */
  readonly differences: readonly string[];
}

export interface Explanation {
  readonly kind: 'PodExplanation';
  readonly namespace: string;
  readonly pod: string;
  readonly cause: Cause;
  readonly placement?: PlacementExplanation;
  readonly precededBy?: PrecedingChange;
  /** What would help, as the evidence says; not tried. */
  readonly remedies?: readonly string[];
}
