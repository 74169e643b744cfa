// Objects as Job tests need them, and a world of one Job whose informer lags behind.
import type { Job, JobStatus, New, Pod } from '#api/types.ts';
import { FINALIZER } from '#api/well-known.ts';
import { formatTime } from '#apimachinery/time.ts';
import { conflict } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import { ConnectionError } from '#client/contract.ts';
import { seededIds } from '#base/ids.ts';
import { Expectations } from '../runtime/expectations.ts';
import { Creations } from '../runtime/creations.ts';
import { type Assessment, assess, type Observed } from './assess.ts';
import { NO_BACKOFF } from './backoff.ts';
import { isTracked } from './pods.ts';
import type { Deps } from './reconcile.ts';
import { Releases } from './releases.ts';

export const NOW = Date.UTC(2026, 0, 1);
const CREATED = formatTime(NOW - 3600_000);

export interface PodFacts {
  readonly phase?: Pod['status']['phase'];
  readonly index?: number;
  readonly failures?: number;
  readonly leaving?: boolean;
  readonly exitCode?: number;
  readonly restarts?: number;
  /** Milliseconds since the epoch. */
  readonly endedAt?: number;
  readonly tracked?: boolean;
}

export function pod(name: string, facts: PodFacts = {}): Pod {
  const { phase = 'Running', index, failures, leaving = false, exitCode = 1, restarts = 0, endedAt = NOW, tracked = true } = facts;
  const state = phase === 'Failed' || phase === 'Succeeded' ? { terminated: { exitCode, finishedAt: formatTime(endedAt) } } : {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'ns',
      uid: name,
      resourceVersion: '1',
      creationTimestamp: CREATED,
      ...(tracked ? { finalizers: [FINALIZER.jobTracking] } : {}),
      ...(leaving ? { deletionTimestamp: formatTime(endedAt) } : {}),
      annotations: {
        ...(index === undefined ? {} : { 'batch.kubernetes.io/job-completion-index': String(index) }),
        ...(failures === undefined ? {} : { 'batch.kubernetes.io/job-index-failure-count': String(failures) }),
      },
    },
    spec: { containers: [], nodeName: 'n1' },
    status: { phase, containerStatuses: [{ name: 'c', restartCount: restarts, state }] },
  } as unknown as Pod;
}

export function job(spec: Partial<Job['spec']> = {}, status: JobStatus = {}): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'sum', namespace: 'ns', uid: 'job', resourceVersion: '1', creationTimestamp: CREATED, generation: 1 },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      manualSelector: false,
      completionMode: 'NonIndexed',
      suspend: false,
      podReplacementPolicy: 'TerminatingOrFailed',
      template: { metadata: {}, spec: { restartPolicy: 'Never', containers: [] } } as unknown as Job['spec']['template'],
      ...spec,
    },
    status,
  };
}

export function seen(of: Job, pods: readonly Pod[], more: Partial<Observed> = {}): readonly [Observed, Assessment] {
  const observed = {
    job: of,
    pods,
    settled: true,
    asked: new Set<string>(),
    released: new Set<string>(),
    backoff: NO_BACKOFF,
    now: NOW,
    ...more,
  };
  return [observed, assess(observed)];
}

/**
 * A Job, its pods, and a controller that sees them late: `server` is the truth, `view` what the informers show.
 * Writes over a newer status are refused, as the server does.
 */
export class World {
  readonly clock = new ManualClock(NOW);
  readonly server: { job: Job; readonly pods: Map<string, Pod> };
  view: { readonly job: Job; readonly pods: ReadonlyMap<string, Pod> };
  /** Uids of pods that ever ended so. */
  readonly ended = { succeeded: new Set<string>(), failed: new Set<string>() };
  /** The next so many writes fail. */
  refusals = 0;
  /** The next so many creations and deletions are carried out, and not answered. */
  losses = 0;
  deps: Deps;
  #uids = 0;
  #version = 1;

