// Empties released volumes by a pod each, and says on the volume what happens to that pod. Source: pkg/volume/util/recyclerclient,
// recycleVolumeOperation.
import { isStatusError } from '#apimachinery/errors.ts';
import { events as eventResource, pods } from '#api/resources.ts';
import type { New, PersistentVolume, Pod } from '#api/types.ts';
import type { ControllerContext } from '../runtime/controller.ts';
import { RECYCLER_NAMESPACE, recyclerName } from './reclaimers.ts';

export type Progress = { readonly kind: 'running' | 'done' } | { readonly kind: 'failed'; readonly why: string };

interface Run {
  readonly podUid: string;
  readonly stop: AbortController;
  deleted: boolean;
}

type Context = Pick<ControllerContext, 'client' | 'events' | 'informers' | 'logger' | 'signal'>;

export class Recycler {
  readonly #context: Context;
  /** By uid of the volume. */
  readonly #runs = new Map<string, Run>();

  /** `wake`: something happened to the pod of the volume of this name. */
  constructor(context: Context, wake: (volume: string) => void) {
    this.#context = context;
    const prefix = recyclerName('');
    const told = ({ metadata: { name, namespace } }: Pod): void => {
      if (namespace === RECYCLER_NAMESPACE && name.startsWith(prefix)) wake(name.slice(prefix.length));
    };
    context.informers.informer(pods).addHandlers({
      added: told,
      updated: told,
      deleted: (pod) => {
        for (const run of this.#runs.values()) if (run.podUid === pod.metadata.uid) run.deleted = true;
        told(pod);
      },
    });
  }

  /** One step; `pod` is what empties the volume. Its end is told once, and what ended begins anew when asked again. */
  async advance(volume: PersistentVolume, pod: New<Pod>): Promise<Progress> {
    const run = this.#runs.get(volume.metadata.uid);
    if (run === undefined) return this.#begin(volume, pod);
    const found = this.#context.informers.informer(pods).get(recyclerName(volume.metadata.name), RECYCLER_NAMESPACE);
    const current = found?.metadata.uid === run.podUid ? found : undefined;
    const progress = run.deleted ? failed('recycler pod was deleted') : progressOf(current);
    if (progress.kind !== 'running') await this.#end(volume, run);
    return progress;
  }

  /** Nothing more is to be done for the volume. */
  forget(volume: PersistentVolume): void {
    this.#runs.get(volume.metadata.uid)?.stop.abort(new Error('the volume is recycled no longer'));
    this.#runs.delete(volume.metadata.uid);
  }

  async #begin(volume: PersistentVolume, pod: New<Pod>): Promise<Progress> {
    const { client, signal } = this.#context;
    try {
      const { metadata } = await client.create(pods, pod);
      const stop = new AbortController();
      this.#runs.set(volume.metadata.uid, { podUid: metadata.uid, stop, deleted: false });
      void this.#relay(volume, metadata, AbortSignal.any([signal, stop.signal]));
      return { kind: 'running' };
    } catch (error) {
      if (!isStatusError(error)) throw error;
      if (error.reason !== 'AlreadyExists') return { kind: 'failed', why: `unexpected error creating recycler pod:  ${error.message}` };
      // It may be somebody's who wants to keep the volume from being recycled, or be left from a run before.
      await this.#delete({ name: recyclerName(volume.metadata.name) });
      return { kind: 'failed', why: 'old recycler pod found, will retry later' };
    }
  }

  async #end(volume: PersistentVolume, { podUid }: Run): Promise<void> {
    await this.#delete({ name: recyclerName(volume.metadata.name), uid: podUid });
    this.forget(volume);
  }

  async #delete({ name, uid }: { readonly name: string; readonly uid?: string }): Promise<void> {
    try {
      const options = uid === undefined ? {} : { preconditions: { uid } };
      await this.#context.client.delete(pods, { name, namespace: RECYCLER_NAMESPACE }, options);
    } catch (error) {
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    }
  }

  /** What is said of the pod is said of the volume, for as long as the pod runs. */
  async #relay(volume: PersistentVolume, { name, uid }: Pod['metadata'], signal: AbortSignal): Promise<void> {
    const { client, events, logger } = this.#context;
    const fieldSelector = `involvedObject.name=${name}`;
    try {
      for await (const event of client.watch(eventResource, { namespace: RECYCLER_NAMESPACE, fieldSelector, signal })) {
        if (event.type !== 'ADDED' || event.object.involvedObject.uid !== uid) continue;
        events.event(
          volume,
          event.object.type === 'Warning' ? 'Warning' : 'Normal',
          'RecyclerPod',
          `Recycler pod: ${event.object.message ?? ''}`,
        );
      }
    } catch (error) {
      if (!signal.aborted) logger.debug('events of a recycler pod are heard no longer', { pod: name, error });
    }
  }
}

const failed = (why: string): Progress => ({ kind: 'failed', why: `failed to recycle volume: ${why}` });

/** Source: waitForPod. */
function progressOf(pod: Pod | undefined): Progress {
  const { phase, message } = pod?.status ?? {};
  if (phase === 'Succeeded') return { kind: 'done' };
  if (phase === 'Failed') return failed((message ?? '') === '' ? 'pod failed, pod.Status.Message unknown' : (message as string));
  return { kind: 'running' };
}
