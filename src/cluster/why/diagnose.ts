// pure
// Why a pod is not ready, from its status, its events and its logs. Source for reasons: pkg/kubelet container, events.
import type { ContainerStatus, Event, Node, Pod } from '#api/types.ts';
import { isPodReady, podCondition } from '#api/pods.ts';
import { findCondition } from '#api/conditions.ts';
import type { Cause, CauseKind, Evidence } from './contract.ts';

export interface Observed {
  readonly pod: Pod;
  /** About the pod, in any order. */
  readonly events: readonly Event[];
  /** The node it is on, if it is on one that is there. */
  readonly node: Node | undefined;
  /** Last lines by container; of the run before, for one that ended. */
  readonly logs: ReadonlyMap<string, string>;
  /** What is told of claims the pod waits for. */
  readonly claims?: readonly Evidence[];
}

const IMAGE_REASONS = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'RegistryUnavailable',
  'ImageInspectError',
];
const CONFIG_REASONS = ['CreateContainerConfigError', 'CreateContainerError', 'PreCreateHookError', 'RunContainerError', 'StartError'];
const VOLUME_EVENTS = ['FailedMount', 'FailedAttachVolume', 'FailedMapVolume'];
const SANDBOX_EVENTS = ['FailedCreatePodSandBox', 'NetworkNotReady'];

/** The first that holds, from what ends everything to what only delays. */
export function diagnose(observed: Observed): Cause {
  const { pod } = observed;
  if (pod.status.phase === 'Succeeded') return { kind: 'none', summary: 'the pod has done its work', evidence: [] };
  if (isPodReady(pod) && pod.metadata.deletionTimestamp === undefined) return { kind: 'none', summary: 'the pod is ready', evidence: [] };
  return (
    ended(observed) ??
    unplaced(observed) ??
    lostNode(observed) ??
    failedContainer(observed) ??
    ofEvents(observed, 'volume', VOLUME_EVENTS, 'a volume of the pod cannot be made ready') ??
    ofEvents(observed, 'sandbox', SANDBOX_EVENTS, 'the network of the pod cannot be made') ??
    stillInit(observed) ??
    unready(observed) ?? {
      kind: 'starting',
      summary: 'the pod is being started; nothing has gone wrong so far',
      evidence: conditionsOf(pod),
    }
  );
}

function ended({ pod }: Observed): Cause | undefined {
  const { reason, message = '', phase } = pod.status;
  if (pod.metadata.deletionTimestamp !== undefined) {
    const evidence = [{ source: 'metadata.deletionTimestamp', text: pod.metadata.deletionTimestamp }];
    const waits = (pod.metadata.finalizers ?? []).join(', ');
    return {
      kind: 'ended',
      summary: waits === '' ? 'the pod is being deleted' : `the pod is being deleted and waits for ${waits}`,
      evidence,
    };
  }
  if (phase !== 'Failed' || reason === undefined) return undefined;
  return { kind: 'ended', summary: `the pod was ended: ${reason}`, evidence: [{ source: 'status.reason', text: `${reason}: ${message}` }] };
}

function unplaced({ pod, events, claims = [] }: Observed): Cause | undefined {
  if ((pod.spec.nodeName ?? '') !== '') return undefined;
  const condition = podCondition(pod.status, 'PodScheduled');
  const message = condition?.message ?? `no scheduler has looked at the pod yet; it is left to the one named ${pod.spec.schedulerName}`;
  const since = condition?.lastTransitionTime;
  return {
    kind: 'scheduling',
    summary: 'the pod is on no node',
    evidence: [
      { source: 'condition PodScheduled', text: `${condition?.reason ?? ''}: ${message}`.replace(/^: /, '') },
      ...eventsOf(events, ['FailedScheduling', 'FailedResourceClaimCreation']),
      ...claims,
    ],
    ...sinceOf(since),
  };
}

