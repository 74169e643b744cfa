// Times extension points, and the plugins at them. Source: framework/runtime instrumented_plugins.go, metrics_recorder.go.
import type { Clock } from '#base/clock.ts';
import type { NodeFilter, NodeScore, Plugin, PreFilterResult } from '../framework/plugin.ts';
import { type Profile, profileFrom, type WeightedPlugin } from '../framework/profile.ts';
import type { Status } from '../framework/status.ts';
import type { Labels, Metrics } from './metrics.ts';

export type Point =
  | 'PreEnqueue'
  | 'PreFilter'
  | 'Filter'
  | 'PostFilter'
  | 'PreScore'
  | 'Score'
  | 'Reserve'
  | 'Unreserve'
  | 'Permit'
  | 'PreBind'
  | 'Bind'
  | 'PostBind';

/** Points at which attempts are counted by plugin. */
export type EvaluationPoint = 'PreFilter' | 'Filter' | 'PreScore' | 'Score';

/** Plugins are timed in one attempt of so many. Source: pluginMetricsSamplePercent. */
const SAMPLED = 10;
/** Questions about single nodes that are timed in such an attempt: a pod like no other is asked about on all of them. */
const MOST_NODE_SAMPLES = 256;

const outcome = (status: Pick<Status, 'code'> | undefined): string => status?.code ?? 'Success';

