// Keeps each pod's newest status and brings it to the API: one write at a time for a pod, the newest wins.
import { isMirrorPod, isPodPhaseTerminal } from '#api/pods.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { pods } from '#api/resources.ts';
import type { Pod, PodStatus } from '#api/types.ts';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { ConnectionError, type Client } from '#client/contract.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { isStaticPod, podKey } from '../pod/identity.ts';
import { dateStatus, mergeForApi, sameStatus, terminatedStatus } from './merge.ts';
import { podStatusPatch } from './patch.ts';
import type { UndatedStatus } from './pod-status.ts';

/** First and longest wait before a failed write is tried again, milliseconds. Source: status syncPeriod. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 10_000;
/** How long what others write into a status stays: controllers are to see it before it is put back, milliseconds. Source: syncPeriod. */
const PUT_BACK_MS = 10_000;

interface Tracked {
  pod: Pod;
  status: PodStatus;
  version: number;
  /** Last version the API has. */
  sent: number;
  /** When the first change was found that the API does not have; undefined when it has all. Clock.monotonic(). */
  unsentSince: number | undefined;
  /** The kubelet gave back all the pod used: it may be deleted. */
  finished: boolean;
  sending: boolean;
  retryMs: number;
  /** What the API answered to the last write: newer than the informer's copy for a while. */
  api: Pod | undefined;
  /** Ends the wait for what others wrote to be put back; undefined while nothing waits. */
  cancelPutBack: CancelTimer | undefined;
}

export interface StatusManagerDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: KubeletMetrics;
  /** The API's pod for a pod of this kubelet: itself, or its mirror; undefined when the API has none. */
  readonly apiPod: (uid: string) => Pod | undefined;
  /** Whether containers of the pod may still run. */
  readonly mayRun: (uid: string) => boolean;
}

/** Statuses never go from ended back to not ended. Source: pkg/kubelet/status manager. */
export class StatusManager {
  readonly #deps: StatusManagerDeps;
  readonly #tracked = new Map<string, Tracked>();
  #stopped = false;

  constructor(deps: StatusManagerDeps) {
    this.#deps = deps;
  }

  /** The newest status given here; undefined before the first. */
  get(uid: string): PodStatus | undefined {
    return this.#tracked.get(uid)?.status;
  }

  isFinished(uid: string): boolean {
    return this.#tracked.get(uid)?.finished ?? false;
  }

  /** Source: SetPodStatus. */
  set(pod: Pod, status: UndatedStatus): void {
    this.#update(pod, status, { finished: false, force: pod.metadata.deletionTimestamp !== undefined });
  }

  /** The pod has ended and uses nothing any more: writes its last status, then deletes it when that was asked. Source: TerminatePod. */
  terminate(pod: Pod): void {
    const last = this.#tracked.get(pod.metadata.uid)?.status ?? pod.status;
    this.#update(pod, { ...terminatedStatus(pod, last), conditions: last.conditions ?? [] }, { finished: true, force: true });
  }

