// Lets one of several copies of a component work: holds a Lease, renews it, and stops the work when it cannot.
import { wait, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { leases } from '#api/resources.ts';
import type { Lease } from '#api/types.ts';
import type { Client } from '../contract.ts';
import { deadline } from '../deadline.ts';
import type { EventRecorder } from '../events/event-recorder.ts';
import type { LeaderMetrics } from './leader-metrics.ts';
import { holderOf, observe, planAttempt, planClaim, released, type Candidate, type Observed } from './election-plan.ts';

/** Milliseconds. Source: component-base config/v1alpha1 RecommendedDefaultLeaderElectionConfiguration. */
export interface ElectionTimes {
  /** Others wait this long after the last sign of a leader. */
  readonly leaseDurationMs: number;
  /** A leader that could not renew for this long stops leading. */
  readonly renewDeadlineMs: number;
  /** Between attempts. */
  readonly retryPeriodMs: number;
}

export const DEFAULT_ELECTION_TIMES: ElectionTimes = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

/** Source: leaderelection.JitterFactor. */
const JITTER = 1.2;

export interface LeaderElectorOptions {
  readonly client: Client;
  /** The Lease: `kube-system` and the component's name. */
  readonly namespace: string;
  readonly name: string;
  /** Unique to this copy: the host name and a UUID. */
  readonly identity: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly times?: ElectionTimes;
  readonly recorder?: EventRecorder;
  /** Called with each leader that differs from the one before, the own identity included. */
  readonly onNewLeader?: (identity: string) => void;
  readonly metrics?: LeaderMetrics;
}

/** `lost`: another may lead now. `stopped`: the signal was aborted. `finished`: the work ended by itself. */
export type ElectionEnd = 'lost' | 'stopped' | 'finished';

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #times: ElectionTimes;
  #observed: Observed | undefined;
  #reported = '';

  /** @throws RangeError when the times leave no room for a retry */
  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#times = options.times ?? DEFAULT_ELECTION_TIMES;
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#times;
    if (options.identity === '') throw new RangeError('Lock identity is empty');
    if (leaseDurationMs <= renewDeadlineMs) throw new RangeError('leaseDuration must be greater than renewDeadline');
    if (renewDeadlineMs <= retryPeriodMs * JITTER) throw new RangeError('renewDeadline must be greater than retryPeriod*JitterFactor');
    options.metrics?.leads(options.name, false);
  }

  /** The last leader seen; empty before the first. */
  get leader(): string {
    return holderOf(this.#observed);
  }

  get isLeader(): boolean {
    return this.leader === this.#options.identity;
  }

  /** False when this copy leads but its Lease ran out more than `toleratedMs` ago: it hangs. Source: LeaderElector.Check. */
  healthy(toleratedMs: number): boolean {
    if (!this.isLeader || this.#observed === undefined) return true;
    return this.#options.clock.monotonic() - this.#observed.at <= this.#times.leaseDurationMs + toleratedMs;
  }

  /**
   * Waits for the lead, then runs `lead` until it ends, the lead is lost, or `signal` is aborted. The signal given to
   * `lead` is aborted first, and the Lease is given up only after `lead` has settled, so no two copies ever work at
   * the same time. @throws what `lead` throws
   */
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<ElectionEnd> {
    if (!(await this.#acquire(signal))) return 'stopped';
    const work = new AbortController();
    const worked = lead(work.signal);
    // It is awaited below in any case; until then its rejection is not unheard.
    worked.catch(() => undefined);
    const renewing = new AbortController();
    const { metrics, name } = this.#options;
    metrics?.leads(name, true);
    const end = await Promise.race([
      worked.then<ElectionEnd, ElectionEnd>(
        () => 'finished',
        () => 'finished',
      ),
      this.#renewUntilLost(AbortSignal.any([signal, renewing.signal])),
    ]);
    renewing.abort(new Error('the work has ended'));
    work.abort(signal.aborted ? signal.reason : new Error('the lead was lost'));
    try {
      await worked;
    } finally {
      metrics?.leads(name, false);
      if (end !== 'lost') await this.#release();
      this.#record('stopped leading');
    }
    return end;
  }

  /** False when stopped before. */
  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, identity, ids, logger, name } = this.#options;
    logger.info('attempting to acquire leader lease', { lease: name, identity });
    while (!signal.aborted) {
      const acquired = await this.#attempt(this.#times.renewDeadlineMs, signal);
      this.#reportLeader();
      if (acquired) {
        logger.info('successfully acquired lease', { lease: name });
        this.#record('became leader');
        return true;
      }
      await wait(clock, this.#times.retryPeriodMs * (1 + JITTER * ids.fraction()), signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
    return false;
  }

  async #renewUntilLost(signal: AbortSignal): Promise<ElectionEnd> {
    const { clock, logger, name } = this.#options;
    let renewedAt = clock.monotonic();
    for (;;) {
      await wait(clock, this.#times.retryPeriodMs, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      if (signal.aborted) return 'stopped';
      const left = renewedAt + this.#times.renewDeadlineMs - clock.monotonic();
      const renewed = left > 0 && (await this.#attempt(left, signal));
      this.#reportLeader();
      if (renewed) renewedAt = clock.monotonic();
      else if (signal.aborted) return 'stopped';
      else if (clock.monotonic() - renewedAt >= this.#times.renewDeadlineMs || !this.isLeader) {
        logger.error('failed to renew lease', { lease: name, leader: this.leader });
        return 'lost';
      }
    }
  }

  /** One try to get or keep the Lease, given up after `limitMs`. */
  async #attempt(limitMs: number, outer: AbortSignal): Promise<boolean> {
    const { clock, logger, metrics, name } = this.#options;
    const limit = deadline(clock, limitMs, 'the lease could not be written in time', outer);
    try {
      const attempt = planAttempt(this.#observed, this.#me());
      if (attempt.kind === 'renew') {
        const done = await this.#renew(attempt.spec, limit.signal);
        if (done) return true;
        metrics?.slowPath(name);
      }
      return await this.#claim(limit.signal);
    } catch (error) {
      if (!outer.aborted) logger.warn('leader election attempt failed', { lease: name, error });
      return false;
    } finally {
      limit.cancel();
    }
  }

  /** False when somebody else wrote the Lease: it must be read. */
  async #renew(spec: Lease['spec'], signal: AbortSignal): Promise<boolean> {
    const { client, clock } = this.#options;
    const { lease } = this.#observed as Observed;
    try {
      const written = await client.update(leases, { ...lease, spec }, { signal });
      this.#observed = { lease: written, at: clock.monotonic() };
      return true;
    } catch (error) {
      if (isStatusError(error, 'Conflict') || isStatusError(error, 'NotFound')) return false;
      throw error;
    }
  }

  async #claim(signal: AbortSignal): Promise<boolean> {
    const { client, clock, namespace, name } = this.#options;
    const found = await this.#read(signal);
    this.#observed = found === undefined ? undefined : observe(this.#observed, found, clock.monotonic());
    const claim = planClaim(this.#observed, this.#me());
    if (claim.kind === 'wait') return false;
    const written =
      claim.kind === 'create'
        ? await client.create(leases, { metadata: { name, namespace }, spec: claim.spec }, { signal })
        : await client.update(leases, { ...(found as Lease), spec: claim.spec }, { signal });
    this.#observed = { lease: written, at: clock.monotonic() };
    return true;
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get(leases, { namespace, name }, { signal });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Source: LeaderElector.release: a conflict means a renewal was under way, so it is tried again. */
  async #release(): Promise<void> {
    const { client, clock, identity, logger, name } = this.#options;
    const limit = deadline(clock, this.#times.renewDeadlineMs, 'the lease could not be released in time');
    try {
      while (!limit.signal.aborted) {
        const lease = await this.#read(limit.signal);
        const spec = lease === undefined ? undefined : released(lease, identity, clock.now());
        if (lease === undefined || spec === undefined) return;
        try {
          this.#observed = { lease: await client.update(leases, { ...lease, spec }, { signal: limit.signal }), at: clock.monotonic() };
          return;
        } catch (error) {
          if (!isStatusError(error, 'Conflict')) throw error;
        }
      }
    } catch (error) {
      logger.warn('failed to release lease', { lease: name, error });
    } finally {
      limit.cancel();
    }
  }

  #me(): Candidate {
    const { identity, clock } = this.#options;
    return { identity, leaseDurationMs: this.#times.leaseDurationMs, now: clock.monotonic(), wallMs: clock.now() };
  }

  #record(what: string): void {
    const { recorder, identity } = this.#options;
    if (this.#observed !== undefined) recorder?.event(this.#observed.lease, 'Normal', 'LeaderElection', `${identity} ${what}`);
  }

  #reportLeader(): void {
    if (this.leader === this.#reported) return;
    this.#reported = this.leader;
    this.#options.logger.info('leader changed', { lease: this.#options.name, leader: this.leader });
    this.#options.onNewLeader?.(this.leader);
  }
}
