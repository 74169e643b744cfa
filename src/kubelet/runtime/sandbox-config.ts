// pure
// The CRI configuration of a pod's sandbox.
import { isSidecar } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import type { Input } from '#cri/contract.ts';
import type { LinuxContainerResources, LinuxPodSandboxConfig, PodSandboxConfig, PortMapping, UserNamespace } from '#cri/gen/objects.ts';
import type { ResolverConfig } from '../network/dns.ts';
import type { PodHostname } from '../network/hostname.ts';
import { isHostNetworkPod } from '../pod/identity.ts';
import { amountsOf, podLimits, podRequests } from '../pod/resources.ts';
import { sandboxLabels } from './labels.ts';
import { CPU_PERIOD_US, quotaOf, sharesOf } from './linux-resources.ts';
import { sandboxSecurityContext } from './security-context.ts';

export interface SandboxConfigInput {
  readonly pod: Pod;
  readonly attempt: number;
  readonly hostname: PodHostname;
  readonly userNamespace: Input<UserNamespace>;
  readonly dns: ResolverConfig;
  /** Empty when pods have no cgroup of their own. */
  readonly cgroupParent: string;
  readonly logDirectory: string;
}

/** Source: generatePodSandboxConfig. */
export function sandboxConfig(input: SandboxConfigInput): Input<PodSandboxConfig> {
  const { pod, attempt, hostname, dns, cgroupParent, logDirectory } = input;
  const { name, namespace, uid, annotations = {} } = pod.metadata;
  return {
    metadata: { name, namespace, uid, attempt },
    labels: sandboxLabels(pod),
    annotations,
    logDirectory,
    dnsConfig: dns,
    ...(isHostNetworkPod(pod) && pod.spec.hostnameOverride === undefined ? {} : { hostname: hostname.kernel }),
    portMappings: portMappings(pod),
    linux: {
      cgroupParent,
      securityContext: sandboxSecurityContext(pod, input.userNamespace),
      sysctls: Object.fromEntries((pod.spec.securityContext?.sysctls ?? []).map((sysctl) => [dotted(sysctl.name), sysctl.value])),
      ...sandboxResources(pod),
    },
  };
}

/** What the pod takes beside its containers, and what these take together. Source: applySandboxResources. */
export function sandboxResources({ spec }: Pod): Pick<Input<LinuxPodSandboxConfig>, 'overhead' | 'resources'> {
  const own = { ...spec, overhead: {} };
  return {
    overhead: kernel(amountsOf(spec.overhead), amountsOf(spec.overhead)),
    resources: kernel(podRequests(own), podLimits(own)),
  };
}

function kernel(requests: Readonly<Record<string, number>>, limits: Readonly<Record<string, number>>): Input<LinuxContainerResources> {
  return {
    cpuShares: sharesOf(requests['cpu'] ?? 0),
    cpuQuota: quotaOf(limits['cpu'] ?? 0),
    cpuPeriod: CPU_PERIOD_US,
    memoryLimitInBytes: limits['memory'] ?? 0,
  };
}

function portMappings({ spec }: Pod): readonly Input<PortMapping>[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
  return containers.flatMap(({ ports = [] }) =>
    ports.map(({ protocol, containerPort, hostPort = 0, hostIP = '' }) => ({ protocol, containerPort, hostPort, hostIp: hostIP })),
  );
}

/** `net/ipv4/ip_forward` as `net.ipv4.ip_forward`. Source: ConvertPodSysctlsVariableToDotsSeparator. */
function dotted(name: string): string {
  const first = name.search(/[./]/);
  if (first === -1 || name[first] === '.') return name;
  return name.replaceAll(/[./]/g, (char) => (char === '/' ? '.' : '/'));
}
