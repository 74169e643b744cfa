// The volumes of the pods on this node: mounted before containers start, kept up to date, unmounted when all have ended.
import { rm } from 'node:fs/promises';
import { sep } from 'node:path';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { orAborted } from '#base/or-aborted.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { Pod, Volume } from '#api/types.ts';
import { ConnectionError } from '#client/contract.ts';
import type { KubeletEvents } from '../events/events.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { containersOf } from '../pod/containers.ts';
import { podLabel } from '../pod/identity.ts';
import { namesIn } from './exists.ts';
import { MountError, type Mounter } from './mounter.ts';
import type { KubeletPaths } from './paths.ts';
import { VolumeError, VolumePending, type MountedVolume, type VolumePlugin, type VolumeRequest } from './plugin.ts';
import { cleanSubpaths } from './subpath.ts';

/** Wait after a failure, doubled up to the longest, milliseconds. Source: exponentialbackoff. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 122_000;
/** Who waits for others is woken by them; this is for what nobody tells. Milliseconds. */
const PENDING_MS = 10_000;
/** Between two looks at what is there already. Milliseconds. */
const UPKEEP_MS = 30_000;
/** After so long the pod is told once more, in sum. Source: podAttachAndMountTimeout. */
const PATIENCE_MS = 123_000;

interface Mounting {
  /** What the pod's containers use. */
  used: readonly Volume[];
  readonly mounted: Map<string, MountedVolume>;
  readonly failures: Map<string, { retryMs: number; due: number }>;
  /** Volumes that are on their way. */
  readonly pending: Set<string>;
  /** When volumes that are there are to be kept up next, Clock.monotonic(). */
  readonly upkeep: Map<string, number>;
  failingSince: number | undefined;
  staleTimer: CancelTimer | undefined;
  /** Resolves once the last look at all of them is over. */
  underWay: Promise<void>;
}

export interface VolumeManagerDeps {
  readonly plugins: readonly VolumePlugin[];
  readonly paths: KubeletPaths;
  readonly mounter: Mounter;
  /** Image volumes are mounted with the containers that use them. */
  readonly releaseImages: (podUid: string) => Promise<void>;
  readonly events: KubeletEvents;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: KubeletMetrics;
  /** The pod's volumes are due for another pass. */
  readonly wake: (podUid: string) => void;
}

export type VolumesOutcome =
  | { readonly kind: 'ready' }
  /** `retryInMs`: until the next attempt. */
  | { readonly kind: 'waiting'; readonly retryInMs: number; readonly message: string };

export class VolumeManager {
  readonly #deps: VolumeManagerDeps;
  readonly #pods = new Map<string, Mounting>();

  constructor(deps: VolumeManagerDeps) {
    this.#deps = deps;
  }

  /**
   * Mounts what the pod's containers use and refreshes what follows other objects.
   * @param signal the pod is to end: what is under way goes on, and nobody waits for it but `unmount`
   */
  async mount(pod: Pod, signal: AbortSignal): Promise<VolumesOutcome> {
    const { uid } = pod.metadata;
    const state = this.#pods.get(uid) ?? newMounting();
    this.#pods.set(uid, state);
    const work = this.#mountAll(pod, state);
    state.underWay = work.then(ignore, ignore);
    return orAborted(work, signal);
  }