  constructor(of: Job) {
    this.server = { job: of, pods: new Map() };
    this.view = { job: of, pods: new Map() };
    this.deps = this.#freshDeps();
  }

  /** The controller is killed and comes back with nothing but what the server has. */
  crash(): void {
    this.deps = this.#freshDeps();
    this.catchUp();
  }

  /** The informers show everything; what the controller waited for is seen. */
  catchUp(): void {
    const { expectations, creations, releases } = this.deps;
    for (const [uid, { metadata }] of this.server.pods) if (!this.view.pods.has(uid)) creations.observed(KEY, metadata.name);
    for (const uid of this.view.pods.keys()) if (!this.server.pods.has(uid)) expectations.deletionObserved(KEY, uid);
    for (const [uid, { metadata }] of this.server.pods)
      if (metadata.deletionTimestamp !== undefined) expectations.deletionObserved(KEY, uid);
    for (const uid of releases.pending(KEY)) {
      const left = this.server.pods.get(uid);
      if (left === undefined || !isTracked(left)) releases.observed(KEY, uid);
    }
    this.view = { job: this.server.job, pods: new Map(this.server.pods) };
  }

  /** A kubelet or a user changes a pod. */
  change(uid: string, edit: (pod: Pod) => Pod): void {
    const before = this.server.pods.get(uid);
    if (before === undefined) return;
    const after = edit(before);
    if (after.status.phase === 'Succeeded') this.ended.succeeded.add(uid);
    else if (after.status.phase === 'Failed' || after.metadata.deletionTimestamp !== undefined) this.ended.failed.add(uid);
    const gone = after.metadata.deletionTimestamp !== undefined && !isTracked(after);
    if (gone) this.server.pods.delete(uid);
    else this.server.pods.set(uid, after);
  }

  #write(): void {
    if (this.refusals === 0) return;
    this.refusals--;
    throw conflict({ group: '', resource: 'pods' }, 'x', 'refused by the test');
  }

  #freshDeps(): Deps {
    const expectations = new Expectations(this.clock);
    const shown = { get: (name: string) => [...this.view.pods.values()].find(({ metadata }) => metadata.name === name) };
    const attempt = async (change: () => void): Promise<void> => {
      this.#write();
      change();
      if (this.losses === 0) return;
      this.losses--;
      throw new ConnectionError('no answer');
    };
    return {
      expectations,
      creations: new Creations({ shown, ids: seededIds(1), expectations }),
      releases: new Releases(),
      backoffs: new Map(),
      now: () => this.clock.now(),
      event: () => undefined,
      find: () => this.view.job,
      pods: () => Promise.resolve([...this.view.pods.values()]),
      createPod: (_, made: New<Pod>) =>
        attempt(() => {
          const { name = '', annotations } = made.metadata ?? {};
          if ([...this.server.pods.values()].some(({ metadata }) => metadata.name === name)) return; // as createOnce
          const uid = `p${this.#uids++}`;
          const empty = pod(uid);
          this.server.pods.set(uid, { ...empty, metadata: { ...empty.metadata, name, annotations: { ...annotations } } } as Pod);
        }),
      deletePod: (_, { metadata }) =>
        attempt(() =>
          this.change(metadata.uid, (found) => ({
            ...found,
            metadata: { ...found.metadata, deletionTimestamp: formatTime(this.clock.now()) },
          })),
        ),
      releasePod: ({ metadata }) =>
        attempt(() => this.change(metadata.uid, (found) => ({ ...found, metadata: { ...found.metadata, finalizers: [] } }))),
      writeStatus: async (of, status) => {
        this.#write();
        if (of.metadata.resourceVersion !== this.server.job.metadata.resourceVersion)
          throw conflict({ group: 'batch', resource: 'jobs' }, of.metadata.name, 'newer');
        this.server.job = { ...of, metadata: { ...of.metadata, resourceVersion: String(++this.#version) }, status };
        return this.server.job;
      },
    };
  }
}

export const KEY = 'ns/sum';
