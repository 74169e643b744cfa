// API priority and fairness: every request belongs to a flow of a priority level, and gets seats of that level.
// Source: apiserver pkg/server/filters priority-and-fairness.go, pkg/util/flowcontrol apf_controller.go.
import type { FlowSchema, PolicyRulesWithSubjects, PriorityLevelConfiguration } from '#api/gen/flowcontrol-v1.ts';
import { flowschemas, prioritylevelconfigurations } from '#api/resources.ts';
import { OverloadError } from '../stages/overload.ts';
import { Lru } from '#base/lru.ts';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { CacheReader } from '../cache/reader.ts';
import { isReadOnlyVerb, type RequestContext } from '../request.ts';
import type { FlowControl } from '../stages/flow-control.ts';
import { isLongRunning } from '../stages/request-info.ts';
import { borrow, nominalLimits, sharesOf } from './allocation.ts';
import { CATCH_ALL, EXEMPT, FLOW_SCHEMAS, PRIORITY_LEVELS } from './defaults.ts';
import type { HookDone } from '../routes/post-start-hooks.ts';
import { DefaultsKeeper } from './keeper.ts';
import { PriorityLevel } from './level.ts';
import { matches, matchingOrder, rulesOf } from './match.ts';
import { FlowMetrics, type FlowSeries } from './metrics.ts';
import type { Occupant, Refusal } from './queue-set.ts';
import { hash53 } from './shuffle-sharding.ts';
import { DanglingStatus } from './status.ts';
import { workOf, type Load } from './work.ts';

/** Between adjustments of what levels lend each other, milliseconds. Source: borrowingAdjustmentPeriod. */
const PERIOD_MS = 10_000;
/** Of a request's time the part it may wait in a queue, what it is for one without an end, and the most, milliseconds. Source: getRequestWaitContext. */
const WAITING_PART = 1 / 4;
const USUAL_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 60_000;
/** Flows whose hash is kept. */
const KNOWN_FLOWS = 4_096;
/** Users whose schemas are remembered. */
const MAX_USERS = 4_096;
/** Of a user or a flow that is remembered: clients choose namespaces and whom they speak for. Characters. */
const MAX_KEY = 2_048;

export interface PriorityAndFairnessDeps {
  readonly reader: CacheReader;
  readonly clock: Clock;
  readonly logger: Logger;
  /** As a member of system:masters. */
  readonly client: () => Client;
  /** Seats of the server. Source: --max-requests-inflight plus --max-mutating-requests-inflight. */
  readonly seats: number;
  /** Of `pods`, `deployments.apps`. */
  readonly loadOf: (resource: string) => Load | undefined;
}

/** A schema, ready to be matched. */
interface Flow {
  readonly schema: FlowSchema;
  readonly level: PriorityLevel;
  readonly headers: Readonly<Record<string, string>>;
  readonly series: FlowSeries;
}

interface Candidate {
  readonly flow: Flow;
  readonly rules: readonly PolicyRulesWithSubjects[];
}

/** What the debugging pages show of a request. */
export interface Seated extends Occupant {
  readonly context: RequestContext;
  readonly flow: string;
  readonly schema: string;
}

export class PriorityAndFairness implements FlowControl {
  readonly hooks = [
    'priority-and-fairness-config-consumer',
    'priority-and-fairness-filter',
    'priority-and-fairness-config-producer',
  ] as const;
  readonly metrics = new FlowMetrics();
  readonly #deps: PriorityAndFairnessDeps;
  readonly #levels = new Map<string, PriorityLevel>();
  readonly #hashes = new Lru<string, number>(KNOWN_FLOWS);
  readonly #status: DanglingStatus;
  readonly #keeper: DefaultsKeeper;
  #flows: readonly Flow[] = [];
  /** What of the flows concerns a user; new with every configuration. By name and groups: who impersonates is a new object each time. */
  readonly #candidates = new Lru<string, readonly Candidate[]>(MAX_USERS);
  #stopTimer: CancelTimer | undefined;
  #cancelDigest: CancelTimer | undefined;
  #unsubscribe: readonly (() => void)[] = [];
  #reads = 0;
  #writes = 0;

  constructor(deps: PriorityAndFairnessDeps) {
    this.#deps = deps;
    this.#status = new DanglingStatus(deps);
    this.#keeper = new DefaultsKeeper(deps);
    this.#digest([], []);
  }

