// Keeps a copy of a resource current: carries out what ./reflector-plan.ts decides and hands the result to a sink.
import { wait, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { assertNever } from '#base/assert-never.ts';
import type { BackoffState } from '../backoff.ts';
import { nextDelay } from '../backoff.ts';
import { ConnectionError, type Client, type WatchEvent, type WatchStream } from '../contract.ts';
import type { InformerScope } from '../informer-contract.ts';
import { listPages } from '../pager.ts';
import { Turns } from '../turns.ts';
import type { Placed } from './index-store.ts';
import { type Decision, decide, firstStep, INITIAL_STATE, type Outcome, PAUSES, type Step } from './reflector-plan.ts';

/** Where a reflector puts what it learns, in order. */
export interface ReflectorSink<T> {
  /** Everything there is, complete up to `resourceVersion`. */
  replace(objects: readonly T[], resourceVersion: string): void;
  /** One change; afterwards the copy is complete up to the object's resourceVersion. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void;
  /** Nothing changed up to `resourceVersion`. */
  bookmark(resourceVersion: string): void;
}

export interface ReflectorOptions<T extends Placed> {
  readonly client: Client;
  readonly resource: Resource<T>;
  readonly scope: InformerScope;
  /** See ListOptions. */
  readonly managedFields: boolean;
  readonly sink: ReflectorSink<T>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** A watch is ended by the server after a random time between these, seconds. Source: defaultMinWatchTimeout, defaultMaxWatchTimeout. */
const MIN_WATCH_SECONDS = 300;
const MAX_WATCH_SECONDS = 600;

/** Events between two looks at the clock. */
const EVENTS_PER_LOOK = 64;

/** Runs until `signal` is aborted; never rejects: what fails is logged and tried again. */
export async function runReflector<T extends Placed>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  const { clock, ids, logger } = options;
  let decision = firstStep(INITIAL_STATE);
  let backoff: BackoffState | undefined = undefined;
  let paused: Decision['pause'] = 'none';
  while (!signal.aborted) {
    const outcome = await carryOut(options, decision.step, signal);
    if (signal.aborted) return;
    report(logger, decision.step, outcome);
    decision = decide(decision.state, decision.step, outcome);
    const { pause } = decision;
    // A server that answers, even with a fault, is there again: the next time that nobody listens is another one.
    if (pause !== paused && (pause === 'refused' || paused === 'refused')) backoff = undefined;
    paused = pause;
    if (pause === 'none') continue;
    const next = nextDelay(PAUSES[pause], backoff, clock.monotonic(), ids.fraction());
    backoff = next.state;
    await wait(clock, next.delayMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

function carryOut<T extends Placed>(options: ReflectorOptions<T>, step: Step, signal: AbortSignal): Promise<Outcome> {
  switch (step.kind) {
    case 'list':
      return list(options, step, signal);
    case 'watch':
      return watch(options, step, signal);
    case 'stream-list':
      return streamList(options, step, signal);
    default:
      return assertNever(step);
  }
}

async function list<T extends Placed>(
  { client, resource, scope, managedFields, sink }: ReflectorOptions<T>,
  step: Step & { kind: 'list' },
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const { resourceVersion, pageSize } = step;
    const at = resourceVersion === '' ? {} : { resourceVersion };
    const {
      items,
      resourceVersion: version,
      paginated,
    } = await listPages(client, resource, { ...scope, ...at, managedFields, signal }, pageSize);
    sink.replace(items, version);
    return { kind: 'listed', resourceVersion: version, paginated };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

function open<T extends Placed>(
  { client, resource, scope, managedFields, ids }: ReflectorOptions<T>,
  step: Step,
  signal: AbortSignal,
): WatchStream<T> {
  return client.watch(resource, {
    ...scope,
    ...(step.resourceVersion === '' ? {} : { resourceVersion: step.resourceVersion }),
    ...(step.kind === 'stream-list' ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } : {}),
    allowWatchBookmarks: true,
    managedFields,
    timeoutSeconds: Math.floor(MIN_WATCH_SECONDS + ids.fraction() * (MAX_WATCH_SECONDS - MIN_WATCH_SECONDS)),
    signal,
  });
}

/** How far a stream got, kept outside it so that a break loses nothing. */
interface Progress {
  resourceVersion: string;
  events: number;
}

async function watch<T extends Placed>(options: ReflectorOptions<T>, step: Step, signal: AbortSignal): Promise<Outcome> {
  const started = options.clock.monotonic();
  const progress: Progress = { resourceVersion: step.resourceVersion, events: 0 };
  const error = await consume(open(options, step, signal), options.clock, (event) => follow(options.sink, event, progress));
  return {
    kind: 'ended',
    synced: true,
    ...progress,
    lastedMs: options.clock.monotonic() - started,
    ...(error === undefined ? {} : { error }),
  };
}

async function streamList<T extends Placed>(options: ReflectorOptions<T>, step: Step, signal: AbortSignal): Promise<Outcome> {
  const { sink, clock } = options;
  const started = clock.monotonic();
  const progress: Progress = { resourceVersion: step.resourceVersion, events: 0 };
  /** Until the list is complete. */
  let collected: Map<string, T> | undefined = new Map();
  const error = await consume(open(options, step, signal), options.clock, (event) => {
    if (collected === undefined) return follow(sink, event, progress);
    progress.events++;
    if (event.type !== 'BOOKMARK') return collect(collected, event);
    if (!event.initialEventsEnd) return;
    sink.replace([...collected.values()], event.resourceVersion);
    progress.resourceVersion = event.resourceVersion;
    collected = undefined;
  });
  const synced = (collected as Map<string, T> | undefined) === undefined;
  return { kind: 'ended', synced, ...progress, lastedMs: clock.monotonic() - started, ...(error === undefined ? {} : { error }) };
}

function collect<T extends Placed>(
  collected: Map<string, T>,
  { type, object }: Exclude<WatchEvent<T>, { readonly type: 'BOOKMARK' }>,
): void {
  const { name, namespace } = object.metadata;
  const key = namespace === undefined ? name : `${namespace}/${name}`;
  if (type === 'DELETED') collected.delete(key);
  else collected.set(key, object);
}

function follow<T extends Placed>(sink: ReflectorSink<T>, event: WatchEvent<T>, progress: Progress): void {
  progress.events++;
  if (event.type === 'BOOKMARK') {
    sink.bookmark(event.resourceVersion);
    progress.resourceVersion = event.resourceVersion;
    return;
  }
  sink.apply(event.type, event.object);
  progress.resourceVersion = event.object.metadata.resourceVersion;
}

/** Resolves with the error that ended the stream, or undefined when the server closed it. */
async function consume<T>(stream: WatchStream<T>, clock: Clock, take: (event: WatchEvent<T>) => void): Promise<unknown> {
  const turns = new Turns(clock);
  let taken = 0;
  try {
    for await (const event of stream) {
      take(event);
      if (++taken % EVENTS_PER_LOOK === 0 && turns.due) await turns.next();
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

function report(logger: Logger, step: Step, outcome: Outcome): void {
  const error = outcome.kind === 'listed' ? undefined : outcome.error;
  if (error === undefined) return;
  const fields = { step: step.kind, resourceVersion: step.resourceVersion, error };
  // A broken connection, an expired version and a server without streaming lists are all in a day's work.
  const usual =
    error instanceof ConnectionError || isStatusError(error, 'Expired') || isStatusError(error, 'Gone') || step.kind === 'stream-list';
  if (usual) logger.debug('reflector: stream ended', fields);
  else logger.warn('reflector: list or watch failed', fields);
}
