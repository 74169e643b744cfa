// A pod's sandbox: what it is configured with, and its creation.
import { mkdir } from 'node:fs/promises';
import type { Pod } from '#api/types.ts';
import type { Input } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { PodSandboxConfig, UserNamespace } from '#cri/gen/objects.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import type { KubeletEvents } from '../events/events.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { podDns, type DnsSettings } from '../network/dns.ts';
import { HostnameError, podHostname, type PodHostname } from '../network/hostname.ts';
import type { PodActions } from '../pod-actions/actions.ts';
import { isHostNetworkPod } from '../pod/identity.ts';
import { userNamespace } from '../user-namespaces/range-plan.ts';
import { UserNamespaceError, type UserNamespaces } from '../user-namespaces/user-namespaces.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import { toRuntimeSandbox } from './convert.ts';
import { RuntimeClassError, type RuntimeHandlers } from './runtime-handlers.ts';
import { sandboxConfig } from './sandbox-config.ts';

/** The sandbox cannot be had now. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
}

export interface SandboxDeps {
  readonly runtime: RuntimeService;
  readonly events: KubeletEvents;
  readonly metrics: KubeletMetrics;
  readonly paths: KubeletPaths;
  readonly dns: () => Promise<DnsSettings>;
  readonly clusterDomain: string;
  readonly cgroupParent: (pod: Pod) => string;
  readonly handlers: RuntimeHandlers;
  readonly userNamespaces: UserNamespaces;
  /** The pod is to be ended: failures of its sandbox are no news. */
  readonly ending: (uid: string) => boolean;
}

/** Where and how a pod's containers run. */
export interface Placement {
  readonly config: Input<PodSandboxConfig>;
  readonly hostname: PodHostname;
  /** Empty for the runtime's default. */
  readonly runtimeHandler: string;
  readonly userNamespace: Input<UserNamespace>;
}

/** @throws SandboxError; Source: generatePodSandboxConfig, LookupRuntimeHandler */
export async function placeSandbox(pod: Pod, { fate }: PodActions, deps: SandboxDeps): Promise<Placement> {
  const { config: dns, warnings } = podDns(pod, await deps.dns());
  for (const { reason, message } of warnings) deps.events.pod(pod, 'Warning', reason, message);
  try {
    const hostname = podHostname(pod, deps.clusterDomain);
    const runtimeHandler = await deps.handlers.of(pod);
    const namespace = userNamespace(await deps.userNamespaces.ensure(pod, runtimeHandler));
    const config = sandboxConfig({
      pod,
      attempt: fate.kind === 'kill' ? 0 : fate.attempt,
      hostname,
      userNamespace: namespace,
      dns,
      cgroupParent: deps.cgroupParent(pod),
      logDirectory: deps.paths.podLogDirectory(pod),
    });
    return { config, hostname, runtimeHandler, userNamespace: namespace };
  } catch (error) {
    if (!(error instanceof HostnameError || error instanceof RuntimeClassError || error instanceof UserNamespaceError)) throw error;
    if (fate.kind !== 'keep') {
      deps.metrics.startedPods.of().add();
      deps.metrics.startedPodsErrors.of().add();
      tellNoSandbox(pod, error, deps);
    }
    throw new SandboxError(error.message, { cause: error });
  }
}

function tellNoSandbox(pod: Pod, error: Error, { events, ending }: SandboxDeps): void {
  if (!ending(pod.metadata.uid)) events.pod(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${error.message}`);
}

export interface Sandbox {
  readonly id: string;
  readonly ips: readonly string[];
}

/** @throws SandboxError, CriError; Source: createPodSandbox */
export async function createSandbox(pod: Pod, placement: Placement, deps: SandboxDeps): Promise<Sandbox> {
  deps.metrics.startedPods.of().add();
  await mkdir(deps.paths.podLogDirectory(pod), { recursive: true, mode: 0o755 });
  let podSandboxId: string;
  try {
    ({ podSandboxId } = await deps.runtime.runPodSandbox({ config: placement.config, runtimeHandler: placement.runtimeHandler }));
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    deps.metrics.startedPodsErrors.of().add();
    tellNoSandbox(pod, error, deps);
    throw error;
  }
  try {
    const { status } = await deps.runtime.podSandboxStatus({ podSandboxId });
    if (status === undefined) throw new SandboxError('pod sandbox status is nil');
    return { id: podSandboxId, ips: isHostNetworkPod(pod) ? [] : toRuntimeSandbox(status).ips };
  } catch (error) {
    if (error instanceof CriError)
      deps.events.pod(pod, 'Warning', 'FailedStatusPodSandBox', `Unable to get pod sandbox status: ${error.message}`);
    throw error;
  }
}
