// pure
// Ports of a node's addresses that pods take. Source: kube-scheduler/framework HostPortInfo, schedutil.GetHostPorts.
import { isSidecar } from '#api/pods.ts';
import type { ContainerPort, Pod } from '#api/types.ts';

export interface HostPort {
  readonly ip: string;
  /** `TCP:80`. */
  readonly port: string;
}

const ANY_ADDRESS = '0.0.0.0';

/** Of containers that run as long as the pod does. */
export function hostPorts({ spec }: Pod): readonly HostPort[] {
  let ports: HostPort[] | undefined;
  const add = (list: readonly ContainerPort[] | undefined): void => {
    for (const { hostPort = 0, hostIP = '', protocol } of list ?? []) {
      if (hostPort <= 0) continue;
      ports ??= [];
      ports.push({ ip: hostIP === '' ? ANY_ADDRESS : hostIP, port: `${protocol ?? 'TCP'}:${hostPort}` });
    }
  };
  for (const container of spec.initContainers ?? []) if (isSidecar(container)) add(container.ports);
  for (const container of spec.containers) add(container.ports);
  return ports ?? NO_PORTS;
}

export const NO_PORTS: readonly HostPort[] = [];

/** Ports in use, each as often as pods use it. */
export type UsedPorts = Map<string, number>;

const keyOf = ({ ip, port }: HostPort): string => `${port}/${ip}`;

export function usePorts(used: UsedPorts, ports: readonly HostPort[], sign: 1 | -1): void {
  for (const port of ports) {
    for (const key of [keyOf(port), port.port]) {
      const count = (used.get(key) ?? 0) + sign;
      if (count === 0) used.delete(key);
      else used.set(key, count);
    }
  }
}

/** An address of its own conflicts with the same and with any; any conflicts with all. Source: CheckConflict. */
export function conflictsWith(used: UsedPorts, ports: readonly HostPort[]): boolean {
  if (used.size === 0) return false;
  return ports.some((port) =>
    port.ip === ANY_ADDRESS ? used.has(port.port) : used.has(keyOf(port)) || used.has(keyOf({ ip: ANY_ADDRESS, port: port.port })),
  );
}