function lostNode({ pod, node }: Observed): Cause | undefined {
  if (node === undefined) return { kind: 'node', summary: `node ${pod.spec.nodeName} is gone`, evidence: [] };
  const ready = findCondition(node.status?.conditions, 'Ready');
  if (ready === undefined || ready.status === 'True') return undefined;
  return {
    kind: 'node',
    summary: `node ${node.metadata.name} is not ready`,
    evidence: [{ source: 'condition Ready of the node', text: `${ready.reason ?? ''}: ${ready.message ?? ''}` }],
    ...sinceOf(ready.lastTransitionTime),
  };
}

function failedContainer(observed: Observed): Cause | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = observed.pod.status;
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const cause = causeOf(status, observed);
    if (cause !== undefined) return cause;
  }
  return undefined;
}

function causeOf(status: ContainerStatus, observed: Observed): Cause | undefined {
  const { name, image } = status;
  const { reason = '', message = '' } = status.state?.waiting ?? {};
  const waiting: Evidence = { source: `container ${name}, waiting`, text: message === '' ? reason : `${reason}: ${message}` };
  if (IMAGE_REASONS.includes(reason)) {
    const evidence = [waiting, ...eventsOf(observed.events, ['Failed'])];
    return withSince({ kind: 'image', container: name, summary: `image ${image} of container ${name} cannot be pulled`, evidence });
  }
  if (CONFIG_REASONS.includes(reason)) {
    const evidence = [waiting, ...eventsOf(observed.events, ['Failed'])];
    return withSince({ kind: 'configuration', container: name, summary: `container ${name} cannot be made`, evidence });
  }
  return crashOf(status, observed);
}

/** It ended although it should run. */
function crashOf(
  { name, state, lastState, restartCount, ready, started }: ContainerStatus,
  { pod, events, logs }: Observed,
): Cause | undefined {
  const last = state?.terminated ?? lastState?.terminated;
  const isInit = pod.spec.initContainers?.some((container) => container.name === name && container.restartPolicy !== 'Always') === true;
  if (last === undefined || (last.exitCode === 0 && isInit)) return undefined;
  if (state?.running !== undefined && (ready || started === true)) return undefined;
  const { exitCode, signal = 0, reason = '', message = '', finishedAt } = last;
  const how = signal > 0 ? `signal ${signal}` : `exit code ${exitCode}`;
  const killed = eventsOf(events, ['Unhealthy', 'Killing']);
  const isProbed = killed.some(({ text }) => /(Liveness|Startup) probe/.test(text));
  const hooks = eventsOf(events, ['FailedPostStartHook']);
  const log = logs.get(name);
  const evidence: Evidence[] = [
    { source: `container ${name}, last state`, text: [`${how} (${reason})`, message].filter((text) => text !== '').join(': ') },
    ...hooks,
    ...(isProbed && hooks.length === 0 ? killed : []),
    ...(log === undefined || log === '' ? [] : [{ source: `log of ${name}`, text: log }]),
  ];
  const times = restartCount === 0 ? '' : `, ${restartCount} ${restartCount === 1 ? 'restart' : 'restarts'} so far`;
  const what =
    reason === 'OOMKilled'
      ? 'was killed: it used more memory than its limit'
      : reason === 'StartError'
        ? 'cannot be started'
        : hooks.length > 0
          ? 'was killed: its postStart hook failed'
          : isProbed
            ? 'was killed: its probe failed'
            : exitCode === 0
              ? 'ends by itself (exit code 0), and is started again'
              : `ends with ${how}`;
  return {
    kind: isProbed && hooks.length === 0 ? 'probe' : 'crash',
    container: name,
    summary: `container ${name} ${what}${times}`,
    evidence,
    ...sinceOf(finishedAt),
  };
}

function ofEvents({ events }: Observed, kind: CauseKind, reasons: readonly string[], summary: string): Cause | undefined {
  const evidence = eventsOf(events, reasons);
  return evidence.length === 0 ? undefined : withSince({ kind, summary, evidence });
}

