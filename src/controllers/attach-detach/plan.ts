// pure
// What is to be done about one volume on each node that has it or wants it. Source: pkg/controller/volume/attachdetach
// reconciler.go reconcile, attachDesiredVolumes; operation_generator.go; csi_attacher.go verifyAttachmentStatus.
import type { Pod } from '#api/types.ts';

/** A node that is not ready loses a volume it still uses after this. Milliseconds. Source: ReconcilerMaxWaitForUnmountDuration. */
export const UNMOUNT_MS = 360_000;
/** How long the driver may take to attach before the pods are told. Milliseconds. Source: csiTimeout. */
export const ATTACH_MS = 120_000;
/** Wait after a failure, doubled up to the longest. Milliseconds. Source: exponentialbackoff. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 122_000;

export type Attachment =
  | { readonly kind: 'none' }
  /** There is a VolumeAttachment; the driver has not attached yet, and may have said why. */
  | { readonly kind: 'pending'; readonly error?: string }
  | { readonly kind: 'attached' }
  /** Its VolumeAttachment is being deleted: the driver detaches. */
  | { readonly kind: 'going' };

/** What is kept of a volume on a node from one pass to the next. Times are Clock.monotonic(), milliseconds. */
export interface Progress {
  /** Since when no pod there wants the volume. */
  unwantedSince?: number;
  /** Since when it is waited for the driver. */
  attachingSince?: number;
  /** In a row. */
  failures: number;
  retryAt?: number;
  /** The pods know already that another node has it. */
  multiAttachTold: boolean;
}

export interface OnNode {
  readonly node: string;
  /** Those that want the volume there. */
  readonly pods: readonly Pod[];
  readonly attachment: Attachment;
  /** The node is told in `volumesAttached` that it may mount. */
  readonly reported: boolean;
  /** The node says in `volumesInUse` that it mounts, or has mounted. */
  readonly inUse: boolean;
  readonly ready: boolean;
  readonly outOfService: boolean;
  readonly progress: Readonly<Progress>;
}

export interface VolumeFacts {
  /** Of the PersistentVolume; what pods are told. */
  readonly name: string;
  readonly driver: string;
  readonly volumeHandle: string;
  /** At one node at a time. Source: util.IsMultiAttachAllowed. */
  readonly exclusive: boolean;
}

export interface PodMessage {
  readonly pod: Pod;
  readonly message: string;
}

export type Step =
  /** All is as it should be. */
  | { readonly kind: 'steady'; readonly on: OnNode }
  /** Nothing of the volume is left there, and nobody wants it. */
  | { readonly kind: 'forget'; readonly on: OnNode }
  /** Until something happens, or `atMs`. */
  | { readonly kind: 'wait'; readonly on: OnNode; readonly atMs?: number }
  | { readonly kind: 'attach'; readonly on: OnNode }
  /** The driver has attached, which nobody was told yet. */
  | { readonly kind: 'attached'; readonly on: OnNode }
  | { readonly kind: 'failed'; readonly on: OnNode; readonly why: string }
  | { readonly kind: 'multi-attach'; readonly on: OnNode; readonly messages: readonly PodMessage[] }
  /** It cannot be attached there, and another node wants it: that one has its turn. */
  | { readonly kind: 'yield'; readonly on: OnNode }
  /** `forced`: without looking whether the node uses the volume, and why. */
  | { readonly kind: 'detach'; readonly on: OnNode; readonly forced?: 'timeout' | 'out-of-service' };

export interface PlanOptions {
  readonly now: number;
  /** False with `--disable-force-detach-on-timeout`. */
  readonly forceOnTimeout: boolean;
}

/** One step a node. Volumes leave nodes before they come to others. */
export function planVolume(volume: VolumeFacts, nodes: readonly OnNode[], options: PlanOptions): readonly Step[] {
  const leaving = nodes.filter(({ pods }) => pods.length === 0).map((on) => planUnwanted(on, options));
  const coming = nodes.filter(({ pods }) => pods.length > 0);
  const steps = coming.map((on) => planWanted(volume, on, nodes, leaving, options.now));
  return [...leaving, ...(volume.exclusive ? onlyOneAttaches(steps) : steps)];
}

function onlyOneAttaches(steps: readonly Step[]): readonly Step[] {
  const first = steps.find(({ kind }) => kind === 'attach');
  return steps.map((step) => (step.kind === 'attach' && step !== first ? { kind: 'wait', on: step.on } : step));
}

