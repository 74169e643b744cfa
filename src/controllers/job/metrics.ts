// What is counted of Jobs. Source: pkg/controller/job/metrics, recordJobFinished, recordJobPodsCreationTotal.
import { isPodTerminal } from '#api/pods.ts';
import type { Job, JobStatus, Pod } from '#api/types.ts';
import { isConditionTrue, findCondition } from '#api/conditions.ts';
import type { Clock } from '#base/clock.ts';
import type { ControllerMetrics } from '../metrics/metrics.ts';
import { Indexes } from './indexes.ts';
import { isTracked } from './pods.ts';
import { failureVerdict } from './policies.ts';

const modeOf = ({ spec }: Job): string => spec.completionMode ?? 'NonIndexed';

export class JobMetrics {
  readonly #figures: ControllerMetrics['job'];
  readonly #clock: Clock;
  /** What a pass under way has done, by Job. */
  readonly #done = new Map<string, 'pods_created' | 'pods_deleted'>();

  constructor({ job }: ControllerMetrics, clock: Clock) {
    this.#figures = job;
    this.#clock = clock;
  }

  /** Times one pass; `settled`: all that was done before has been seen. */
  async timed<T>(key: string, job: Job | undefined, settled: boolean, work: () => Promise<T>): Promise<T> {
    if (job === undefined) return work();
    const since = this.#clock.monotonic();
    const count = (result: 'success' | 'error'): void => {
      const labels = [modeOf(job), result, this.#done.get(key) ?? (settled ? 'tracking' : 'reconciling')];
      this.#done.delete(key);
      this.#figures.syncSeconds.of(...labels).observe((this.#clock.monotonic() - since) / 1000);
      this.#figures.syncs.of(...labels).add();
    };
    try {
      const answer = await work();
      count('success');
      return answer;
    } catch (error) {
      count('error');
      throw error;
    }
  }

  created({ spec, status }: Job, key: string, result: 'succeeded' | 'failed'): void {
    this.#done.set(key, 'pods_created');
    const [failed, terminating] = [status.failed ?? 0, status.terminating ?? 0];
    const again = spec.podReplacementPolicy === 'Failed' && failed > 0 ? 'recreate_failed' : 'recreate_terminating_or_failed';
    this.#figures.podsCreated.of(failed > 0 || terminating > 0 ? again : 'new', result).add();
  }

  deleted(key: string): void {
    this.#done.set(key, 'pods_deleted');
  }

  /** From one status to the next: what has been counted for good in between, and whether the Job is over now. */
  wrote(job: Job, status: JobStatus): void {
    const mode = modeOf(job);
    const add = (result: 'succeeded' | 'failed'): void => {
      const more = (status[result] ?? 0) - (job.status[result] ?? 0);
      if (more > 0) this.#figures.podsFinished.of(mode, result).add(more);
    };
    add('succeeded');
    add('failed');
    this.#countIndexes(job, status);
    for (const [type, result] of [
      ['Complete', 'succeeded'],
      ['Failed', 'failed'],
    ] as const) {
      if (!isConditionTrue(status.conditions, type) || isConditionTrue(job.status.conditions, type)) continue;
      this.#figures.finished.of(mode, result, findCondition(status.conditions, type)?.reason ?? '').add();
    }
  }

  #countIndexes({ spec, status: before }: Job, status: JobStatus): void {
    if (spec.completionMode !== 'Indexed') return;
    const limit = spec.backoffLimitPerIndex === undefined ? 'global' : 'perIndex';
    const size = (text: string | undefined): number => Indexes.parse(text, spec.completions ?? 0).size;
    const succeeded = size(status.completedIndexes) - size(before.completedIndexes);
    const failed = size(status.failedIndexes) - size(before.failedIndexes);
    if (succeeded > 0) this.#figures.finishedIndexes.of('succeeded', limit).add(succeeded);
    if (failed > 0) this.#figures.finishedIndexes.of('failed', limit).add(failed);
  }

  /** A failed pod that was counted, or was not. Source: recordJobPodFailuresHandledByFailurePolicy. */
  released(pod: Pod, job: Job | undefined): void {
    if (job === undefined || pod.status.phase !== 'Failed') return;
    const action = failureVerdict(job, pod)?.action;
    if (action !== undefined) this.#figures.failuresHandled.of(action).add();
  }

  appeared({ spec }: Job, own: string): void {
    if (spec.managedBy !== undefined && spec.managedBy !== own) this.#figures.external.of(spec.managedBy).add();
  }

  /** A terminated pod that got or lost the finalizer; there is no `pod` when it went, no `previous` when it came. */
  podChanged(pod: Pod | undefined, previous: Pod | undefined): void {
    const [is, was] = [pod, previous].map((each) => each !== undefined && isPodTerminal(each) && isTracked(each));
    if (is !== was) this.#figures.trackingFinalizers.of(is === true ? 'add' : 'delete').add();
  }
}
