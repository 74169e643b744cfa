// The scheduler: watches pods and nodes, and gives every pod that waits a node. Source: pkg/scheduler scheduler.go.
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { namespaces, nodes, poddisruptionbudgets, pods } from '#api/resources.ts';
import type { Client } from '#client/contract.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import { SeriesEventRecorder } from '#client/events/series-recorder.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import { readConfiguration } from './config/configuration.ts';
import { PodPlacer } from './cycle/place-pod.ts';
import { Extenders } from './extenders/extenders.ts';
import { HttpExtender } from './extenders/http-extender.ts';
import { bindingFirst } from './framework/profile.ts';
import { timeEvents, timeHints } from './metrics/event-times.ts';
import { type Gauges, type Metrics, noMetrics } from './metrics/metrics.ts';
import { FrameworkTimes } from './metrics/times.ts';
import { ClaimWriter } from './plugins/dynamic-resources/claim-writer.ts';
import type { DynamicResourcesDeps } from './plugins/dynamic-resources/dynamic-resources.ts';
import { prioritySort } from './plugins/priority-sort.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { attemptPod, beginAttempt } from './shell/attempt.ts';
import type { ActiveProfile, AttemptDeps } from './shell/attempt-contract.ts';
import { Binder } from './shell/binder.ts';
import { Budgets } from './shell/budgets.ts';
import { namespaceHandlers, nodeHandlers, podHandlers } from './shell/cluster-handlers.ts';
import type { ChangeListener } from './shell/change-events.ts';
import { watchDevices } from './shell/device-informers.ts';
import { ExtendedAttempts } from './shell/extended-attempt.ts';
import { Evictor } from './shell/evictor.ts';
import { watchGroups } from './shell/group-selector.ts';
import { SchedulingLoop } from './shell/scheduling-loop.ts';
import { StatusWriter } from './shell/status-writer.ts';
import { watchStorage } from './shell/storage-informers.ts';
import { ClusterState } from './state/cluster-state.ts';

export interface SchedulerOptions {
  /** With the identity `system:kube-scheduler`. */
  readonly client: Client;
  /** Started by whoever made it; may be shared with other components. */
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** A KubeSchedulerConfiguration (v1) as decoded; absent: upstream's defaults. */
  readonly config?: unknown;
  readonly metrics?: Metrics;
  /** Absent: as upstream has them by default. */
  readonly gates?: FeatureGates;
  /** Where events of a profile go; the API server by default. */
  readonly recorder?: (schedulerName: string) => EventRecorder;
}

export interface Scheduler {
  /** Resolves when the informers have synced and pods are being scheduled. With several copies, only the leader starts. */
  start(): Promise<void>;
  /** Rejects when it schedules no more, by a fault that nobody expected: it is to be stopped, and another one made. */
  readonly broken: Promise<never>;
  /** Resolves when nothing is under way any more. A stopped scheduler is not started again. */
  stop(): Promise<void>;
}

/** Source: DefaultPodMaxInUnschedulablePodsDuration. */
const MAX_UNSCHEDULABLE_MS = 5 * 60 * 1000;