function planUnwanted(on: OnNode, { now, forceOnTimeout }: PlanOptions): Step {
  const { attachment, reported, inUse, ready, outOfService, progress } = on;
  if (attachment.kind === 'none' && !reported) return { kind: 'forget', on };
  if (attachment.kind === 'going' && !reported) return { kind: 'wait', on };
  const forcedAt = (progress.unwantedSince ?? now) + UNMOUNT_MS;
  const expired = forceOnTimeout && now >= forcedAt;
  if (inUse && !(expired && !ready) && !outOfService)
    return ready || expired || !forceOnTimeout ? { kind: 'wait', on } : { kind: 'wait', on, atMs: forcedAt };
  if (expired) return { kind: 'detach', on, forced: 'timeout' };
  return outOfService ? { kind: 'detach', on, forced: 'out-of-service' } : { kind: 'detach', on };
}

function planWanted(volume: VolumeFacts, on: OnNode, nodes: readonly OnNode[], leaving: readonly Step[], now: number): Step {
  const { attachment, reported, progress } = on;
  if (attachment.kind === 'attached') return { kind: reported ? 'steady' : 'attached', on };
  const others = volume.exclusive ? nodes.filter((other) => other !== on) : [];
  const moving = others.some((other) => isMoving(other) || leaving.some((step) => step.kind === 'detach' && step.on === other));
  if (moving) return { kind: 'wait', on };
  const holders = others.filter((other) => other.attachment.kind === 'attached' || other.reported);
  if (hasFailed(on) && others.some(isAsking)) return { kind: 'yield', on };
  if (holders.length > 0)
    return progress.multiAttachTold
      ? { kind: 'wait', on }
      : { kind: 'multi-attach', on, messages: multiAttachMessages(volume, on, holders) };
  if (others.some((other) => other.attachment.kind !== 'none')) return { kind: 'wait', on };
  if (progress.attachingSince === undefined && progress.retryAt !== undefined && progress.retryAt > now)
    return { kind: 'wait', on, atMs: progress.retryAt };
  const why = failureOf(volume, on, now);
  if (why !== undefined) return { kind: 'failed', on, why };
  return progress.attachingSince === undefined ? { kind: 'attach', on } : { kind: 'wait', on, atMs: progress.attachingSince + ATTACH_MS };
}

const hasFailed = ({ attachment, progress }: OnNode): boolean =>
  attachment.kind === 'pending' && progress.attachingSince === undefined && progress.failures > 0;

/** It wants the volume, and nothing was made for it. */
const isAsking = ({ pods, attachment, progress }: OnNode): boolean =>
  pods.length > 0 && attachment.kind === 'none' && progress.attachingSince === undefined;

/** The driver is at it: what comes of it is waited for. */
const isMoving = ({ attachment, progress }: OnNode): boolean =>
  attachment.kind === 'going' || (attachment.kind !== 'attached' && progress.attachingSince !== undefined);

function failureOf({ driver, volumeHandle }: VolumeFacts, { attachment, progress }: OnNode, now: number): string | undefined {
  if (attachment.kind === 'going') return 'volume attachment is being deleted';
  if (attachment.kind === 'pending' && attachment.error !== undefined) return attachment.error;
  if (progress.attachingSince !== undefined && now >= progress.attachingSince + ATTACH_MS)
    return `timed out waiting for external-attacher of ${driver} CSI driver to attach volume ${volumeHandle}`;
  return undefined;
}

/** Names of pods in other namespaces are not told. Source: reportMultiAttachError. */
function multiAttachMessages({ name }: VolumeFacts, { pods }: OnNode, holders: readonly OnNode[]): readonly PodMessage[] {
  const users = holders.flatMap((holder) => holder.pods);
  return pods.map((pod) => {
    const near = users.filter(({ metadata }) => metadata.namespace === pod.metadata.namespace).map(({ metadata }) => metadata.name);
    return { pod, message: `Multi-Attach error for volume "${name}" ${usedBy(near, users.length - near.length)}` };
  });
}

function usedBy(near: readonly string[], far: number): string {
  if (near.length + far === 0) return "Volume is already exclusively attached to one node and can't be attached to another";
  if (near.length === 0) return `Volume is already used by ${far} pod(s) in different namespaces`;
  const names = `Volume is already used by pod(s) ${near.join(', ')}`;
  return far === 0 ? names : `${names} and ${far} pod(s) in different namespaces`;
}

/** Milliseconds, after so many failures in a row. */
export const retryAfter = (failures: number): number => Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (failures - 1));

/** Earliest moment at which time alone changes an answer; Infinity for never. */
export const nextLook = (steps: readonly Step[]): number =>
  Math.min(...steps.map((step) => (step.kind === 'wait' ? (step.atMs ?? Infinity) : Infinity)));
