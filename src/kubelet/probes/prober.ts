// Carries out one probe and tells about it.
import type { Clock } from '#base/clock.ts';
import type { Container, Pod, Probe } from '#api/types.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import type { KubeletEvents } from '../events/events.ts';
import { bareContainerId } from '../runtime/runtime-pod.ts';
import { execProbe } from './exec.ts';
import { grpcProbe } from './grpc.ts';
import { httpProbe } from './http.ts';
import type { ProbeResult } from './result.ts';
import { httpTarget, portOf, PortError } from './target.ts';
import { tcpProbe } from './tcp.ts';
import type { ProbeType } from './worker-plan.ts';

/** Attempts while a probe cannot be carried out. Source: prober maxProbeRetries. */
const MAX_TRIES = 3;
/** Source: probe userAgent, with the version this kubelet follows. */
const PROBE_USER_AGENT = 'kube-probe/1.36';

export interface ProberDeps {
  readonly runtime: RuntimeService;
  readonly events: KubeletEvents;
  readonly clock: Clock;
}

export interface ProbeCall {
  readonly type: ProbeType;
  readonly spec: Probe;
  readonly pod: Pod;
  readonly container: Container;
  /** With its scheme: `containerd://…`. */
  readonly containerID: string;
  readonly podIP: string;
}

/** Undefined when it could not be carried out: the result is thrown away. Source: prober.probe. */
export async function runProbe(call: ProbeCall, { runtime, events, clock }: ProberDeps): Promise<'success' | 'failure' | undefined> {
  let result: ProbeResult = { kind: 'unknown', error: '' };
  for (let attempt = 0; attempt < MAX_TRIES && result.kind === 'unknown'; attempt++) result = await probeOnce(call, runtime, clock);
  const { type, pod, container } = call;
  switch (result.kind) {
    case 'success':
      return 'success';
    case 'warning':
      events.container(pod, container.name, 'Warning', 'ProbeWarning', `${type} probe warning: ${result.output}`);
      return 'success';
    case 'failure':
      events.container(pod, container.name, 'Warning', 'Unhealthy', `${type} probe failed: ${result.output}`);
      return 'failure';
    case 'unknown':
      events.container(pod, container.name, 'Warning', 'Unhealthy', `${type} probe errored and resulted in unknown state: ${result.error}`);
      return undefined;
  }
}

/** Source: prober.runProbe. */
async function probeOnce({ spec, container, containerID, podIP }: ProbeCall, runtime: RuntimeService, clock: Clock): Promise<ProbeResult> {
  const timeoutMs = spec.timeoutSeconds * 1000;
  try {
    if (spec.exec !== undefined)
      return await execProbe(runtime, bareContainerId(containerID), spec.exec.command ?? [], spec.timeoutSeconds);
    if (spec.httpGet !== undefined) {
      return await httpProbe({ target: httpTarget(spec.httpGet, container, podIP), userAgent: PROBE_USER_AGENT, timeoutMs, clock });
    }
    if (spec.tcpSocket !== undefined) {
      const host = spec.tcpSocket.host === undefined || spec.tcpSocket.host === '' ? podIP : spec.tcpSocket.host;
      return await tcpProbe(host, portOf(spec.tcpSocket.port, container), timeoutMs, clock);
    }
    if (spec.grpc !== undefined) {
      const { port, service } = spec.grpc;
      return await grpcProbe({ host: podIP, port, service: service ?? '', timeoutMs, userAgent: PROBE_USER_AGENT, now: clock.now() });
    }
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    return { kind: 'unknown', error: error.message };
  }
  return { kind: 'unknown', error: `missing probe handler for ${container.name}` };
}