  async #mountAll(pod: Pod, state: Mounting): Promise<VolumesOutcome> {
    const used = usedVolumes(pod);
    state.used = used;
    await Promise.all(used.map((volume) => this.#mountOne(pod, volume, state)));
    this.#armStale(pod, used, state);

    const missing = used.filter(({ name }) => !state.mounted.has(name)).map(({ name }) => name);
    const { clock } = this.#deps;
    if (missing.length === 0) {
      state.failingSince = undefined;
      return { kind: 'ready' };
    }
    state.failingSince ??= clock.monotonic();
    const message = `Unable to attach or mount volumes: unmounted volumes=[${missing.join(' ')}], unattached volumes=[${[...state.pending].join(' ')}], failed to process volumes=[]: context deadline exceeded`;
    if (clock.monotonic() - state.failingSince >= PATIENCE_MS) {
      this.#deps.events.pod(pod, 'Warning', 'FailedMount', message);
      state.failingSince = clock.monotonic();
    }
    const dues = missing.map((name) =>
      state.pending.has(name) ? PENDING_MS : (state.failures.get(name)?.due ?? clock.monotonic()) - clock.monotonic(),
    );
    return { kind: 'waiting', retryInMs: Math.max(0, Math.min(...dues)), message };
  }

  mounted(podUid: string, name: string): MountedVolume | undefined {
    return this.#pods.get(podUid)?.mounted.get(name);
  }

  /** Unmounts and removes all volumes of a pod, whether this kubelet mounted them or an earlier one. @throws MountError */
  async unmount(podUid: string): Promise<void> {
    await this.#pods.get(podUid)?.underWay;
    this.#pods.get(podUid)?.staleTimer?.();
    const { paths, mounter, plugins } = this.#deps;
    await cleanSubpaths(paths.subpaths(podUid), mounter);
    await this.#deps.releaseImages(podUid);
    for (const root of [paths.volumes(podUid), paths.devices(podUid)]) {
      for (const directory of await namesIn(root)) {
        const plugin = plugins.find(({ name }) => name.replaceAll('/', '~') === directory);
        for (const name of await namesIn(`${root}/${directory}`)) {
          const tearDown = async (): Promise<void> => plugin?.tearDown?.(`${root}/${directory}/${name}`, podUid);
          await this.#measured(directory.replaceAll('~', '/'), 'volume_unmount', tearDown);
        }
      }
      for (const { path } of (await this.#mountsBelow(root)).toReversed()) await mounter.unmount(path);
      // Never delete through a mount that would not go.
      if ((await this.#mountsBelow(root)).length > 0) throw new MountError(`volumes of pod ${podUid} are still mounted`);
      await rm(root, { recursive: true, force: true });
    }
    for (const plugin of plugins) plugin.released?.(podUid);
    this.#pods.delete(podUid);
  }

  /** Removes the directory of a pod whose volumes are gone. */
  async removeDirectory(podUid: string): Promise<void> {
    const directory = this.#deps.paths.pod(podUid);
    if ((await this.#mountsBelow(directory)).length > 0) throw new MountError(`pod directory ${directory} still has mounts`);
    await rm(directory, { recursive: true, force: true });
  }

  /** Whether volumes of the pod are still on disk. */
  async exist(podUid: string): Promise<boolean> {
    const { paths } = this.#deps;
    for (const root of [paths.volumes(podUid), paths.devices(podUid)]) if ((await namesIn(root)).length > 0) return true;
    return false;
  }

  /** Pods with a directory on disk. Source: listPodsFromDisk. */
  onDisk(): Promise<readonly string[]> {
    return namesIn(this.#deps.paths.pods());
  }

  /** How many volumes of which kind pods want and have. Source: volumeManagerMetrics. */
  counts(): readonly (readonly [labels: readonly [plugin: string, state: string], count: number])[] {
    const found = new Map<string, number>();
    const add = (volume: Volume, state: string): void => {
      const plugin = this.#deps.plugins.find((candidate) => candidate.supports(volume));
      const key = `${plugin === undefined ? 'N/A' : qualifiedName(plugin, volume)} ${state}`;
      found.set(key, (found.get(key) ?? 0) + 1);
    };
    for (const { used, mounted } of this.#pods.values()) {
      for (const volume of used) add(volume, 'desired_state_of_world');
      for (const volume of used) if (mounted.has(volume.name)) add(volume, 'actual_state_of_world');
    }
    return [...found].map(([key, count]) => [key.split(' ') as [string, string], count]);
  }

  stop(): void {
    for (const { staleTimer } of this.#pods.values()) staleTimer?.();
  }

  /** Source: OperationCompleteHook. */
  async #measured<T>(plugin: string, operation: string, run: () => Promise<T>): Promise<T> {
    const { clock, metrics } = this.#deps;
    const began = clock.monotonic();
    const done = (status: string): void =>
      metrics.storageOperationDuration.of(plugin, operation, status, 'false').observe((clock.monotonic() - began) / 1000);
    try {
      const result = await run();
      done('success');
      return result;
    } catch (error) {
      if (!(error instanceof VolumePending)) {
        done('fail-unknown');
        metrics.storageOperationErrors.of(plugin, operation).add();
      }
      throw error;
    }
  }

  async #mountsBelow(directory: string): ReturnType<Mounter['list']> {
    return (await this.#deps.mounter.list()).filter(({ path }) => path.startsWith(directory + sep));
  }

  async #mountOne(pod: Pod, volume: Volume, state: Mounting): Promise<void> {
    const { plugins, paths, clock, logger, events } = this.#deps;
    const plugin = plugins.find((candidate) => candidate.supports(volume));
    const mounted = state.mounted.get(volume.name);
    if (mounted !== undefined && plugin?.refreshes !== true) return this.#keepUp(pod, volume, mounted, state);
    const failure = state.failures.get(volume.name);
    if (failure !== undefined && failure.due > clock.monotonic()) return;
    try {
      if (plugin === undefined) throw new VolumeError('no volume plugin matched');
      const path = paths.volume(pod.metadata.uid, plugin.name, volume.name);
      const mount = (): Promise<MountedVolume> => plugin.setUp({ pod, volume, path });
      state.mounted.set(volume.name, await this.#measured(qualifiedName(plugin, volume), 'volume_mount', mount));
      state.failures.delete(volume.name);
      state.pending.delete(volume.name);
      state.upkeep.set(volume.name, clock.monotonic() + UPKEEP_MS);
    } catch (error) {
      if (!isExpected(error)) throw error;
      if (error instanceof VolumePending) return void state.pending.add(volume.name);
      state.pending.delete(volume.name);
      const retryMs = Math.min(RETRY_MAX_MS, failure === undefined ? RETRY_MIN_MS : failure.retryMs * 2);
      state.failures.set(volume.name, { retryMs, due: clock.monotonic() + retryMs });
      const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`;
      logger.warn(message, { pod: podLabel(pod) });
      events.pod(pod, 'Warning', 'FailedMount', message);
    }
  }

  /** What fails here leaves the volume as it is, and is tried again. */
  async #keepUp(pod: Pod, volume: Volume, mounted: MountedVolume, state: Mounting): Promise<void> {
    const { clock, logger, events } = this.#deps;
    if (mounted.keepUp === undefined || clock.monotonic() < (state.upkeep.get(volume.name) ?? 0)) return;
    state.upkeep.set(volume.name, clock.monotonic() + UPKEEP_MS);
    try {
      await mounted.keepUp(pod);
    } catch (error) {
      if (!isExpected(error)) throw error;
      const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`;
      logger.warn(message, { pod: podLabel(pod) });
      events.pod(pod, 'Warning', 'FailedMount', message);
    }
  }

  /** Wakes the pod when contents become stale by themselves (tokens), or a refresh failed. */
  #armStale(pod: Pod, used: readonly Volume[], state: Mounting): void {
    const { plugins, paths, clock, wake } = this.#deps;
    state.staleTimer?.();
    const dues = used.flatMap((volume) => {
      const plugin = plugins.find((candidate) => candidate.supports(volume));
      const request: VolumeRequest = {
        pod,
        volume,
        path: plugin === undefined ? '' : paths.volume(pod.metadata.uid, plugin.name, volume.name),
      };
      const stale = plugin?.staleAfter?.(request);
      const failed = state.failures.get(volume.name);
      return [...(stale === undefined ? [] : [stale]), ...(failed === undefined ? [] : [Math.max(0, failed.due - clock.monotonic())])];
    });
    state.staleTimer = dues.length === 0 ? undefined : clock.after(Math.max(RETRY_MIN_MS, Math.min(...dues)), () => wake(pod.metadata.uid));
  }
}

const newMounting = (): Mounting => ({
  used: [],
  mounted: new Map(),
  failures: new Map(),
  pending: new Set(),
  upkeep: new Map(),
  failingSince: undefined,
  staleTimer: undefined,
  underWay: Promise.resolve(),
});

const ignore = (): void => {};

/** With the driver's name for CSI. Source: GetFullQualifiedPluginNameForVolume. */
const qualifiedName = ({ name }: VolumePlugin, { csi }: Volume): string => (csi === undefined ? name : `${name}:${csi.driver}`);

function isExpected(error: unknown): error is Error {
  return (
    error instanceof VolumeError ||
    error instanceof MountError ||
    error instanceof StatusError ||
    error instanceof ConnectionError ||
    (error instanceof Error && (error as NodeJS.ErrnoException).syscall !== undefined)
  );
}

/** Volumes that some container mounts. Source: desiredStateOfWorldPopulator processPodVolumes. */
function usedVolumes({ spec }: Pod): readonly Volume[] {
  const used = new Set<string>();
  for (const { container } of containersOf(spec)) {
    for (const { name } of container.volumeMounts ?? []) used.add(name);
    for (const { name } of container.volumeDevices ?? []) used.add(name);
    for (const { valueFrom } of container.env ?? []) if (valueFrom?.fileKeyRef !== undefined) used.add(valueFrom.fileKeyRef.volumeName);
  }
  return (spec.volumes ?? []).filter(({ name, image }) => used.has(name) && image === undefined);
}