/** @throws ConfigurationError; Error when a file of an extender's TLS configuration cannot be read */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const {
    podInitialBackoffSeconds,
    podMaxBackoffSeconds,
    extenders: extenderConfigs,
    profiles: makeProfiles,
  } = readConfiguration(options.config);
  const { client, informers, clock, ids, logger, metrics = noMetrics, gates = new FeatureGates('') } = options;
  const stopped = new AbortController();
  const broken = Promise.withResolvers<never>();
  const podInformer = informers.informer(pods);
  const nodeInformer = informers.informer(nodes);
  const cluster = new ClusterState();
  const { nominator } = cluster;
  const times = new FrameworkTimes(metrics, clock);
  const time = timeEvents({ clock, logger, metrics });
  const extenders = new Extenders(
    extenderConfigs.map((config) => new HttpExtender(config, clock)),
    logger,
  );
  const statuses = new StatusWriter(client, logger);
  const binder = new Binder(times, ({ pod, node: nominatedNodeName }) => statuses.write(pod, { status: { nominatedNodeName } }));
  const recorders: SeriesEventRecorder[] = [];
  const recorder = options.recorder ?? recordToServer;

  function recordToServer(component: string): EventRecorder {
    const made = new SeriesEventRecorder({ client, component, clock, ids, logger, signal: stopped.signal });
    recorders.push(made);
    return made;
  }

  const profiles = new Map<string, ActiveProfile>();
  const budgetInformer = informers.informer(poddisruptionbudgets);
  const budgets = new Budgets(budgetInformer);
  const namespaceInformer = informers.informer(namespaces);
  const namespaceLabels = (name: string) => namespaceInformer.get(name)?.metadata.labels;
  const groups = watchGroups(informers);
  const stored = watchStorage(informers);
  const watchedDevices = watchDevices(informers, cluster, { taintRules: gates.isOn('DRADeviceTaintRules') });
  const claimWriter = new ClaimWriter({ client, clock, ids, logger, metrics });
  const node = (name: string) => nodeInformer.get(name);
  const devices: DynamicResourcesDeps = {
    ...watchedDevices,
    writer: claimWriter,
    node,
    clock,
    ids,
    metrics,
    event: (pod, reason, message) =>
      profiles.get(pod.spec.schedulerName)?.events.event(pod, 'Normal', reason, message, { action: 'Scheduling' }),
  };
  const volumes = {
    client,
    clock,
    storage: stored.storage,
    onChange: stored.onChange,
    node,
  };
  const preemption = {
    budgets: () => budgets.all,
    fraction: () => ids.fraction(),
    isPreempting: (uid: string): boolean => evictor.isPreempting(uid),
  };
  for (const made of makeProfiles({ client, preemption, namespaceLabels, groupSelector: groups.selectorOf, volumes, devices })) {
    const profile = times.metered(extenders.size === 0 ? made : bindingFirst(made, extenders.plugin));
    const placer = new PodPlacer({ profile, cluster, fraction: () => ids.fraction(), times });
    profiles.set(profile.schedulerName, { profile, placer, events: recorder(profile.schedulerName) });
  }
  const queue = new SchedulingQueue({
    profiles: new Map([...profiles].map(([name, { profile }]) => [name, profile])),
    compare: prioritySort.queueSort,
    now: () => clock.now(),
    backoff: { initialMs: podInitialBackoffSeconds * 1000, maxMs: podMaxBackoffSeconds * 1000 },
    maxUnschedulableMs: MAX_UNSCHEDULABLE_MS,
    askHint: timeHints({ clock, logger, metrics }),
    incoming: (part, event) => metrics.count('scheduler_queue_incoming_pods_total', { queue: part, event }),
  });
  const evictor: Evictor = new Evictor({
    client,
    clock,
    logger,
    metrics,
    pods: podInformer,
    cancelBinding: (uid, why) => binder.cancel(uid, why),
    activate(uids) {
      queue.activate(uids);
      loop.wake();
    },
  });
  const loop: SchedulingLoop = new SchedulingLoop({
    clock,
    step,
    flush: () => queue.flush(),
    nextFlush: () => queue.nextFlush(),
    broke: broken.reject,
  });
  const wake = (): void => loop.wake();
  const deps: AttemptDeps = {
    profiles,
    cluster,
    queue,
    nominator,
    binder,
    statuses,
    metrics,
    times,
    clock,
    logger,
    wake,
    pods: podInformer,
    evictor,
  };

  const extended = new ExtendedAttempts(extenders, deps);
  function step(): boolean {
    const queued = binder.hasRoom && extended.hasRoom ? queue.pop() : undefined;
    if (queued === undefined) return false;
    const attempt = beginAttempt(queued, deps);
    if (attempt === undefined) return true;
    if (extenders.concern(queued.pod)) extended.run(attempt);
    else attemptPod(attempt, deps);
    return true;
  }

  const watched = {
    cluster,
    queue,
    nominator,
    wake,
    schedules: (name: string) => profiles.has(name),
    left(uid: string) {
      statuses.drop(uid);
      binder.cancel(uid, 'the pod does not exist any more, or is on a node');
    },
    time,
  };
  const changed: ChangeListener = (event, previous, current) => {
    time(event, () => queue.moveAll(event, previous, current));
    wake();
  };
  const gauges: Gauges = {
    pending: () => queue.sizes,
    unschedulable: () => queue.refusals(),
    inFlight: () => queue.inFlightEvents,
    cache: () => ({ nodes: cluster.nodeCount, pods: cluster.pods.size, assumed_pods: cluster.assumedPods }),
    underWay: () => ({ binding: binder.underWay, preemption: evictor.underWay }),
    pods: () => podInformer.list(),
  };
  const removers = [
    stored.listen(changed),
    watchedDevices.listen(changed),
    namespaceInformer.addHandlers(namespaceHandlers(cluster)),
    nodeInformer.addHandlers(nodeHandlers(watched)),
    podInformer.addHandlers(podHandlers(watched)),
  ];

  return {
    broken: broken.promise,
    async start() {
      await Promise.all([
        nodeInformer.synced(),
        podInformer.synced(),
        budgetInformer.synced(),
        namespaceInformer.synced(),
        groups.synced(),
        stored.synced(),
        watchedDevices.synced(),
      ]);
      if (stopped.signal.aborted) return;
      metrics.follow(gauges);
      loop.start();
    },
    async stop() {
      loop.stop();
      metrics.follow(undefined);
      stopped.abort(new Error('the scheduler stops'));
      for (const remove of removers) remove();
      budgets.stop();
      watchedDevices.stop();
      await extended.stop();
      await binder.stop();
      await evictor.settled();
      await claimWriter.settled();
      await statuses.settled();
      await Promise.all(recorders.map((made) => made.flush()));
    },
  };
}