export class FrameworkTimes {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  #attempts = 0;
  #isSampled = false;
  #nodeSamples = 0;
  /** By profile, the labels of its attempts. */
  readonly #batched: Readonly<Record<'hint_used' | 'no_hint', Map<string, readonly Labels[]>>> = {
    hint_used: new Map(),
    no_hint: new Map(),
  };
  readonly #evaluated: Readonly<Record<EvaluationPoint, WeakMap<readonly string[], readonly Labels[]>>> = {
    PreFilter: new WeakMap(),
    Filter: new WeakMap(),
    PreScore: new WeakMap(),
    Score: new WeakMap(),
  };

  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  /** An attempt begins. */
  begin(): void {
    this.#isSampled = this.#attempts++ % SAMPLED === 0;
    this.#nodeSamples = 0;
  }

  /** An attempt asks `plugins` at a point: a list that is kept from attempt to attempt, of one profile. */
  evaluated(point: EvaluationPoint, profile: string, plugins: readonly string[]): void {
    let each = this.#evaluated[point].get(plugins);
    if (each === undefined) {
      each = plugins.map((plugin) => ({ plugin, extension_point: point, profile }));
      this.#evaluated[point].set(plugins, each);
    }
    this.#metrics.countEach('scheduler_plugin_evaluation_total', each);
  }

  /** An attempt; `isReused`: with what is kept of pods like the one it is for. Source: metrics BatchAttemptStats. */
  batched(profile: string, isReused: boolean): void {
    const result = isReused ? 'hint_used' : 'no_hint';
    let each = this.#batched[result].get(profile);
    if (each === undefined) {
      each = [{ profile, result }];
      this.#batched[result].set(profile, each);
    }
    this.#metrics.countEach('scheduler_batch_attempts_total', each);
  }

  /** What `work` gives; it is the whole of an extension point. */
  point<T>(point: Point, profile: string, work: () => T, statusOf: (result: T) => Pick<Status, 'code'> | undefined = () => undefined): T {
    const start = this.#clock.monotonic();
    const result = work();
    this.#observePoint(point, profile, statusOf(result), start);
    return result;
  }

  async pointAsync(point: Point, profile: string, work: () => Promise<Status | undefined>): Promise<Status | undefined> {
    const start = this.#clock.monotonic();
    const status = await work();
    this.#observePoint(point, profile, status, start);
    return status;
  }

  /** The profile, with plugins that are timed. */
  metered(profile: Profile): Profile {
    const made = new Map<Plugin, Plugin>();
    const timed = (plugin: Plugin): Plugin => {
      const known = made.get(plugin) ?? this.#timed(plugin);
      made.set(plugin, known);
      return known;
    };
    const all = (list: readonly Plugin[]): readonly WeightedPlugin[] => list.map((plugin) => ({ plugin: timed(plugin), weight: 1 }));
    return profileFrom(profile.schedulerName, {
      preEnqueue: all(profile.preEnqueue),
      filter: all(profile.filter),
      postFilter: all(profile.postFilter),
      score: profile.score.map(({ plugin, weight }) => ({ plugin: timed(plugin), weight })),
      reserve: all(profile.reserve),
      permit: all(profile.permit),
      preBind: all(profile.preBind),
      bind: all(profile.bind),
      postBind: all(profile.postBind),
    });
  }

  #observePoint(point: Point, profile: string, status: Pick<Status, 'code'> | undefined, start: number): void {
    const labels = { extension_point: point, status: outcome(status), profile };
    this.#metrics.observe('scheduler_framework_extension_point_duration_seconds', labels, this.#since(start));
  }

  #timed(plugin: Plugin): Plugin {
    const { name, preFilter, postFilter, preScore, reserve, unreserve, permit, preBind, bind, postBind } = plugin;
    const time = <T>(point: Point, work: () => T, statusOf: (result: T) => Pick<Status, 'code'> | undefined): T =>
      this.#time(name, point, work, statusOf);
    const itself = (status: Status | undefined): Status | undefined => status;
    const fine = (): undefined => undefined;
    return {
      ...plugin,
      ...(preFilter && {
        preFilter: (pod, cluster) =>
          this.#timedFilter(
            name,
            time('PreFilter', () => preFilter(pod, cluster), preFilterStatus),
          ),
      }),
      ...(postFilter && {
        postFilter: (refusal, cluster) =>
          time(
            'PostFilter',
            () => postFilter(refusal, cluster),
            (result) => (result?.kind === 'nominated' ? undefined : UNSCHEDULABLE),
          ),
      }),
      ...(preScore && {
        preScore: (pod, cluster) =>
          this.#timedScore(
            name,
            time('PreScore', () => preScore(pod, cluster), fine),
          ),
      }),
      ...(reserve && { reserve: (placement) => time('Reserve', () => reserve(placement), itself) }),
      ...(unreserve && { unreserve: (placement) => time('Unreserve', () => unreserve(placement), fine) }),
      ...(permit && { permit: (placement) => time('Permit', () => permit(placement), itself) }),
      ...(preBind && { preBind: (placement, signal) => this.#timeAsync(name, 'PreBind', () => preBind(placement, signal)) }),
      ...(bind && { bind: (placement, signal) => this.#timeAsync(name, 'Bind', () => bind(placement, signal)) }),
      ...(postBind && { postBind: (placement) => time('PostBind', () => postBind(placement), fine) }),
    };
  }

  #timedFilter(plugin: string, result: PreFilterResult): PreFilterResult {
    if (result.kind !== 'filter') return result;
    const { filter } = result;
    // Filters and scores that look at other nodes are asked about every node in every cycle: their extension point is timed.
    if (filter.scope === 'cluster') return result;
    const check: NodeFilter['check'] = (slot) =>
      this.#timesNode()
        ? this.#time(
            plugin,
            'Filter',
            () => filter.check(slot),
            (status) => status,
          )
        : filter.check(slot);
    return { ...result, filter: { ...filter, check } };
  }

  #timedScore(plugin: string, score: NodeScore | undefined): NodeScore | undefined {
    if (score === undefined || score.scope === 'cluster') return score;
    const timed: NodeScore['score'] = (slot) =>
      this.#timesNode()
        ? this.#time(
            plugin,
            'Score',
            () => score.score(slot),
            () => undefined,
          )
        : score.score(slot);
    return { ...score, score: timed };
  }

  #timesNode(): boolean {
    return this.#isSampled && this.#nodeSamples++ < MOST_NODE_SAMPLES;
  }

  #time<T>(plugin: string, point: Point, work: () => T, statusOf: (result: T) => Pick<Status, 'code'> | undefined): T {
    if (!this.#isSampled) return work();
    const start = this.#clock.monotonic();
    const result = work();
    this.#observePlugin(plugin, point, statusOf(result), start);
    return result;
  }

  async #timeAsync(plugin: string, point: Point, work: () => Promise<Status | undefined>): Promise<Status | undefined> {
    if (!this.#isSampled) return work();
    const start = this.#clock.monotonic();
    const status = await work();
    this.#observePlugin(plugin, point, status, start);
    return status;
  }

  #observePlugin(plugin: string, point: Point, status: Pick<Status, 'code'> | undefined, start: number): void {
    const labels = { plugin, extension_point: point, status: outcome(status) };
    this.#metrics.observe('scheduler_plugin_execution_duration_seconds', labels, this.#since(start));
  }

  #since(start: number): number {
    return (this.#clock.monotonic() - start) / 1000;
  }
}

const UNSCHEDULABLE = { code: 'Unschedulable' } as const;

function preFilterStatus(result: PreFilterResult): Pick<Status, 'code'> | undefined {
  if (result.kind === 'skip') return { code: 'Skip' };
  return result.kind === 'rejected' ? result.status : undefined;
}
