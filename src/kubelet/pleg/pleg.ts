// Notices what happens to pods in the runtime: by its events where it has them, otherwise by comparing lists.
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { CriClient } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import { inspectPod, listPods, type ListedPod } from '../runtime/inspect.ts';
import { POD_UID_LABEL } from '../runtime/labels.ts';
import type { RuntimePod } from '../runtime/runtime-pod.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';

/** Between two lists, milliseconds: while nothing is expected, while something is, and with events. Source: genericPlegRelistPeriod, eventedPlegRelistPeriod. */
const CALM_MS = 1000;
const EXPECTING_MS = 200;
const WITH_EVENTS_MS = 300_000;
/** Lists older than this make the node not ready. Source: relistThreshold. */
export const RELIST_THRESHOLD_MS = 180_000;
/** Wait before events are asked for again. */
const EVENTS_RETRY_MS = 5000;

export interface PlegDeps {
  readonly cri: CriClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: KubeletMetrics;
  /** The runtime's view of the pod changed. */
  readonly changed: (podUid: string) => void;
  /** Some container is expected to end soon: look more often. */
  readonly expecting: () => boolean;
}

interface Known {
  readonly pod: RuntimePod;
  readonly signature: string;
}

/** Pod lifecycle event generator. Source: pkg/kubelet/pleg. */
export class Pleg {
  readonly #deps: PlegDeps;
  readonly #known = new Map<string, Known>();
  #lastList: number | undefined;
  /** When the last list began. */
  #lastBegan: number | undefined;
  #events: 'unsupported' | 'off' | 'on' = 'off';
  #timer: CancelTimer | undefined;
  #listing: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(deps: PlegDeps) {
    this.#deps = deps;
  }

  /** Begins to watch; the first list is complete when this resolves, or the runtime could not be asked. */
  async start(): Promise<void> {
    void this.#followEvents();
    await this.relist();
  }

  stop(): void {
    this.#stop.abort(new Error('the kubelet stops'));
    this.#timer?.();
  }

  /** The newest view of a pod; undefined when the runtime knows nothing of it. */
  get(podUid: string): RuntimePod | undefined {
    return this.#known.get(podUid)?.pod;
  }

  /** Every pod the runtime knows. */
  all(): readonly RuntimePod[] {
    return [...this.#known.values()].map(({ pod }) => pod);
  }

  /** Milliseconds since the last list that succeeded; undefined before the first. */
  sinceList(): number | undefined {
    return this.#lastList === undefined ? undefined : this.#deps.clock.monotonic() - this.#lastList;
  }

  /** Asks the runtime about one pod now. @throws CriError */
  async refresh(podUid: string): Promise<RuntimePod | undefined> {
    const { cri, clock } = this.#deps;
    const began = clock.monotonic();
    const listed = (await listPods(cri.runtime, { uid: podUid })).get(podUid);
    if (listed === undefined) {
      const known = this.#known.get(podUid);
      if (known !== undefined && known.pod.observedAt <= began) this.#known.delete(podUid);
      return undefined;
    }
    const pod = await inspectPod(cri.runtime, clock, listed, this.#known.get(podUid)?.pod);
    return this.#keep(pod, signatureOf(listed));
  }

  /** Lists all pods and looks closer at those that changed. Concurrent calls share one list. */
  relist(): Promise<void> {
    this.#listing ??= this.#list().finally(() => {
      this.#listing = undefined;
      this.#arm();
    });
    return this.#listing;
  }

  async #list(): Promise<void> {
    const { cri, clock, logger, metrics, changed } = this.#deps;
    const began = clock.monotonic();
    if (this.#lastBegan !== undefined) metrics.plegRelistInterval.of().observe((began - this.#lastBegan) / 1000);
    this.#lastBegan = began;
    try {
      const listed = await listPods(cri.runtime);
      metrics.plegLastSeen.of().set(Math.floor(clock.now() / 1000));
      for (const [uid, known] of this.#known) {
        if (listed.has(uid) || known.pod.observedAt > began) continue;
        this.#known.delete(uid);
        changed(uid);
      }
      const fresh = [...listed.values()].filter((pod) => this.#known.get(pod.uid)?.signature !== signatureOf(pod));
      await Promise.all(
        fresh.map(async (pod) => {
          this.#keep(await inspectPod(cri.runtime, clock, pod, this.#known.get(pod.uid)?.pod), signatureOf(pod));
          changed(pod.uid);
        }),
      );
      this.#lastList = clock.monotonic();
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      logger.warn('Unable to retrieve pods from the container runtime', { error });
    } finally {
      metrics.plegRelistDuration.of().observe((clock.monotonic() - began) / 1000);
    }
  }

  /** The later of two views wins. */
  #keep(pod: RuntimePod, signature: string): RuntimePod {
    const known = this.#known.get(pod.uid);
    if (known !== undefined && known.pod.observedAt > pod.observedAt) return known.pod;
    this.#known.set(pod.uid, { pod, signature });
    return pod;
  }

  #arm(): void {
    if (this.#stop.signal.aborted) return;
    this.#timer?.();
    const period = this.#events === 'on' ? WITH_EVENTS_MS : this.#deps.expecting() ? EXPECTING_MS : CALM_MS;
    this.#timer = this.#deps.clock.after(period, () => void this.relist());
  }

  /** Something is expected from now on: the next list comes soon. */
  hasten(): void {
    if (this.#events !== 'on' && this.#listing === undefined) this.#arm();
  }

  /** Source: evented PLEG. */
  async #followEvents(): Promise<void> {
    const { cri, clock, logger, changed } = this.#deps;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const event of cri.runtime.getContainerEvents({}, { signal })) {
          this.#events = 'on';
          const uid = event.podSandboxStatus?.metadata?.uid ?? event.podSandboxStatus?.labels[POD_UID_LABEL];
          if (uid === undefined) await this.relist();
          else {
            await this.refresh(uid);
            changed(uid);
          }
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof CriError)) throw error;
        if (error.code === 'Unimplemented') {
          this.#events = 'unsupported';
          return;
        }
        logger.debug('Container events ended', { error });
      }
      this.#events = 'off';
      this.#arm();
      await new Promise<void>((resolve) => clock.after(EVENTS_RETRY_MS, resolve));
    }
  }
}

function signatureOf({ sandboxes, containers }: ListedPod): string {
  return [...sandboxes.map(({ id, ready }) => `${id}${ready}`), ...containers.map(({ id, state }) => `${id}${state}`)].toSorted().join();
}