/** An init container that takes its time: those after it wait. */
function stillInit({ pod }: Observed): Cause | undefined {
  const isOver = (name: string): boolean =>
    pod.spec.initContainers?.find((container) => container.name === name)?.restartPolicy === 'Always';
  const running = pod.status.initContainerStatuses?.find(({ name, state }) => state?.running !== undefined && !isOver(name));
  if (running === undefined) return undefined;
  const { startedAt } = running.state?.running ?? {};
  return {
    kind: 'starting',
    container: running.name,
    summary: `init container ${running.name} has not ended yet; the containers after it wait for that`,
    evidence: [{ source: `container ${running.name}`, text: `runs since ${startedAt ?? 'some time'}` }],
    ...sinceOf(startedAt),
  };
}

/** Runs, and is not ready. */
function unready({ pod, events }: Observed): Cause | undefined {
  const waiting = pod.status.containerStatuses?.find(({ state, ready }) => state?.running !== undefined && !ready);
  const probes = eventsOf(events, ['Unhealthy', 'ProbeWarning']);
  const probed = pod.spec.containers.find(({ name }) => name === waiting?.name);
  const which = waiting?.started === false ? probed?.startupProbe && 'startup' : probed?.readinessProbe && 'readiness';
  if (waiting !== undefined && (probes.length > 0 || which !== undefined)) {
    const { name } = waiting;
    const summary =
      probes.length > 0 ? `the probe of container ${name} fails` : `container ${name} runs, and its ${which} probe has not succeeded yet`;
    return withSince({ kind: 'probe', container: name, summary, evidence: probes });
  }
  const gate = pod.spec.readinessGates?.find(({ conditionType }) => podCondition(pod.status, conditionType)?.status !== 'True');
  if (waiting !== undefined || gate === undefined) return undefined;
  const condition = podCondition(pod.status, gate.conditionType);
  const text = condition === undefined ? 'nobody has set it' : `${condition.status}: ${condition.message ?? ''}`;
  return {
    kind: 'readiness-gate',
    summary: `readiness gate ${gate.conditionType} is not True`,
    evidence: [{ source: `condition ${gate.conditionType}`, text }],
  };
}

function conditionsOf({ status }: Pod): readonly Evidence[] {
  const open = status.conditions?.filter((condition) => condition.status !== 'True') ?? [];
  return open.map(({ type, status: state, reason = '', message = '' }) => ({
    source: `condition ${type}`,
    text: `${reason} ${message}`.trim() || state,
  }));
}

/** What the kubelet tells besides, and is no more than the reason a container waits for. */
const NOTHING_NEW = new Set(IMAGE_REASONS.map((reason) => `Error: ${reason}`));

/** The last of each text, the latest first. */
function eventsOf(events: readonly Event[], reasons: readonly string[]): readonly Evidence[] {
  const found = events
    .filter(({ reason = '', message = '' }) => reasons.includes(reason) && !NOTHING_NEW.has(message))
    .map(({ reason = '', message = '', ...event }) => ({ source: `event ${reason}`, text: message, time: timeOf(event) }))
    .toSorted((a, b) => (a.time < b.time ? 1 : -1));
  return found.filter(({ text }, i) => found.findIndex((other) => other.text === text) === i).slice(0, MOST_EVENTS);
}

const MOST_EVENTS = 3;

function timeOf({ eventTime, lastTimestamp, firstTimestamp, series, metadata }: Partial<Event>): string {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata?.creationTimestamp ?? '';
}

const sinceOf = (since: string | null | undefined): Pick<Cause, 'since'> => (since === undefined || since === null ? {} : { since });

/** The earliest its evidence tells of. */
function withSince(cause: Cause): Cause {
  const [first] = cause.evidence.flatMap(({ time = '' }) => (time === '' ? [] : [time])).toSorted();
  return first === undefined ? cause : { ...cause, since: first };
}