  /** The API's pod changed: puts the status back later when someone else overwrote it, and deletes at once what waited for that. */
  reconcile(uid: string): void {
    const tracked = this.#tracked.get(uid);
    if (tracked === undefined) return;
    if (tracked.finished || tracked.sent !== tracked.version || isStaticPod(tracked.pod)) return this.#kick(uid, tracked);
    tracked.cancelPutBack ??= this.#deps.clock.after(PUT_BACK_MS, () => {
      tracked.cancelPutBack = undefined;
      if (this.#tracked.get(uid) === tracked) this.#kick(uid, tracked);
    });
  }

  forget(uid: string): void {
    this.#tracked.get(uid)?.cancelPutBack?.();
    this.#tracked.delete(uid);
  }

  /** Stops writing; what is under way ends by itself. */
  stop(): void {
    this.#stopped = true;
    for (const { cancelPutBack } of this.#tracked.values()) cancelPutBack?.();
  }

  #update(pod: Pod, undated: UndatedStatus, { finished, force }: { readonly finished: boolean; readonly force: boolean }): void {
    const { uid } = pod.metadata;
    const tracked = this.#tracked.get(uid);
    const previous = tracked?.status ?? this.#deps.apiPod(uid)?.status ?? pod.status;
    const status = dateStatus(undated, previous, this.#deps.clock.now());
    if (tracked !== undefined) {
      tracked.pod = pod;
      tracked.finished ||= finished;
      if (!force && sameStatus(tracked.status, status)) return;
      tracked.status = status;
      tracked.version++;
      tracked.unsentSince ??= this.#deps.clock.monotonic();
      this.#kick(uid, tracked);
      return;
    }
    const fresh = {
      pod,
      status,
      version: 1,
      sent: 0,
      unsentSince: this.#deps.clock.monotonic(),
      finished,
      sending: false,
      retryMs: RETRY_MIN_MS,
      api: undefined,
      cancelPutBack: undefined,
    };
    this.#tracked.set(uid, fresh);
    this.#kick(uid, fresh);
  }

  #kick(uid: string, tracked: Tracked): void {
    if (tracked.sending || this.#stopped) return;
    tracked.sending = true;
    // Several changes of one turn become one write.
    queueMicrotask(() => void this.#send(uid, tracked));
  }

  async #send(uid: string, tracked: Tracked): Promise<void> {
    let again = false;
    try {
      again = await this.#write(uid, tracked);
      tracked.retryMs = RETRY_MIN_MS;
    } catch (error) {
      if (!(error instanceof StatusError) && !(error instanceof ConnectionError)) throw error;
      if (error instanceof StatusError && (error.reason === 'NotFound' || error.reason === 'Conflict')) {
        // Gone, or another pod has the name by now; the informer will say so.
        this.#deps.logger.debug('Pod status was not written', { pod: podKey(tracked.pod), uid, error });
      } else {
        this.#deps.logger.warn('Failed to update status for pod', { pod: podKey(tracked.pod), uid, error });
        const wait = tracked.retryMs;
        tracked.retryMs = Math.min(RETRY_MAX_MS, wait * 2);
        this.#deps.clock.after(wait, () => {
          if (this.#tracked.get(uid) === tracked) this.#kick(uid, tracked);
        });
      }
    } finally {
      tracked.sending = false;
    }
    if (again && this.#tracked.get(uid) === tracked) this.#kick(uid, tracked);
  }

  /** One round; true when more came in meanwhile. */
  async #write(uid: string, tracked: Tracked): Promise<boolean> {
    const { client } = this.#deps;
    const listed = this.#deps.apiPod(uid);
    const api = listed === undefined ? undefined : newer(listed, tracked.api);
    if (api === undefined) {
      if (!isStaticPod(tracked.pod)) this.forget(uid);
      return false; // a static pod without its mirror: written when the mirror is there
    }
    const { version } = tracked;
    const ref = { name: api.metadata.name, namespace: api.metadata.namespace };
    const merged = mergeForApi(api.status, tracked.status, this.#deps.mayRun(uid), tracked.pod);
    const patch = podStatusPatch(api.status, merged);
    let current = api;
    if (patch !== undefined) {
      current = await client.patch(
        pods,
        ref,
        { type: 'strategic', body: { metadata: { uid: api.metadata.uid }, status: patch } },
        { subresource: 'status' },
      );
      tracked.api = current;
    }
    tracked.sent = version;
    this.#synced(tracked);
    if (this.#mayDelete(current, tracked)) {
      await client.delete(pods, ref, { gracePeriodSeconds: 0, preconditions: { uid: api.metadata.uid } });
      this.forget(uid);
      return false;
    }
    return tracked.version !== version;
  }

  #synced(tracked: Tracked): void {
    const { clock, metrics } = this.#deps;
    if (tracked.unsentSince !== undefined) metrics.podStatusSyncDuration.of().observe((clock.monotonic() - tracked.unsentSince) / 1000);
    tracked.unsentSince = tracked.version === tracked.sent ? undefined : clock.monotonic();
  }

  /** Source: canBeDeleted. */
  #mayDelete(api: Pod, tracked: Tracked): boolean {
    return api.metadata.deletionTimestamp !== undefined && !isMirrorPod(api) && isPodPhaseTerminal(api.status.phase) && tracked.finished;
  }
}

/** The later of two versions of one pod. */
function newer(a: Pod, b: Pod | undefined): Pod {
  if (b === undefined || a.metadata.uid !== b.metadata.uid) return a;
  return BigInt(b.metadata.resourceVersion) > BigInt(a.metadata.resourceVersion) ? b : a;
}
