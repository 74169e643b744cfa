// pure
// What is wrong with a container of a pod, by its state and its events. Source for reasons: pkg/kubelet container, events.
import type { ContainerStatus, Pod } from '#api/types.ts';
import type { Cause, Evidence } from './contract.ts';
import type { Observed } from './diagnose.ts';
import { eventsOf, IMAGE_REASONS, sinceOf, withSince } from './event-evidence.ts';

const CONFIG_REASONS = ['CreateContainerConfigError', 'CreateContainerError', 'PreCreateHookError', 'RunContainerError', 'StartError'];

/** The first container that cannot be started, or ended although it should run. */
export function failedContainer(observed: Observed): Cause | undefined {
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
    const pulling = eventsOf(observed.events, ['Failed', 'FailedToRetrieveImagePullSecret'], name);
    const evidence = [waiting, ...pulling];
    return withSince({ kind: 'image', container: name, summary: `image ${image} of container ${name} cannot be pulled`, evidence });
  }
  if (CONFIG_REASONS.includes(reason)) {
    const failed = eventsOf(observed.events, ['Failed'], name);
    const same = failed.find(({ text }) => text === `Error: ${message}`);
    const evidence = [{ ...waiting, ...(same?.time === undefined ? {} : { time: same.time }) }, ...failed.filter((each) => each !== same)];
    return withSince({ kind: 'configuration', container: name, summary: `container ${name} cannot be made`, evidence });
  }
  return crashOf(status, observed);
}

const isSidecar = (pod: Pod, name: string): boolean =>
  pod.spec.initContainers?.some((container) => container.name === name && container.restartPolicy === 'Always') === true;

/** A container that may end well: one that runs before the others, or any where the pod is to run once. */
function mayEnd({ spec, ...pod }: Pod, name: string): boolean {
  const isInit = spec.initContainers?.some((container) => container.name === name) === true;
  return !isSidecar({ spec, ...pod }, name) && (isInit || (spec.restartPolicy ?? 'Always') !== 'Always');
}

/** It ended although it should run. */
function crashOf(status: ContainerStatus, { pod, events, logs }: Observed): Cause | undefined {
  const { name, state, lastState, restartCount, ready, started } = status;
  const last = state?.terminated ?? lastState?.terminated;
  if (last === undefined || (last.exitCode === 0 && mayEnd(pod, name))) return undefined;
  if (state?.running !== undefined && (ready || started === true)) return undefined;
  const { exitCode, signal = 0, reason = '', message = '', finishedAt } = last;
  const how = signal > 0 ? `signal ${signal}` : `exit code ${exitCode}`;
  const killed = eventsOf(events, ['Unhealthy', 'Killing'], name);
  const isProbed = killed.some(({ text }) => /(Liveness|Startup) probe/.test(text));
  const hooks = eventsOf(events, ['FailedPostStartHook'], name);
  const log = logs.get(name);
  const evidence: Evidence[] = [
    { source: `container ${name}, last state`, text: [`${how} (${reason})`, message].filter((text) => text !== '').join(': ') },
    ...hooks,
    ...(isProbed && hooks.length === 0 ? killed : []),
    ...(log === undefined || log === '' ? [] : [{ source: `log of ${name}`, text: log }]),
  ];
  const what =
    reason === 'OOMKilled'
      ? outOfMemory(pod, name)
      : reason === 'StartError'
        ? 'cannot be started'
        : hooks.length > 0
          ? 'was killed: its postStart hook failed'
          : isProbed
            ? 'was killed: its probe failed'
            : exitCode === 0
              ? 'ends by itself (exit code 0), and is started again'
              : `ends with ${how}`;
  const isOver = pod.spec.restartPolicy === 'Never' && !isSidecar(pod, name);
  const times = restartCount === 0 ? '' : `, ${restartCount} ${restartCount === 1 ? 'restart' : 'restarts'} so far`;
  return {
    kind: isProbed && hooks.length === 0 ? 'probe' : 'crash',
    container: name,
    summary: `container ${name} ${what}${isOver ? ', and is not started again (restartPolicy Never)' : times}`,
    evidence,
    ...sinceOf(finishedAt),
  };
}

/** Without a limit of its own or of the pod it was the node's memory that ran out. */
function outOfMemory({ spec }: Pod, name: string): string {
  const own = [...(spec.initContainers ?? []), ...spec.containers].find((container) => container.name === name);
  if (own?.resources?.limits?.['memory'] !== undefined) return 'was killed: it used more memory than its limit';
  if (spec.resources?.limits?.['memory'] !== undefined) return "was killed: the pod's containers used more memory than the pod's limit";
  return 'was killed: it has no memory limit, and its node ran out of memory';
}

/** An init container that takes its time: those after it wait. */
export function stillInit({ pod }: Observed): Cause | undefined {
  const running = pod.status.initContainerStatuses?.find(({ name, state }) => state?.running !== undefined && !isSidecar(pod, name));
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

/** An image on its way to the node. */
export function pulling({ pod, events }: Observed): Cause | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status;
  for (const { name, image, state } of [...initContainerStatuses, ...containerStatuses]) {
    if (state?.waiting === undefined) continue;
    const [latest] = eventsOf(events, ['Pulling', 'Pulled'], name);
    if (latest?.source !== 'event Pulling' || !latest.text.includes(image)) continue;
    return withSince({
      kind: 'starting',
      container: name,
      summary: `image ${image} of container ${name} is being pulled`,
      evidence: [latest],
    });
  }
  return undefined;
}

/** Runs, and is not ready: a sidecar among them, for which the others wait. */
export function unready({ pod, events }: Observed): Cause | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status;
  const sidecars = initContainerStatuses.filter(({ name }) => isSidecar(pod, name));
  for (const { name, state, ready, started } of [...sidecars, ...containerStatuses]) {
    if (state?.running === undefined || ready) continue;
    const probes = eventsOf(events, ['Unhealthy', 'ProbeWarning'], name);
    const probed = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find((container) => container.name === name);
    const which = started === false ? probed?.startupProbe && 'startup' : probed?.readinessProbe && 'readiness';
    if (probes.length === 0 && which === undefined) continue;
    const wait = started === false && isSidecar(pod, name) ? '; the containers after it wait for that' : '';
    const summary =
      probes.length > 0
        ? `the probe of container ${name} fails${wait}`
        : `container ${name} runs, and its ${which} probe has not succeeded yet${wait}`;
    return withSince({ kind: 'probe', container: name, summary, evidence: probes });
  }
  return undefined;
}