  get inFlight(): { readonly readOnly: number; readonly mutating: number } {
    return { readOnly: this.#reads, mutating: this.#writes };
  }

  get levels(): Iterable<PriorityLevel> {
    return this.#levels.values();
  }

  expose(): string {
    return this.metrics.expose(this.levels);
  }

  start(done: HookDone): void {
    const { reader, clock } = this.#deps;
    this.#unsubscribe = [
      reader.onChange(flowschemas, () => this.#changed()),
      reader.onChange(prioritylevelconfigurations, () => this.#changed()),
    ];
    this.#read();
    const adjust = (): void => {
      this.#borrow();
      this.#stopTimer = clock.after(PERIOD_MS, adjust);
    };
    this.#stopTimer = clock.after(PERIOD_MS, adjust);
    done('priority-and-fairness-config-consumer');
    done('priority-and-fairness-filter');
    this.#keeper.start(() => done('priority-and-fairness-config-producer'));
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#stopTimer?.();
    this.#cancelDigest?.();
    await Promise.all([this.#keeper.stop(), this.#status.stop()]);
  }

  admit(context: RequestContext): (() => void) | undefined | Promise<(() => void) | undefined> {
    const { info } = context;
    // Callers in this process bound themselves.
    if (context.transport === 'loopback' || (info.verb !== 'watch' && isLongRunning(info))) return undefined;
    const { flow, distinguisher } = this.#classify(context);
    const { level } = flow;
    context.addHeaders(flow.headers);
    const resource = info.group === '' ? info.resource : `${info.resource}.${info.group}`;
    const work = workOf(info, context.query, level.widest, () => this.#deps.loadOf(resource));
    flow.series.seats.observe(Math.max(work.seats, work.finalSeats));
    const occupant: Seated = {
      work,
      hash: this.#hash(`${flow.schema.metadata.name}/${distinguisher}`),
      waitMs: waitOf(context),
      signal: () => context.signal,
      context,
      flow: distinguisher,
      schema: flow.schema.metadata.name,
    };
    const entered = level.queues.enter(occupant);
    if (!(entered instanceof Promise)) return this.#settle(entered, occupant, flow, 0);
    const since = this.#deps.clock.monotonic();
    flow.series.waiting++;
    return entered.then((refusal) => {
      flow.series.waiting--;
      return this.#settle(refusal, occupant, flow, this.#deps.clock.monotonic() - since);
    });
  }

  /** @throws OverloadError */
  #settle(refusal: Refusal | undefined, occupant: Seated, { level, series }: Flow, waitedMs: number): () => void {
    const { clock } = this.#deps;
    series.waited(refusal === undefined, waitedMs);
    occupant.context.waited(waitedMs);
    if (refusal !== undefined) {
      series.rejected(refusal);
      level.retryAfter.refused(Math.floor(clock.now() / 1_000));
      throw new OverloadError(level.retryAfter.seconds);
    }
    const readOnly = isReadOnlyVerb(occupant.context.info.verb);
    if (readOnly) this.#reads++;
    else this.#writes++;
    series.executing++;
    series.executingSeats += occupant.work.seats;
    series.dispatched.add();
    const since = clock.monotonic();
    let over = false;
    return () => {
      if (over) return; // a watch gives its seats back when it has begun
      over = true;
      if (readOnly) this.#reads--;
      else this.#writes--;
      series.executing--;
      series.executingSeats -= occupant.work.seats;
      series.executed(occupant.context.info.verb === 'watch', clock.monotonic() - since);
      level.queues.leave(occupant);
    };
  }

  #classify({ user, info }: RequestContext): { readonly flow: Flow; readonly distinguisher: string } {
    const key = `${user.name}\0${user.groups.join('\0')}`;
    let candidates = this.#candidates.get(key);
    if (candidates === undefined) {
      candidates = this.#flows.map((flow) => ({ flow, rules: rulesOf(flow.schema, user) })).filter(({ rules }) => rules.length > 0);
      if (key.length <= MAX_KEY) this.#candidates.set(key, candidates);
    }
    for (const { flow, rules } of candidates) {
      for (const rule of rules) if (matches(rule, info)) return { flow, distinguisher: distinguisherOf(flow.schema, user, info.namespace) };
    }
    // The catch-all matches everybody with a group; who has none belongs there too. Source: startRequest.
    const flow = this.#flows.at(-1) as Flow;
    return { flow, distinguisher: distinguisherOf(flow.schema, user, info.namespace) };
  }

  #hash(flow: string): number {
    const known = this.#hashes.get(flow);
    if (known !== undefined) return known;
    const hash = hash53(flow);
    if (flow.length <= MAX_KEY) this.#hashes.set(flow, hash);
    return hash;
  }

  /** Changes come in groups: they are taken in together, in a later turn. */
  #changed(): void {
    this.#cancelDigest ??= this.#deps.clock.after(0, () => {
      this.#cancelDigest = undefined;
      this.#read();
    });
  }

  #read(): void {
    const { reader } = this.#deps;
    const schemas = [...reader.list(flowschemas)] as readonly FlowSchema[];
    const levels = [...reader.list(prioritylevelconfigurations)] as readonly PriorityLevelConfiguration[];
    this.#digest(schemas, levels);
    this.#status.settle(schemas, (name) => this.#levels.get(name)?.quiescing === false);
    this.#keeper.look();
  }

  /** Source: digestConfigObjects. */
  #digest(schemas: readonly FlowSchema[], configurations: readonly PriorityLevelConfiguration[]): void {
    const given = new Set(configurations.map(({ metadata }) => metadata.name));
    const imagined = PRIORITY_LEVELS.mandatory.filter(
      ({ metadata }) => !given.has(metadata.name),
    ) as unknown as readonly PriorityLevelConfiguration[];
    const all = [...configurations, ...imagined];
    for (const { metadata, spec } of all) {
      let level = this.#levels.get(metadata.name);
      if (level === undefined) this.#levels.set(metadata.name, (level = new PriorityLevel(metadata.name, spec, this.#deps.clock)));
      level.spec = spec;
      level.uid = metadata.uid ?? '';
      level.quiescing = false;
    }
    const wanted = new Set(all.map(({ metadata }) => metadata.name));
    for (const level of this.#levels.values()) {
      if (wanted.has(level.name)) continue;
      level.quiescing = true;
      if (level.queues.idle) this.#levels.delete(level.name);
    }
    const levels = [...this.#levels.values()];
    const limits = nominalLimits(
      levels.map(({ spec }) => sharesOf(spec)),
      this.#deps.seats,
    );
    levels.forEach((level, i) => level.limit(limits[i] as (typeof limits)[number]));
    this.#flows = this.#flowsOf(schemas);
    this.#candidates.clear();
  }

  #flowsOf(schemas: readonly FlowSchema[]): readonly Flow[] {
    const good = schemas.filter(({ spec }) => this.#levels.get(spec.priorityLevelConfiguration.name)?.quiescing === false);
    const missing = (name: string): readonly FlowSchema[] =>
      good.some(({ metadata }) => metadata.name === name)
        ? []
        : (FLOW_SCHEMAS.mandatory.filter(({ metadata }) => metadata.name === name) as unknown as readonly FlowSchema[]);
    const ordered = [...missing(EXEMPT), ...good.toSorted(matchingOrder), ...missing(CATCH_ALL)];
    return ordered.map((schema) => {
      const level = this.#levels.get(schema.spec.priorityLevelConfiguration.name) as PriorityLevel;
      return {
        schema,
        level,
        headers: {
          'x-kubernetes-pf-flowschema-uid': schema.metadata.uid ?? '',
          'x-kubernetes-pf-prioritylevel-uid': level.uid,
        },
        series: this.metrics.series(level.name, schema.metadata.name),
      };
    });
  }

  #borrow(): void {
    const now = this.#deps.clock.monotonic();
    const levels = [...this.#levels.values()];
    const demands = levels.map(({ limits, exempt, demand }) => ({ limits, exempt, ...demand.period(now) }));
    const { current, targets, fairFraction } = borrow(demands);
    this.metrics.fairFraction = fairFraction;
    levels.forEach((level, i) => {
      level.target = targets[i] as number;
      level.apply(current[i] as number);
    });
    for (const level of levels) if (level.quiescing && level.queues.idle) this.#levels.delete(level.name);
  }
}

/** Counted from now: what went by before is part of it. */
function waitOf({ limitMs, elapsedMs }: RequestContext): number {
  const whole = limitMs === undefined ? USUAL_WAIT_MS : Math.min(limitMs * WAITING_PART, LONGEST_WAIT_MS);
  return Math.max(0, whole - elapsedMs);
}

function distinguisherOf({ spec }: FlowSchema, user: UserInfo, namespace: string): string {
  switch (spec.distinguisherMethod?.type) {
    case 'ByUser':
      return user.name;
    case 'ByNamespace':
      return namespace;
    default:
      return '';
  }
}
